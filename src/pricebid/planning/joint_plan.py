"""A plan for prices and bids together."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from pricebid.errors import InputError
from pricebid.pricing.intervals import OUTCOMES, interval
from pricebid.tables.identify import new_id

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from pricebid.bidding import BidCurve, BidPlan
    from pricebid.planning.ad_demand import AdDemand
    from pricebid.pricing import Explanation, PricePlan

    Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Turn:
    """One turn of the joint search.

    Parameters
    ----------
    what : str
        What was planned anew.
    objective : float
        Joint objective over the horizon, with everything recomputed.
    holds : bool
        All limits of prices and bids hold.
    """

    what: str
    objective: float
    holds: bool


@dataclass(frozen=True, kw_only=True, eq=False)
class JointPlan:
    """Prices and bids that were planned together.

    Parameters
    ----------
    prices : PricePlan
        Over the horizon, with the demand that the planned bids bring.
    bids : BidPlan
        Per day, with what a conversion is worth at the planned prices.
    ads : AdDemand
        How the two meet.
    factor : float64[offer]
        Units with the planned ads ÷ units with today's, at the same prices.
    objective : float
        Joint objective over the horizon: profit after ad cost, and whatever else the policy aims at.
    turns : tuple of Turn
        What was tried; the first is prices planned first and bids after.
    seconds : dict of str to float
        Wall clock per stage.
    id : str
        UUIDv7.
    """

    prices: PricePlan
    bids: BidPlan
    ads: AdDemand = field(repr=False)
    factor: Floats = field(repr=False)
    objective: float
    turns: tuple[Turn, ...]
    seconds: dict[str, float]
    id: str = field(default_factory=new_id)

    @property
    def separate(self) -> float:
        """Joint objective of prices planned first and bids after."""
        return self.turns[0].objective

    @property
    def status(self) -> Literal["feasible"]:
        """Never ``optimal``: each half is bounded at what the other has set, the two together are not."""
        return "feasible"

    @property
    def notices(self) -> tuple[str, ...]:
        """What is odd about either half."""
        apart = int((~self.ads.link.linked).sum())
        helps = bool((self.ads.relief(self.prices) != 0).any())
        worth = ("bids count what a conversion does for the limits of the prices, beside its own profit",)
        silent = (f"{apart:,} series lead to no offer of the shop: prices do not change what they are worth",)
        return (*self.prices.notices, *self.bids.notices, *(worth if helps else ()), *(silent if apart else ()))

    @cached_property
    def totals(self) -> dict[str, dict[str, Any]]:
        """Totals over the horizon: ``now``, ``planned`` and ``uplift`` with the 80 % interval of its expectation.

        ``profit`` is after ``ad_cost``; ``units`` and ``revenue`` are those of the shop's offers, ads included.
        """
        prices, found, drawn = self.prices, [], []
        for at, name in enumerate(("now", "planned")):
            cost, apart, deviation = self._ads_of(at)
            totals: dict[str, Any] = {key: prices.totals[name][key] for key in OUTCOMES}
            if totals["profit"] is not None:  # costs are known
                totals["profit"] += apart - cost
            found.append({**totals, "ad_cost": cost})
            spread = prices.spread.totals[at, :, 0]
            drawn.append(spread[: len(deviation)] + deviation[: len(spread)] + apart - cost)
        now, planned = found
        known = [name for name in now if now[name] is not None and planned[name] is not None]
        uplift: dict[str, Any] = {name: {"value": planned[name] - now[name]} if name in known else None for name in now}
        if "profit" in known:
            uplift["profit"]["low"], uplift["profit"]["high"] = interval(drawn[1] - drawn[0])
        return {"now": now, "planned": planned, "uplift": uplift}

    def _ads_of(self, plan: int) -> tuple[float, float, Floats]:
        """Cost over the horizon, profit of series that lead to no offer, and what the ads' profit may deviate by, [draw]."""
        bids, days = self.bids, self.ads.days
        if plan == 0:
            bid = bids.problem.current
            series = bids.problem.series(lambda part: bid[part])
        else:
            series = bids.problem.series(lambda part: bids.found.setting.effective(bids.layout, part))
        apart = ~self.ads.link.linked[bids.layout.rows]
        profit = bids.draws.totals[plan, :, :, 0].sum(axis=1)
        earned = np.nan_to_num(series["profit"] + series["cost"])[apart].sum()
        return days * float(series["cost"].sum()), days * float(earned), days * (profit - profit.mean())

    # -- ways out -----------------------------------------------------------------------------------------------

    def to_frame(self) -> pd.DataFrame:
        """Return the table ``prices`` with the units that ads bring, ``ad_units_now`` and ``ad_units``, as further columns."""
        frame = self.prices.to_frame()
        position = list(frame.columns).index("units_low")
        more = self.prices.demand[1] * (1.0 - 1.0 / np.maximum(self.factor, 1e-12)) if self._scaled else 0.0
        answer = self.ads.response.units(self.prices.price) / np.maximum(self.ads.base, 1e-12)
        frame.insert(position, "ad_units_now", self.ads.today)
        frame.insert(position + 1, "ad_units", np.maximum(more + self.ads.today * answer, 0.0))
        return frame

    @property
    def _scaled(self) -> bool:
        return bool((self.factor != 1.0).any())

    def summary(self, *, moves: int = 5) -> str:
        """Return the joint plan in text: totals, what planning together adds, then both halves."""
        totals, currency = self.totals, self.prices.settings.currency
        days = self.ads.days
        lines = [
            f"Prices and bids together over {days} days from {self.prices.periods[0]}"
            + (f", money in {currency}" if currency else "")
        ]
        for name in ("profit", "revenue", "units", "ad_cost"):
            one = totals["uplift"][name]
            if one is None:
                continue
            span = f"   80 % interval {one['low']:+,.2f} to {one['high']:+,.2f}" if "low" in one else ""
            lines.append(
                f"  {name:<8}{totals['now'][name]:>16,.2f} -> {totals['planned'][name]:>16,.2f}  {one['value']:>+14,.2f}{span}"
            )
        gain = self.objective - self.separate
        held = "" if self.turns[0].holds else " (which breaks a limit)"
        lines += [f"Planned together the objective is {gain:+,.2f} above prices first and bids after{held}.", ""]
        return "\n".join(
            [*lines, "Prices", self.prices.summary(moves=moves), "", "Bids", self.bids.summary(moves=moves)]
        )

    def explain(
        self, sku: str | None = None, region: str | None = None, *, keyword: str | None = None, **keys: str
    ) -> Explanation | BidCurve:
        """Return the ladder of one offer, or the curve of one keyword.

        Parameters
        ----------
        sku, region : str, optional
            Labels of the offer, as in `PricePlan.explain`; or of the keyword.
        keyword : str, optional
            Then a keyword is explained, as by `BidPlan.explain`.
        **keys : str
            Further labels.

        Raises
        ------
        InputError
            Neither sku nor keyword is given, or the labels are not those of one offer or keyword.
        """
        if keyword is not None:
            given = {"sku": sku, "region": region}
            return self.bids.explain(
                keyword, **keys, **{name: label for name, label in given.items() if label is not None}
            )
        if sku is None:
            raise InputError("explain needs a sku (and its region), or a keyword (and its campaign)")
        return self.prices.explain(sku, region, **keys)

    def plot(self) -> Figure:
        """Draw the plan (needs matplotlib)."""
        from pricebid.report.joint_plots import plot_joint_plan

        return plot_joint_plan(self)

    def to_json(self) -> str:
        """Return plan.json: the joint totals and turns, and both halves' documents."""
        prices, bids = json.loads(self.prices.to_json()), json.loads(self.bids.to_json())
        limits = [
            {**limit, "over": over} for over, half in (("horizon", prices), ("day", bids)) for limit in half["limits"]
        ]
        content = {
            "id": self.id,
            "status": self.status,
            "objective": self.objective,
            # There is no bound over prices and bids together; each half has its own, at what the other has set.
            "bound": None,
            "gap": None,
            "scope": self.prices.scope,
            "separate": self.separate,
            "limits": limits,
            "model": self.prices.model,
            "seed": self.prices.policy.seed,
            "policy": self.prices.policy.to_mapping(),
            "totals": self.totals,
            "turns": [vars(turn) for turn in self.turns],
            "notices": list(self.notices),
            "days": self.ads.days,
            "seconds": {stage: round(value, 4) for stage, value in self.seconds.items()},
            "prices": prices,
            "bids": bids,
        }
        return json.dumps(content, indent=2, default=float, allow_nan=False)

    def write(self, folder: str | Path, *, file_format: Literal["csv", "parquet"] = "csv") -> tuple[Path, ...]:
        """Write ``prices``, ``bids``, ``dayparts``, ``adjustments`` and ``plan.json``: all of them or none.

        Raises
        ------
        InputError
            The folder cannot be written to.
        """
        from pricebid.tables.write import write_results

        bids = self.bids
        frames = {
            "prices": self.to_frame(),
            "bids": bids.to_frame(),
            "dayparts": bids.dayparts_frame(),
            "adjustments": bids.adjustments_frame(),
        }
        return write_results(folder, frames, documents={"plan.json": self.to_json()}, file_format=file_format)
