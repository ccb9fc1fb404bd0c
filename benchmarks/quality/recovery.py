"""Own-price elasticities recovered on simulated truth: the engine beside estimators that know less.

Run ``python -m benchmarks.quality.recovery [--seeds N] [--case a b] [--rivals-only]``. Category sizes, price
variation and season were set so that the rivals land near the figures they are known by (category mean .53 and
per-sku Poisson 1.78 in (a), per-sku .457 in (b)), before the engine met these panels.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from benchmarks.quality import recovery_rivals as rivals

from pricebid.simulate import RecoverySettings, draw_recovery, within_category

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from pricebid.simulate import RecoveryPanel

CASES = {
    "a": RecoverySettings(periods=30, mean=1.0, limited=0.48),
    "b": RecoverySettings(periods=120, mean=5.0, limited=0.34),
}
NORMAL_90 = 1.6449


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """Elasticities with 90 % intervals, float64[offer] each."""

    slope: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Recovery:
    """How near an estimate came to the truth.

    Parameters
    ----------
    case, method : str
        Panel and estimator.
    rmse, bias : float
        Of the elasticities.
    coverage : float
        Share of the 90 % intervals that hold the truth.
    correlation : float
        Of the deviations within categories with the true ones; NaN where the estimate has none.
    seconds : float
        Time of the estimate.
    """

    case: str
    method: str
    rmse: float
    bias: float
    coverage: float
    correlation: float
    seconds: float


def _interval(fit: rivals.Fit) -> Estimate:
    half = NORMAL_90 * np.sqrt(fit.variance)
    return Estimate(slope=fit.slope, low=fit.slope - half, high=fit.slope + half)


def engine(panel: RecoveryPanel) -> Estimate:
    """Fit the engine's demand model with its defaults and read its elasticities."""
    from pricebid.demand import fit

    found = fit(panel.history, seed=0).elasticities()
    return Estimate(slope=found.own, low=found.own_low, high=found.own_high)


METHODS: dict[str, Callable[[RecoveryPanel], Estimate]] = {
    "category mean": lambda panel: _interval(rivals.category_mean(panel, censoring=True)),
    "per-sku Poisson": lambda panel: _interval(rivals.per_sku(panel, censoring=False)),
    "empirical Bayes": lambda panel: _interval(rivals.empirical_bayes(panel, censoring=False)),
    "empirical Bayes, censoring": lambda panel: _interval(rivals.empirical_bayes(panel, censoring=True)),
    "engine": engine,
}


def score(case: str, method: str, panel: RecoveryPanel) -> Recovery:
    """Estimate with one method and compare with the truth."""
    begun = time.perf_counter()
    found = METHODS[method](panel)
    seconds = time.perf_counter() - begun
    error = found.slope - panel.elasticity
    own = within_category(found.slope, panel.category)
    moves = float(own.std()) > 1e-9
    return Recovery(
        case=case,
        method=method,
        rmse=float(np.sqrt(np.mean(error**2))),
        bias=float(error.mean()),
        coverage=float(np.mean((found.low <= panel.elasticity) & (panel.elasticity <= found.high))),
        correlation=float(np.corrcoef(own, panel.deviation)[0, 1]) if moves else np.nan,
        seconds=seconds,
    )


def panel_of(case: str, seed: int) -> RecoveryPanel:
    """Draw panel `seed` of a case."""
    return draw_recovery(CASES[case], np.random.default_rng([ord(case), seed]))


def table(found: list[Recovery]) -> str:
    """Means over the seeds, one line per case and method."""
    lines = [f"{'case':4} {'method':28} {'rmse':>6} {'bias':>7} {'90 %':>6} {'corr':>6} {'s':>6}   rmse by seed"]
    for case, method in dict.fromkeys((f.case, f.method) for f in found):
        mine = [f for f in found if (f.case, f.method) == (case, method)]
        columns = np.array([[f.rmse, f.bias, f.coverage, f.correlation, f.seconds] for f in mine]).mean(axis=0)
        rmse, bias, coverage, correlation, seconds = columns
        each = " ".join(f"{f.rmse:.3f}" for f in mine)
        lines.append(
            f"{case:4} {method:28} {rmse:6.3f} {bias:+7.3f} {coverage:6.3f} {correlation:6.3f} {seconds:6.2f}   {each}"
        )
    return "\n".join(lines)


def main(argv: Sequence[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--case", nargs="*", default=list(CASES), choices=list(CASES))
    parser.add_argument("--rivals-only", action="store_true")
    parser.add_argument("--engine-only", action="store_true")
    asked = parser.parse_args(argv)
    methods = [
        m for m in METHODS if (m != "engine" or not asked.rivals_only) and (m == "engine" or not asked.engine_only)
    ]
    found = []
    for case in asked.case:
        for seed in range(asked.seeds):
            panel = panel_of(case, seed)
            found += [score(case, method, panel) for method in methods]
    found.sort(key=lambda f: (f.case, methods.index(f.method)))
    print(table(found))


if __name__ == "__main__":
    main()
