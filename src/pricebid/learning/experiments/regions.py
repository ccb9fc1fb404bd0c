"""A switchback for the regions of a shop: its schedule, and what it would see by the shop's own sales."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from pricebid.errors import Fault, TableError
from pricebid.learning.experiments.plan import SwitchbackPower, switchback_power
from pricebid.learning.experiments.switchback import Plan, Schedule, make_schedule

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from numpy.typing import NDArray

    from pricebid.learning.experiments.settings import ExperimentSettings
    from pricebid.tables import History, Shop

    Floats = NDArray[np.float64]

Metric = Literal["units", "revenue"]


@dataclass(frozen=True, kw_only=True, eq=False)
class RegionalSwitchback:
    """A schedule on the calendar, and what it would see.

    Parameters
    ----------
    schedule : Schedule
        Region x period.
    times : datetime64[D][period]
        When each period begins: after the last sale.
    power : SwitchbackPower, optional
        By placebo schedules on sales; None where there are none.
    """

    schedule: Schedule
    times: NDArray[np.datetime64]
    power: SwitchbackPower | None = None

    def to_frame(self, experiment: str) -> pd.DataFrame:
        """Return one row per region and period, the outcome to be filled in."""
        return self.schedule.to_frame(experiment=experiment, times=self.times)

    def summary(self) -> dict[str, Any]:
        """Return its sizes and what it would see, as plain values."""
        regions, periods = self.schedule.variant.shape
        return {
            "regions": regions,
            "periods": periods,
            "blocks": int(self.schedule.blocks[-1]) + 1,
            "burn_in_cells": int(self.schedule.burn_in.sum()),
            "start": str(self.times[0]),
            "power": None if self.power is None else asdict(self.power),
        }


def schedule_regions(
    shop: Shop,
    periods: int,
    *,
    settings: ExperimentSettings,
    variants: Sequence[str] = ("control", "treatment"),
    layout: Plan = "balanced",
    metric: Metric = "revenue",
    lift: float | None = None,
) -> RegionalSwitchback:
    """Draw a switchback over a shop's regions.

    Parameters
    ----------
    shop : Shop
        With ``sales`` (which also tells what would be seen), or ``regions``: then a period is a day, and begins tomorrow.
    periods : int
        Periods of the sales table.
    settings : ExperimentSettings
        ``block``, ``carry_over``, ``alpha``, ``power`` and ``seed`` count.
    variants : sequence of str
        The control first.
    layout : {"balanced", "independent", "minimax"}
        See `make_schedule`.
    metric : {"revenue", "units"}
        Of sales.
    lift : float, optional
        Relative effect whose power is asked for.

    Raises
    ------
    TableError
        The shop has neither table.
    InputError
        Blocks are too short or too few.
    """
    rng = np.random.default_rng(settings.seed)
    block = settings.block or settings.carry_over + 1
    shape: dict[str, Any] = {
        "variants": tuple(variants),
        "block": block,
        "carry_over": settings.carry_over,
        "plan": layout,
    }
    if shop.table("sales") is None:
        listed = shop.table("regions")
        if listed is None:
            message = "is not there, nor is sales: a switchback needs to know the regions"
            raise TableError([Fault(table="regions", message=message)])
        regions = tuple(sorted(str(one) for one in listed.text("region").labels))
        times = np.datetime64("today", "D") + 1 + np.arange(periods)
        return RegionalSwitchback(schedule=make_schedule(regions, periods, rng, **shape), times=times)
    history = shop.history()
    regions, outcome = regional_sales(history, metric)
    schedule = make_schedule(regions, periods, rng, **shape)
    power = switchback_power(outcome, schedule, rng, settings=settings, plan=layout, lift=lift)
    times = shop.period.after(history.periods[-1], periods)
    return RegionalSwitchback(schedule=schedule, times=times, power=power)


def regional_sales(history: History, metric: Metric = "revenue") -> tuple[tuple[str, ...], Floats]:
    """Sum sales by region: labels, and float64[region, period]; NaN where nothing of a region is known."""
    value = history.units * history.price if metric == "revenue" else history.units
    regions, code = np.unique(history.offers.region, return_inverse=True)
    known = np.isfinite(value)
    total = np.zeros((len(regions), value.shape[1]))
    seen = np.zeros(total.shape)
    np.add.at(total, code, np.where(known, value, 0.0))
    np.add.at(seen, code, known)
    return tuple(str(one) for one in regions), np.where(seen > 0, total, np.nan)
