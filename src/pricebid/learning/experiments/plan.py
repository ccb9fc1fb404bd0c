"""Planning from what is there: the control of an earlier experiment, or the sales of regions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import stats

from pricebid.errors import InputError
from pricebid.learning.experiments.means import arm_means
from pricebid.learning.experiments.panel import least_squares
from pricebid.learning.experiments.power import Baseline, Need, fixed_drift, needs
from pricebid.learning.experiments.switchback import Schedule, make_schedule, settled
from pricebid.learning.experiments.units import gather_units

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from pricebid.learning.experiments.settings import ExperimentSettings
    from pricebid.learning.experiments.switchback import Plan
    from pricebid.tables.experiments import ExperimentRows

    Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class ExperimentPlan:
    """What experiments would need.

    Parameters
    ----------
    baseline : Baseline
        What it is reckoned from.
    source : str
        Where that comes from.
    lift : float
        Relative difference to be seen.
    variants : int
        Including the control.
    alpha, power : float
        As asked.
    needs : tuple of Need
        One per way of testing.
    """

    baseline: Baseline
    source: str
    lift: float
    variants: int
    alpha: float
    power: float
    needs: tuple[Need, ...]

    def to_frame(self) -> pd.DataFrame:
        """Return one row per way of testing."""
        import pandas as pd

        rows = [
            {
                "test": one.test,
                "lift": self.lift,
                "effect": one.effect,
                "alpha": self.alpha,
                "power": self.power,
                "variants": self.variants,
                "units": one.units,
                "units_per_variant": np.ceil(one.units / self.variants),
                "days": one.days,
                "expected_units": one.expected_units,
                "expected_days": one.expected_days,
            }
            for one in self.needs
        ]
        return pd.DataFrame(rows)


@dataclass(frozen=True, kw_only=True)
class SwitchbackPower:
    """What a switchback of a certain shape would see, told by placebo schedules on sales of the past.

    Parameters
    ----------
    base : float
        Mean outcome per region and period.
    error : float
        Standard deviation of the effect over placebo schedules, where there is no effect.
    detectable : float
        Relative effect that would be seen with the power.
    power : float
        Probability of seeing the effect asked for; NaN where none was.
    periods : int
        Periods of the past that it rests on.
    """

    base: float
    error: float
    detectable: float
    power: float
    periods: int


def baseline_of(rows: ExperimentRows, *, control: str | None = None, cuped: bool = True) -> Baseline:
    """Return mean, deviation and arrivals of an experiment's control arm.

    Parameters
    ----------
    rows : ExperimentRows
        Of a parallel experiment.
    control : str, optional
        Its control.
    cuped : bool
        Count on the covariate to narrow intervals again.
    """
    units = gather_units(rows, control=control)
    means = arm_means(units, cuped=cuped)
    rate = None
    if units.entered is not None:
        days = np.unique(units.entered.astype("datetime64[D]")).astype(np.int64)
        rate = len(units) / float(days[-1] - days[0] + 1)
    deviation = float(np.sqrt(means.variance[0] * means.units[0]))
    return Baseline(mean=float(means.value[0]), deviation=deviation, units_per_day=rate)


def plan_experiment(
    baseline: Baseline, lift: float, *, source: str, variants: int = 2, alpha: float = 0.05, power: float = 0.8
) -> ExperimentPlan:
    """Reckon what a relative difference needs, read once at the end or at any time.

    Parameters
    ----------
    baseline : Baseline
        Mean, deviation, arrivals.
    lift : float
        Relative difference to be seen.
    source : str
        Where the baseline comes from, in words.
    variants : int
        Including the control.
    alpha, power : float
        Error probability over all variants, and probability of seeing the difference.
    """
    found = needs(baseline, lift, variants=variants, alpha=alpha, power=power)
    return ExperimentPlan(
        baseline=baseline, source=source, lift=lift, variants=variants, alpha=alpha, power=power, needs=found
    )


def switchback_power(
    outcome: Floats,
    schedule: Schedule,
    rng: np.random.Generator,
    *,
    settings: ExperimentSettings,
    plan: Plan = "balanced",
    lift: float | None = None,
    draws: int = 500,
) -> SwitchbackPower:
    """Lay placebo schedules over the latest periods of the past, and see how far apart the arms fall by luck.

    Parameters
    ----------
    outcome : float64[region, period]
        Of the past, at least as many periods as the schedule has, else all there are.
    schedule : Schedule
        Its shape is what is tried.
    rng : numpy.random.Generator
        Of the placebo draws.
    settings : ExperimentSettings
        ``carry_over``, ``alpha`` and ``power`` count.
    plan : {"balanced", "independent", "minimax"}
        As the schedule was drawn.
    lift : float, optional
        Relative effect whose power is asked for.
    draws : int
        Placebo schedules.

    Raises
    ------
    InputError
        The past is too short, or has another number of regions.
    """
    regions, length = schedule.variant.shape
    if len(outcome) != regions:
        raise InputError(f"the past has {len(outcome)} regions, the schedule {regions}")
    past = outcome[:, -length:]
    periods = past.shape[1]
    block = max(int(np.bincount(schedule.blocks).max()), 1)
    known, carry_over = np.isfinite(past), settings.carry_over
    many = len(schedule.variants)
    effects = np.empty((draws, many - 1))
    for at in range(draws):
        drawn = make_schedule(
            schedule.regions, periods, rng, variants=schedule.variants, block=block, carry_over=carry_over, plan=plan
        )
        effects[at] = least_squares(past, drawn.variant, settled(drawn.variant, carry_over) & known, many)
    error, base = float(np.sqrt(np.mean(effects**2))), float(np.nanmean(past))
    each = settings.alpha / (many - 1)
    drift = fixed_drift(each, settings.power)
    reached = np.nan if lift is None else float(stats.norm.sf(stats.norm.isf(each / 2) - abs(lift) * base / error))
    return SwitchbackPower(base=base, error=error, detectable=drift * error / base, power=reached, periods=periods)
