"""Contextual prices, warm starts, drifting and changing arms, and the best arm, where the truth is known.

Every figure is a mean over independent runs with its standard error. Shares are of the expected reward of a clairvoyant who knows
the truth at every moment.
"""

from __future__ import annotations

import argparse
import time
from typing import TYPE_CHECKING, Any

import numpy as np

from pricebid.demand.response import LogLinearResponse
from pricebid.learning import (
    BestArm,
    BetaThompson,
    ChangeDetector,
    ChangingThompson,
    Crossed,
    Discount,
    ForgettingThompson,
    LinearThompson,
    LinUCB,
    LogisticThompson,
    Outcome,
    PerOption,
    Window,
    beta_prior,
    logit_pricing,
    pooled_prior,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

LADDER = np.arange(0.25, 10.01, 0.05)
Rows = list[dict[str, object]]


def _told(rows: Rows, values: Sequence[float], **names: object) -> None:
    array = np.asarray(values, dtype=np.float64)
    error = float(array.std(ddof=1) / np.sqrt(len(array))) if len(array) > 1 else float("nan")
    rows.append(
        {**names, "mean": float(array.mean()), "error": error, "lowest": float(array.min()), "runs": len(array)}
    )
    said = "  ".join(f"{name} {value}" for name, value in names.items())
    print(f"{said:<78} {array.mean():.5f} +- {error:.5f}  lowest {array.min():.4f}  runs {len(array)}", flush=True)


def pricing_run(seed: int, *, horizon: int, batch: int, known: bool, spread: float, spread_is_sd: bool) -> float:
    """Share of the clairvoyant's expected revenue, who asks the best price (not only on the ladder) of each buyer."""
    rng = np.random.default_rng(seed)
    theta = np.append(2.0, rng.normal(0.0, 0.6 if spread_is_sd else np.sqrt(0.6), 4))
    policy = logit_pricing(prices=LADDER, context=5, scale=1.0, scale_known=known, spread=spread)
    state, got, best = policy.start(), 0.0, 0.0
    fine = np.arange(0.2, 16.0, 0.02)
    for _ in range(horizon // batch):
        context = np.concatenate([np.ones((batch, 1)), rng.standard_normal((batch, 4))], axis=1)
        worth = context @ theta
        option = policy.choose_many(state, rng, batch, context=context).option
        chance = 1.0 / (1.0 + np.exp(LADDER[option] - worth))
        got += float((LADDER[option] * chance).sum())
        best += float((fine / (1.0 + np.exp(fine - worth[:, None]))).max(axis=1).sum())
        bought = rng.random(batch) < chance
        state = policy.update(
            state,
            [
                Outcome(option=int(k), units=float(u), context=x)
                for k, u, x in zip(option, bought, context, strict=True)
            ],
        )
    return got / best


def pricing(rows: Rows, args: argparse.Namespace) -> None:
    """Contextual logit pricing: theta = (2, N(0, .6)^4), x = (1, N(0, 1)^4), scale 1."""
    for horizon, batch in ((1_000, 1), (10_000, 10)):
        if horizon > args.horizon:
            continue
        for known, spread, is_sd in (
            (True, 0.5, False),
            (True, 0.5, True),
            (True, 1.0, False),
            (False, 0.5, False),
        ):
            shares = [
                pricing_run(
                    args.first + seed, horizon=horizon, batch=batch, known=known, spread=spread, spread_is_sd=is_sd
                )
                for seed in range(args.runs)
            ]
            kind = "sd" if is_sd else "variance"
            _told(rows, shares, part="pricing", T=horizon, scale="known" if known else "learnt", spread=spread, of=kind)


def _arms_run(
    policy: Any,  # noqa: ANN401 - any learner of arms
    chance: np.ndarray,
    worth: np.ndarray,
    rng: np.random.Generator,
    batch: int = 5,
) -> float:
    # chance: float[period, option] of success.
    state, got, best = policy.start(), 0.0, 0.0
    for begin in range(0, len(chance), batch):
        times = np.arange(begin, min(begin + batch, len(chance)))
        option = policy.choose_many(state, rng, len(times)).option
        here = chance[times, option]
        got += float((here * worth[option]).sum())
        best += float((chance[times] * worth).max(axis=1).sum())
        paid = rng.random(len(times)) < here
        state = policy.update(
            state,
            [
                Outcome(option=int(k), units=float(u), time=float(t))
                for k, u, t in zip(option, paid, times, strict=True)
            ],
        )
    return got / best


def warm(rows: Rows, args: argparse.Namespace) -> None:
    """Prices learnt from a demand model's draws and from nothing; truths are other draws of the same model."""
    ladder = np.array([6.0, 7.0, 8.0, 9.0, 10.0, 11.0, 12.0, 14.0])
    buyers = 2_000.0
    response = LogLinearResponse(
        current=np.array([9.0]),
        base=np.array([[400.0]]),
        groups=np.array([0]),
        weight=np.array([1.0]),
        own_mean=np.array([-2.2]),
        cross_mean=np.array([0.0]),
        covariance=np.array([[[0.5, 0.0], [0.0, 0.0]]]),
        common_covariance=np.zeros((1, 2, 2)),
        level_sd=np.array([0.2]),
        common_level_sd=np.zeros(1),
        carry=np.array([0.0]),
        decay=0.0,
        curvature=0.0,
        dispersion=np.array([0.0]),
    )

    def drawn(seed: int, n: int) -> np.ndarray:
        units = response.draws(ladder[:, None], np.random.default_rng(seed), n)
        return np.clip(units[:, :, 0].T / buyers, 0.0, 1.0)

    worth = ladder - 4.0
    wins, losses = beta_prior(drawn(1, 2_000), trust=0.5, most=300.0)
    truths = drawn(args.first + 2, args.runs)
    kinds = {
        "cold": BetaThompson(options=len(ladder), worth=worth),
        "warm": BetaThompson(options=len(ladder), worth=worth, prior_wins=wins, prior_losses=losses),
    }
    for horizon in (200, 1_000, 5_000):
        for name, policy in kinds.items():
            shares = [
                _arms_run(policy, np.tile(truth, (horizon, 1)), worth, np.random.default_rng(args.first + seed))
                for seed, truth in enumerate(truths)
            ]
            _told(rows, shares, part="warm, demand model", T=horizon, start=name)
    _warm_groups(rows, args)


def _warm_groups(rows: Rows, args: argparse.Namespace) -> None:
    # Logistic responses of a new region, from what 20 other regions showed.
    options = np.array([[1.0, 0.0], [1.0, 0.5], [1.0, 1.0], [1.0, 1.5]])
    worth = np.array([1.0, 0.9, 0.8, 0.7])
    features = Crossed(of_options=options, context=2)
    for name in ("cold", "warm"):
        shares = []
        for seed in range(args.runs):
            rng = np.random.default_rng(args.first + seed)
            common = np.array([-1.5, 0.5, 0.8, -0.4])
            regions = common + 0.4 * rng.standard_normal((21, 4))
            policy = LogisticThompson(features=features, worth=worth)
            if name == "warm":
                learnt = [_region(policy, truth, rng, 300)[1] for truth in regions[1:]]
                covariances = np.array([state.root[0] @ state.root[0].T for state in learnt])
                told = pooled_prior([state.mean[0] for state in learnt], covariances)
                policy = LogisticThompson(features=features, worth=worth, prior=told)
            shares.append(_region(policy, regions[0], np.random.default_rng(args.first + 1_000 + seed), 300)[0])
        _told(rows, shares, part="warm, other regions", T=300, start=name)


def _region(policy: LogisticThompson, truth: np.ndarray, rng: np.random.Generator, horizon: int) -> tuple[float, Any]:
    state, got, best = policy.start(), 0.0, 0.0
    for _ in range(0, horizon, 5):
        context = np.concatenate([np.ones((5, 1)), rng.standard_normal((5, 1))], axis=1)
        option = policy.choose_many(state, rng, 5, context=context).option
        chance = 1.0 / (1.0 + np.exp(-policy.features.of_all(context) @ truth))
        reward = chance * np.asarray(policy.worth)
        got += float(reward[np.arange(5), option].sum())
        best += float(reward.max(axis=1).sum())
        paid = rng.random(5) < chance[np.arange(5), option]
        outcomes = [
            Outcome(option=int(k), units=float(u), context=x) for k, u, x in zip(option, paid, context, strict=True)
        ]
        state = policy.update(state, outcomes)
    return got / best, state


def drift(rows: Rows, args: argparse.Namespace) -> None:
    """Five arms over 5,000 periods: steady, changing at once (a rival leaves at 2,000, returns at 3,500), and turning slowly."""
    periods = np.arange(5_000)
    base = np.array([0.30, 0.25, 0.20, 0.15, 0.10])
    steady = np.tile(base, (5_000, 1))
    away = (periods >= 2_000) & (periods < 3_500)
    sudden = np.where(away[:, None], base[::-1] + 0.2 * (np.arange(5) == 4), base)
    season = 0.25 + 0.15 * np.sin(2 * np.pi * (periods[:, None] / 5_000 + np.arange(5) / 5))
    arms = BetaThompson(options=5)
    policies: dict[str, Any] = {
        "nothing forgotten": arms,
        "discounted, .998": ForgettingThompson(arms=arms, forgetting=Discount(keep=0.998)),
        "window of 1,000": ForgettingThompson(arms=arms, forgetting=Window(periods=1_000.0)),
        "change detection": ChangingThompson(arms=arms),
        "change detection, together": ChangingThompson(arms=arms, detector=ChangeDetector(together=True)),
    }
    for market, chance in (("steady", steady), ("sudden", sudden), ("season", season)):
        for name, policy in policies.items():
            shares = [
                _arms_run(policy, chance, np.ones(5), np.random.default_rng(args.first + seed))
                for seed in range(args.runs)
            ]
            _told(rows, shares, part="drift", market=market, policy=name)


def change(rows: Rows, args: argparse.Namespace) -> None:
    """False alarms over 4,000 periods of four steady arms, and how long a change stays unseen."""
    detector = ChangeDetector()
    for chance in (0.02, 0.1, 0.5):
        alarms = [_watch(detector, np.full(4_000, chance), args.first + seed)[0] for seed in range(args.nulls)]
        _told(rows, alarms, part="false alarms (5 % stated)", chance=chance)
    for before, after in ((0.3, 0.5), (0.1, 0.2), (0.5, 0.3)):
        then = np.where(np.arange(5_000) < 1_500, before, after)
        found = [_watch(detector, then, args.first + seed, options=1)[1] - 1_500 for seed in range(args.runs)]
        _told(rows, found, part="outcomes until a change is found", before=before, after=after)


def _watch(detector: ChangeDetector, chance: np.ndarray, seed: int, options: int = 4) -> tuple[float, float]:
    # The arms in turn, 20 periods at a time; chance is that of every arm.
    rng = np.random.default_rng(seed)
    state = detector.start(options)
    for begin in range(0, len(chance), 20):
        times = np.arange(begin, begin + 20)
        reward = (rng.random(20) < chance[times]).astype(np.float64)
        statistics = np.stack([np.ones(20), reward], axis=1)
        state = detector.update(state, times.astype(np.float64), times % options, statistics)
        if state.alarms.any():
            return 1.0, begin + 20.0
    return 0.0, float(len(chance))


def best_arm(rows: Rows, args: argparse.Namespace) -> None:
    """How often the wrong arm is named (5 % allowed), and after how many outcomes; top-two sampling and arms in turn."""
    for name, means in (
        ("clear", [0.1, 0.3, 0.15]),
        ("close", [0.10, 0.15, 0.20, 0.26]),
        ("many", [0.05] * 9 + [0.12]),
    ):
        search = BestArm(options=len(means))
        for way in ("top two", "in turn"):
            ended = [_search(search, np.array(means), way, args.first + seed) for seed in range(args.runs)]
            _told(rows, [float(best != int(np.argmax(means))) for best, _ in ended], part="wrong", arms=name, way=way)
            _told(rows, [float(count) for _, count in ended], part="outcomes until decided", arms=name, way=way)


def _search(
    search: BestArm, means: np.ndarray, way: str, seed: int, step: int = 10, most: int = 200_000
) -> tuple[int, int]:
    rng = np.random.default_rng(seed)
    state, count = search.start(), 0
    while state.best < 0 and count < most:
        if way == "in turn":
            option = (count + np.arange(step)) % len(means)
        else:
            option = search.choose_many(state, rng, step).option
        paid = rng.random(step) < means[option]
        state = search.update(
            state, [Outcome(option=int(k), units=float(u)) for k, u in zip(option, paid, strict=True)]
        )
        count += step
    return state.best, count


def speed(rows: Rows, args: argparse.Namespace) -> None:
    """Microseconds of processor time per choice, one at a time and in a batch, and per outcome: 10 options, contexts of 5."""
    features = PerOption(options=10, context=5)
    crossed = Crossed(of_options=np.random.default_rng(0).standard_normal((10, 2)), context=5)
    policies: dict[str, Any] = {
        "linear Thompson, per option": LinearThompson(features=features, noise=0.5),
        "linear Thompson, crossed": LinearThompson(features=crossed, noise=0.5),
        "LinUCB, per option": LinUCB(features=features, noise=0.5),
        "logistic Thompson, per option": LogisticThompson(features=features),
        "logistic Thompson, crossed": LogisticThompson(features=crossed),
        "logit pricing, 196 prices": logit_pricing(prices=LADDER, context=5),
    }
    for name, policy in policies.items():
        rng = np.random.default_rng(1)
        context = rng.standard_normal((2_000, 5))
        outcomes = [Outcome(option=k % 10, units=float(k % 3 == 0), context=context[k]) for k in range(600)]
        state = policy.update(policy.start(), outcomes)
        figures = {
            "one": _timed(lambda: [policy.choose(state, rng, context=row) for row in context[:1_000]], 1_000),  # noqa: B023
            "batch": _timed(lambda: policy.choose_many(state, rng, 2_000, context=context), 2_000),  # noqa: B023
            "update": _timed(lambda: [policy.update(state, [outcome]) for outcome in outcomes[:300]], 300),  # noqa: B023
        }
        rows.append({"part": "speed", "policy": name, **figures})
        print(f"{name:<32} " + "  ".join(f"{kind} {value:8.1f} us" for kind, value in figures.items()), flush=True)
    del args


def _timed(work: Callable[[], object], count: int) -> float:
    took = []
    for _ in range(3):
        began = time.process_time()
        work()
        took.append(time.process_time() - began)
    return min(took) / count * 1e6


PARTS = {"pricing": pricing, "warm": warm, "drift": drift, "change": change, "best": best_arm, "speed": speed}


def main(arguments: Sequence[str]) -> Rows:
    """Print the tables asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--part", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--runs", type=int, default=50, help="independent runs of each line")
    parser.add_argument("--nulls", type=int, default=200, help="runs in which nothing changes")
    parser.add_argument("--horizon", type=int, default=10_000, help="longest horizon of pricing")
    parser.add_argument("--first", type=int, default=100, help="first seed")
    args = parser.parse_args(arguments)
    rows: Rows = []
    for part in args.part:
        print(f"\n{part}: {PARTS[part].__doc__}")
        PARTS[part](rows, args)
    return rows


if __name__ == "__main__":
    import sys

    main(sys.argv[1:])
