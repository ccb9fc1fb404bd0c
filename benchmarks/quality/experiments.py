"""Experiments where the truth is known: what looking all the time does to error rates, and how often intervals cover.

Run ``python -m benchmarks.quality.experiments [--runs N] [--units N] [--switchbacks N]``. Standard errors stand beside every share.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING

import numpy as np

from pricebid.learning.experiments.fixed import compare_fixed
from pricebid.learning.experiments.means import arm_means
from pricebid.learning.experiments.mismatch import ALARM
from pricebid.learning.experiments.panel import Cells, fit_switchback
from pricebid.learning.experiments.power import crossing, sequential_drift
from pricebid.learning.experiments.sequential import sequence_radius
from pricebid.learning.experiments.switchback import make_schedule
from pricebid.learning.experiments.units import EVENTS, FIRST_LOOK, Units

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Row = dict[str, object]

FIRST, STEP, CHUNK, ALPHA = 200, 50, 250, 0.05
OUTCOMES: dict[str, Callable[[np.random.Generator, tuple[int, int]], Floats]] = {
    "normal": lambda rng, size: rng.normal(size=size),
    "clicks, 5 %": lambda rng, size: (rng.random(size) < 0.05).astype(float),
    "clicks, 1 %": lambda rng, size: (rng.random(size) < 0.01).astype(float),
    "lognormal": lambda rng, size: rng.lognormal(0.0, 1.0, size),
}


@dataclass(frozen=True, kw_only=True)
class Peeks:
    """Share of experiments called different, and units until then.

    Parameters
    ----------
    sequence, last, every : float
        By the sequence at any look, by a fixed test at the last look, by a fixed test at any look.
    stopped : float
        Mean units until the sequence stops, all where it never does.
    """

    sequence: float
    last: float
    every: float
    stopped: float


def peek(
    draw: Callable[[np.random.Generator, tuple[int, int]], Floats],
    *,
    runs: int,
    units: int,
    effect: float,
    seed: int,
    shown: float = 0.5,
) -> Peeks:
    """Run many experiments, looked at after every 50 units from 200 on; the second variant is shown to a share of the units.

    A look counts where the reading would let it: 100 units in each arm, and where most outcomes are 0, 10 others due in each.
    """
    rng = np.random.default_rng(seed)
    looks = np.arange(FIRST, units + 1, STEP)
    called = np.zeros((3, runs), dtype=bool)
    stopped = np.empty(runs)
    for first in range(0, runs, CHUNK):
        size = min(CHUNK, runs - first)
        outcome = draw(rng, (size, units))
        arm = rng.random((size, units)) < shown
        outcome = outcome + effect * arm
        n1 = np.cumsum(arm, axis=1)[:, looks - 1]
        n0 = looks - n1
        sums = [np.cumsum(np.where(part, outcome, 0.0), axis=1)[:, looks - 1] for part in (arm, ~arm)]
        squares = [np.cumsum(np.where(part, outcome**2, 0.0), axis=1)[:, looks - 1] for part in (arm, ~arm)]
        smaller = np.minimum(n1, n0)
        m1, m0 = sums[0] / np.maximum(n1, 1), sums[1] / np.maximum(n0, 1)
        spread = [squares[0] / np.maximum(n1, 1) - m1**2, squares[1] / np.maximum(n0, 1) - m0**2]
        error = np.sqrt(spread[0] / np.maximum(n1 - 1, 1) + spread[1] / np.maximum(n0 - 1, 1))
        apart = np.abs(m1 - m0)
        others = np.cumsum(outcome != 0, axis=1)[:, looks - 1]
        enough = (2 * others > looks) | (smaller * others >= EVENTS * looks)
        out = (apart > sequence_radius(error, looks, alpha=ALPHA, planned=units)) & (smaller >= FIRST_LOOK) & enough
        fixed = (apart > 1.959964 * error) & (smaller >= 2) & enough
        part = slice(first, first + size)
        called[:, part] = out.any(axis=1), fixed[:, -1], fixed.any(axis=1)
        stopped[part] = np.where(out.any(axis=1), looks[np.argmax(out, axis=1)], units)
    return Peeks(
        sequence=float(called[0].mean()),
        last=float(called[1].mean()),
        every=float(called[2].mean()),
        stopped=float(stopped.mean()),
    )


def share(value: float, runs: int) -> str:
    """Write a share with its standard error."""
    return f"{100 * value:6.2f} ({100 * np.sqrt(value * (1 - value) / runs):.2f})"


def peeking(runs: int, units: int) -> list[Row]:
    """Error rates of null experiments, and power, looked at all the time."""
    print(f"{runs:,} null experiments of {units:,} units, looked at every {STEP} units from {FIRST} on; alpha 5 %")
    print("called different, % (standard error)   sequence, ever     fixed, at the end   fixed, ever")
    rows: list[Row] = []
    for at, (shown, (name, draw)) in enumerate(product((0.5, 0.1), OUTCOMES.items())):
        found = peek(draw, runs=runs, units=units, effect=0.0, seed=at, shown=shown)
        told = (share(one, runs) for one in (found.sequence, found.last, found.every))
        print(f"  {f'{name}, {100 - 100 * shown:.0f} to {100 * shown:.0f}':34}   {'     '.join(told)}")
        rows.append(
            {
                "part": "null",
                "outcome": name,
                "shown": shown,
                "sequence": found.sequence,
                "fixed": found.last,
                "ever": found.every,
            }
        )
    drift = sequential_drift(ALPHA, 0.8)
    effect = drift * 2.0 / np.sqrt(units)
    found = peek(OUTCOMES["normal"], runs=runs, units=units, effect=effect, seed=99)
    planned = crossing(drift, alpha=ALPHA)
    print(
        f"with the effect planned for 80 %: called {share(found.sequence, runs)} %, stopped after {found.stopped:,.0f} units on "
        f"average (planning says {planned.expected * units:,.0f}, with {len(planned.stopped)} looks)\n"
    )
    rows.append(
        {"part": "power", "sequence": found.sequence, "stopped": found.stopped, "planned": planned.expected * units}
    )
    return rows


def coverage(runs: int) -> list[Row]:
    """How often fixed intervals cover: ratios of clustered visits, with and without the covariate, and weights."""
    rng = np.random.default_rng(7)
    kinds = ("ratio of visits", "covariate", "ratio and covariate", "weights")
    hit = dict.fromkeys(kinds, 0)
    removed = []
    for _ in range(runs):
        n = 400
        variant = rng.permutation(np.repeat([0, 1], n // 2))
        before = rng.gamma(2.0, 1.0, n)
        visits = 1 + rng.poisson(2.0, n)
        spent = visits * before + rng.normal(0, 1, n) * np.sqrt(visits)
        chance = rng.uniform(0.3, 0.7, n)
        drawn = (rng.random(n) < chance).astype(np.int64)
        ones = np.ones(n)
        cases = {
            "ratio of visits": (variant, spent, visits, ones, None),
            "covariate": (variant, before + rng.normal(0, 0.5, n), ones, ones, before),
            "ratio and covariate": (variant, spent, visits, ones, before),
            "weights": (drawn, chance + rng.normal(0, 0.3, n), ones, 1 / np.where(drawn, chance, 1 - chance), None),
        }
        for name, (arm, top, bottom, weight, covariate) in cases.items():
            made = Units(
                labels=np.array(["control", "B"], dtype=object),
                variant=arm,
                numerator=top,
                denominator=bottom.astype(float),
                weight=weight,
                covariate=covariate,
            )
            means = arm_means(made)
            found = compare_fixed(means)
            hit[name] += bool(found.low[0] <= 0 <= found.high[0])
            if name == "ratio and covariate":
                removed.append(means.removed)
    print(f"95 % intervals of {runs:,} experiments of 400 units cover, % (standard error)")
    for name, hits in hit.items():
        print(f"  {name:22} {share(hits / runs, runs)}")
    print(f"  (the covariate of the ratio removes {100 * np.mean(removed):.0f} % of the variance)\n")
    return [{"part": "coverage", "kind": name, "covered": hits / runs} for name, hits in hit.items()]


def mismatch(runs: int) -> list[Row]:
    """How often the sequential alarm of shares goes off, looked at after every 100 units of 10,000."""
    from scipy import special

    rng = np.random.default_rng(11)
    total = np.arange(100, 10_001, 100)
    rows: list[Row] = []
    print(f"alarm of shares in {runs:,} experiments of 10,000 units, looked at every 100, % (standard error)")
    for truth in (0.5, 0.48):
        ones = np.cumsum(rng.binomial(100, truth, (runs, len(total))), axis=1)
        # mismatch_evidence of many at once: prior strength 100, shares one half.
        log = special.gammaln(50 + ones) + special.gammaln(50 + total - ones) - special.gammaln(100 + total)
        log += special.gammaln(100) - 2 * special.gammaln(50) + total * np.log(2)
        alarm = float((log.max(axis=1) > -np.log(ALARM)).mean())
        print(f"  one arm gets {100 * truth:.0f} %       {share(alarm, runs)}")
        rows.append({"part": "mismatch", "truth": truth, "alarm": alarm})
    print()
    return rows


def switchbacks(runs: int) -> list[Row]:
    """Coverage and error rates of switchbacks with autocorrelated outcomes and carry-over."""
    rng = np.random.default_rng(13)
    regions, periods, effect, carried = 10, 42, 2.0, 1.0
    rows: list[Row] = []
    print(
        f"{runs:,} switchbacks of {regions} regions x {periods} days, blocks of 3, one day of carry-over, % (standard error)"
    )
    for kept in (0, 1):
        covered, wrong, alarm, errors = 0, 0, 0, []
        for _ in range(runs):
            plan = make_schedule([f"r{at}" for at in range(regions)], periods, rng, block=3, carry_over=kept)
            noise = rng.normal(size=(regions, periods))
            for at in range(1, periods):
                noise[:, at] += 0.5 * noise[:, at - 1]
            quiet = 10 * rng.normal(size=(regions, 1)) + rng.normal(size=periods) + noise
            treated = plan.variant.astype(float)
            loud = quiet + effect * treated
            loud[:, 1:] += carried * treated[:, :-1]
            told = {"labels": np.array(["control", "B"], dtype=object), "variant": plan.variant, "blocks": plan.blocks}
            found = fit_switchback(Cells(outcome=loud, **told), carry_over=kept, draws=1)
            half = 2.0 * found.error[0]
            covered += bool(abs(found.effect[0] - effect - carried) <= half)
            alarm += bool(found.lags_p < 0.05)
            errors.append(found.effect[0] - effect - carried)
            null = fit_switchback(
                Cells(outcome=quiet, **told), carry_over=kept, draws=199, seed=int(rng.integers(2**31))
            )
            wrong += bool(null.p_drawn[0] <= 0.05)
        words = "carry-over left out" if kept else "carry-over ignored"
        print(
            f"  {words:20} covered {share(covered / runs, runs)}   bias {np.mean(errors):+.3f}   "
            f"null called by drawn p {share(wrong / runs, runs)}   carry-over noticed {share(alarm / runs, runs)}"
        )
        rows.append(
            {
                "part": "switchback",
                "left_out": kept,
                "covered": covered / runs,
                "null": wrong / runs,
                "noticed": alarm / runs,
            }
        )
    return rows


def main(argv: Sequence[str] | None = None) -> list[Row]:
    """Print the tables, and return their rows."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=10_000)
    parser.add_argument("--units", type=int, default=5_000)
    parser.add_argument("--switchbacks", type=int, default=1_000)
    asked = parser.parse_args(argv)
    rows = peeking(asked.runs, asked.units)
    rows += coverage(max(asked.runs // 2, 1))
    rows += mismatch(asked.runs)
    rows += switchbacks(asked.switchbacks)
    return rows


if __name__ == "__main__":
    main()
