"""Off-policy evaluation: coverage where the truth is known, and what a real log of clicks can tell.

Run ``python -m benchmarks.quality.off_policy [--part simulated real] [--runs N]``. ``real`` reads the folder ``obd_men`` of
``PRICEBID_DATA``: 10,000 rows of a uniform and 10,000 of a Thompson policy on the same pages (Open Bandit Dataset), with 46 and
69 clicks.
"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from benchmarks.quality.data import data_folder

from pricebid.learning import BetaThompson
from pricebid.learning.evaluation import EvaluationSettings, PoorOverlap, evaluate_law, replay
from pricebid.tables.decisions import DecisionLog, log_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Row = dict[str, object]

NAMES = ("ips", "snips", "dm", "dr", "sndr", "switch dr", "dr-os")
OPTIONS = 5


def softmax(score: Floats, *, floor: float) -> Floats:
    """Probabilities that are at least floor / options."""
    weight = np.exp(score - score.max(axis=1, keepdims=True))
    law = floor / score.shape[1] + (1 - floor) * weight / weight.sum(axis=1, keepdims=True)
    return law / law.sum(axis=1, keepdims=True)


def simulated_log(n: int, rng: np.random.Generator, *, floor: float, rare: bool) -> tuple[DecisionLog, Floats, float]:
    """Draw a log, a candidate's law on it, and the candidate's true value on these contexts.

    The reward is curved in the context, so that the linear model is wrong.
    """
    x = rng.normal(size=(n, 3))
    turn = np.linspace(0.0, 2.0, OPTIONS)
    score = np.sin(x[:, :1] + turn) + 0.3 * x[:, 1:2] * np.cos(turn)
    expected = np.clip(0.02 * np.exp(score), 0.0, 1.0) if rare else 2.0 + score
    logged = softmax(np.column_stack([x[:, 0] * one for one in turn]), floor=floor)
    candidate = softmax(3.0 * score, floor=0.05)
    option = (rng.random(n)[:, None] > np.cumsum(logged, axis=1)[:, :-1]).sum(axis=1)
    mean = expected[np.arange(n), option]
    reward = (rng.random(n) < mean).astype(float) if rare else mean + rng.normal(size=n)
    log = DecisionLog(
        options=np.array([f"o{at}" for at in range(OPTIONS)], dtype=object),
        option=option,
        reward=reward,
        propensity=logged[np.arange(n), option],
        numbers=tuple((f"x{at}", x[:, at]) for at in range(3)),
    )
    return log, candidate, float((candidate * expected).sum(axis=1).mean())


def simulated(runs: int) -> list[Row]:
    """Coverage, bias and error of every estimator; and how often poor overlap is refused."""
    rows: list[Row] = []
    cases = (
        ("much overlap", 0.3, False, 1_000),
        ("little overlap", 0.03, False, 1_000),
        ("rare clicks", 0.3, True, 5_000),
    )
    settings = EvaluationSettings(clip=5.0)
    for name, floor, rare, n in cases:
        rng = np.random.default_rng(3)
        truth = float(np.mean([simulated_log(20_000, rng, floor=floor, rare=rare)[2] for _ in range(20)]))
        made, refused = [], 0
        for _ in range(runs):
            log, law, _ = simulated_log(n, rng, floor=floor, rare=rare)
            try:
                made.append(evaluate_law(log, law, settings=settings))
            except PoorOverlap:
                refused += 1
        print(f"{name}: {runs:,} logs of {n:,} decisions, {refused} refused; true value {truth:.4f}")
        print("  estimator     95 % covers, % (se)    bias      rmse     mean standard error")
        for estimator in NAMES if made else ():
            values = np.array([one.of(estimator).value for one in made])
            errors = np.array([one.of(estimator).error for one in made])
            spans = np.array([one.of(estimator).interval() for one in made])
            hit = float(((spans[:, 0] <= truth) & (truth <= spans[:, 1])).mean())
            spread = 100 * np.sqrt(hit * (1 - hit) / len(made))
            rmse = float(np.sqrt(np.mean((values - truth) ** 2)))
            print(
                f"  {estimator:10}      {100 * hit:5.1f} ({spread:.1f})     {values.mean() - truth:+.4f}   {rmse:.4f}   {errors.mean():.4f}"
            )
            rows.append({"case": name, "estimator": estimator, "covered": hit, "rmse": rmse, "refused": refused / runs})
        print()
    return rows


def real_log(name: str) -> DecisionLog:
    """Read one of the two logs; what was known: slot of the page, hour, features of the visitor."""
    frame = pd.read_csv(data_folder() / "obd_men" / f"{name}_men.csv.gz", dtype={"item_id": str})
    frame = frame.sort_values("timestamp", kind="stable")
    frame = frame.rename(columns={"item_id": "option", "propensity_score": "propensity", "click": "reward"})
    frame["position"] = "slot " + frame["position"].astype(str)
    return log_of(frame, name=name)


def real() -> list[Row]:
    """The value of the uniform policy from the Thompson log against its own clicks, and replays of a learner."""
    uniform, thompson = real_log("random"), real_log("bts")
    options = np.union1d(uniform.options, thompson.options).tolist()
    uniform, thompson = uniform.with_options(options), thompson.with_options(options)
    rows: list[Row] = []
    for name, log in (("uniform", uniform), ("thompson", thompson)):
        rate, n = float(log.reward.mean()), len(log)
        error = np.sqrt(rate * (1 - rate) / n)
        print(f"{name} log: {int(log.reward.sum())} clicks of {n:,}, {100 * rate:.2f} % ({100 * error:.2f})")
    flat = np.full((len(thompson), len(options)), 1.0 / len(options))
    # Displays of the thompson log whose option had probability 0 in the candidate do not exist: the candidate is uniform.
    try:
        found = evaluate_law(thompson, flat, name="uniform, from the thompson log")
        print(found.to_frame().to_string(index=False, float_format=lambda one: f"{one:.5f}"))
        print(f"effective sample size {found.overlap.ess:,.0f}; {'; '.join(found.notices)}")
        rows.append({"real": "uniform from thompson", "dr": found.of("dr").value, "ess": found.overlap.ess})
    except PoorOverlap as error:
        print(f"uniform, from the thompson log: refused: {error}")
        rows.append({"real": "uniform from thompson", "refused": "; ".join(error.overlap.reasons)})
    for seed in range(3):
        policy = BetaThompson(options=len(options))
        run = replay(policy, uniform, np.random.default_rng(seed), batch=50)
        low, high = run.interval()
        print(
            f"Beta-Thompson replayed on the uniform log, seed {seed}: {len(run.kept)} of {len(uniform):,} displays count, "
            f"{int(run.reward.sum())} clicks, {100 * run.value:.2f} % (95 % interval {100 * low:.2f} to {100 * high:.2f} %)"
        )
        rows.append({"real": f"replay {seed}", "kept": len(run.kept), "low": low, "high": high})
    rate = float(uniform.reward.mean())
    needed = 2 * (1.96 + 0.84) ** 2 * rate * (1 - rate) / (0.5 * rate) ** 2
    print(
        f"What this cannot show: a click rate of {100 * rate:.2f} % needs about {needed:,.0f} kept displays per policy to see a gain of "
        "a half; a replay keeps some 300."
    )
    return rows


def main(argv: Sequence[str] | None = None) -> list[Row]:
    """Print the tables, and return their rows."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--part", nargs="*", choices=("simulated", "real"), default=["simulated", "real"])
    parser.add_argument("--runs", type=int, default=1_000)
    asked = parser.parse_args(argv)
    rows = simulated(asked.runs) if "simulated" in asked.part else []
    return rows + (real() if "real" in asked.part else [])


if __name__ == "__main__":
    main()
