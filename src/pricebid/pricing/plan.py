"""The price plan: prices, what they are worth, how sure that is, and why."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from pricebid.errors import InputError
from pricebid.pricing.explain import Explanation, explain
from pricebid.pricing.intervals import OUTCOMES, interval, predictive
from pricebid.pricing.limits import limit_reports
from pricebid.pricing.reasons import reasons
from pricebid.pricing.summary import summary
from pricebid.tables.identify import new_id

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from pricebid.demand.response import PriceResponse
    from pricebid.optimize import LimitReport
    from pricebid.policy import Policy
    from pricebid.pricing.bounds import Allowed
    from pricebid.pricing.intervals import Spread
    from pricebid.pricing.problem import PriceProblem
    from pricebid.pricing.search import Found
    from pricebid.tables import Offers, Settings

OPTIMAL_GAP = 1e-6


@dataclass(frozen=True, kw_only=True, eq=False)
class PricePlan:
    """One price per offer for the whole horizon.

    Parameters
    ----------
    offers : Offers
        The offer axis of every array here.
    settings : Settings
        Currency and decimals.
    policy : Policy
        As planned for.
    problem : PriceProblem
        Demand response, economics, ladders and limits, so that the plan can be explained.
    allowed : Allowed
        Which bound ends each ladder; notices.
    found : Found
        Prices, objective, bound and shadow prices.
    spread : Spread
        Parameter draws at current and planned prices.
    planned, held : bool[offer]
        Price set by ``planned``; price kept because the rules left none.
    periods : datetime64[D][step]
        First day of each period planned for.
    model : str
        What the demand came from: the model's kind and the first 16 digits of its digest, as in its ``meta.json``.
    seconds : dict of str to float
        Wall clock per stage.
    today : PriceResponse, optional
        Demand as it is now, where the plan's differs at the same prices (as much advertising as now): what totals of now
        and ratios to them refer to.
    id : str
        UUIDv7.
    """

    offers: Offers
    settings: Settings
    policy: Policy
    problem: PriceProblem = field(repr=False)
    allowed: Allowed = field(repr=False)
    found: Found = field(repr=False)
    spread: Spread = field(repr=False)
    planned: NDArray[np.bool_] = field(repr=False)
    held: NDArray[np.bool_] = field(repr=False)
    periods: NDArray[np.datetime64]
    model: str
    seconds: dict[str, float]
    today: PriceResponse | None = field(default=None, repr=False)
    id: str = field(default_factory=new_id)

    # -- what it says -------------------------------------------------------------------------------------------

    @property
    def price(self) -> NDArray[np.float64]:
        """Planned prices, float64[offer], money."""
        return self.found.price

    @property
    def now(self) -> NDArray[np.float64]:
        """Current prices (where ``planned`` sets the price: that one), float64[offer], money."""
        return self.problem.economics.reference

    @property
    def changed(self) -> NDArray[np.bool_]:
        """Offers whose price moves, bool[offer]."""
        return self.problem.economics.changed(self.price) > 0

    @property
    def status(self) -> Literal["optimal", "feasible"]:
        """``optimal`` where the gap is at most 1e-6 (of the linearised problem where ``scope`` says so)."""
        return "optimal" if self.found.gap <= OPTIMAL_GAP else "feasible"

    @property
    def scope(self) -> Literal["exact", "linearised"]:
        """What the bound bounds: every plan, or the problem linearised at the plan (see docs/pricing.md)."""
        return "exact" if self.found.exact else "linearised"

    @cached_property
    def demand(self) -> NDArray[np.float64]:
        """Expected demand at current and planned prices before stock caps it, float64[2, offer]."""
        today = self.today or self.problem.response
        return np.stack([today.units(self.now), self.problem.response.units(self.price)])

    @cached_property
    def outcomes(self) -> tuple[dict[str, NDArray[np.float64]], dict[str, NDArray[np.float64]]]:
        """Expected outcomes of each offer at current and at planned prices, float64[offer] by name."""
        names = (*OUTCOMES, "discount", "changes")
        economics, response = self.problem.economics, self.problem.response
        now = economics.outcomes(self.today or response, self.now, names)
        return now, economics.outcomes(response, self.price, names)

    @cached_property
    def units_range(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Units sold between which 80 % of outcomes are expected, float64[offer] each."""
        response, available = self.problem.response, self.problem.economics.available
        low, high = predictive(self.demand[1], self.spread.deviation[1], response.chance)
        return np.fmin(low, available), np.fmin(high, available)

    @property
    def chance(self) -> float:
        """Variance of a horizon's demand about its uncertain mean, counting apart, ÷ the mean²: over the offers, by demand.

        It comes anew every period, so that a part of the horizon has more of it; of the rest of ``units_range`` it has as much.
        """
        chance, weight = self.problem.response.chance, self.demand[1]
        return float(np.average(chance, weights=weight if weight.sum() > 0 else None)) if len(chance) else 0.0

    @cached_property
    def reason(self) -> NDArray[np.object_]:
        """Why each price is what it is, object[offer] of str."""
        return reasons(self)

    @cached_property
    def limits(self) -> tuple[LimitReport, ...]:
        """The portfolio's limits, and how the plan stands to them."""
        now, planned = self.outcomes
        return limit_reports(self.problem.limits, planned, self.found.shadow_prices, float(now["units"].sum()))

    @property
    def notices(self) -> tuple[str, ...]:
        """Rules that could not be applied."""
        return self.allowed.notices

    @cached_property
    def totals(self) -> dict[str, dict[str, Any]]:
        """Totals over the horizon: ``now``, ``planned`` and ``uplift``, the latter two with the 80 % interval of what is expected."""
        totals: dict[str, dict[str, Any]] = {}
        for name, outcomes, demand in zip(("now", "planned"), self.outcomes, self.demand, strict=True):
            total: dict[str, Any] = {key: float(outcomes[key].sum()) for key in OUTCOMES}
            total["margin"] = total["profit"] / total["revenue"] if total["revenue"] else None
            total["lost_units"] = float((demand - outcomes["units"]).sum())
            totals[name] = {
                key: None if value is not None and np.isnan(value) else value for key, value in total.items()
            }
        totals["planned"]["price_changes"] = int(self.changed.sum())
        totals["planned"]["discount_cost"] = float(self.outcomes[1]["discount"].sum())
        totals["uplift"] = {}
        for at, key in enumerate(OUTCOMES):
            if totals["planned"][key] is not None:
                low, high = interval(self.spread.totals[1, :, at])
                totals["planned"][f"{key}_low"], totals["planned"][f"{key}_high"] = low, high
            now, planned = totals["now"][key], totals["planned"][key]
            low, high = interval(self.spread.totals[1, :, at] - self.spread.totals[0, :, at])
            known = now is not None and planned is not None
            totals["uplift"][key] = {"value": planned - now, "low": low, "high": high} if known else None
        return totals

    # -- ways out -----------------------------------------------------------------------------------------------

    def to_frame(self) -> pd.DataFrame:
        """Return the table ``prices``: one row per offer, in the shop's own keys."""
        import pandas as pd

        now, planned = self.outcomes
        low, high = self.units_range
        revenue = planned["revenue"]
        keys = dict(zip(self.offers.columns, self.offers.labels, strict=True))
        return pd.DataFrame(
            {
                **keys,
                "current_price": self.now,
                "price": self.price,
                "cost": self.offers.cost,
                "units_now": now["units"],
                "units": planned["units"],
                "units_low": low,
                "units_high": high,
                "revenue_now": now["revenue"],
                "revenue": revenue,
                "profit_now": now["profit"],
                "profit": planned["profit"],
                "margin": np.divide(planned["profit"], revenue, out=np.full(len(revenue), np.nan), where=revenue > 0),
                "lost_units": self.demand[1] - planned["units"],
                "reason": self.reason,
            }
        )

    def summary(self, *, moves: int = 10) -> str:
        """Return the plan in a page of text: totals, limits, the biggest moves with their reasons."""
        return summary(self, moves=moves)

    def explain(self, sku: str, region: str | None = None, **keys: str) -> Explanation:
        """Return the ladder of one offer: what each price would bring, which was picked, what bars the others.

        Parameters
        ----------
        sku, region, **keys : str
            Labels of the offer; those that leave only one offer may be left out.

        Raises
        ------
        InputError
            No offer, or several, have these labels.
        """
        wanted = {"sku": sku, **({} if region is None else {"region": region}), **keys}
        found = np.ones(len(self.offers), dtype=bool)
        for name, label in wanted.items():
            if name not in self.offers.columns:
                raise InputError(f"no key column {name!r}; the plan has {', '.join(self.offers.columns)}")
            found &= self.offers.label(name) == label
        if found.sum() != 1:
            have = ", ".join(f"{name} {label!r}" for name, label in wanted.items())
            silent = ", ".join(name for name in self.offers.columns if name not in wanted)
            remedy = f"give {silent} too" if found.any() and silent else "give the labels of one, as in to_frame()"
            raise InputError(f"{int(found.sum())} offers have {have}; {remedy}")
        return explain(self, int(found.argmax()))

    def plot(self) -> Figure:
        """Draw the plan (needs matplotlib)."""
        from pricebid.report.plots import plot_price_plan

        return plot_price_plan(self)

    def diff(self, previous: PricePlan | pd.DataFrame) -> pd.DataFrame:
        """Return the prices that differ from an earlier plan's, the largest changes first.

        Parameters
        ----------
        previous : PricePlan or DataFrame
            An earlier plan, or its table ``prices``.

        Returns
        -------
        DataFrame
            Keys, ``previous_price``, ``price``, ``change`` (share), ``units``, ``profit`` and what they were expected to
            be before, ``reason``. Offers that only one of the two has carry NaN on the other side.
        """
        from pricebid.pricing.diff import diff_frames

        before = previous.to_frame() if isinstance(previous, PricePlan) else previous
        return diff_frames(self.to_frame(), before, keys=self.offers.columns)

    def to_json(self) -> str:
        """Return plan.json."""
        seconds = {stage: round(value, 4) for stage, value in self.seconds.items()}
        content = {
            "id": self.id,
            "status": self.status,
            "objective": self.found.value,
            "bound": self.found.bound,
            "gap": self.found.gap,
            "scope": self.scope,
            "totals": self.totals,
            "limits": [asdict(limit) for limit in self.limits],
            "notices": list(self.notices),
            "start": str(self.periods[0]),
            "last_period": str(self.periods[-1]),
            "horizon": len(self.periods),
            "chance": self.chance,
            "currency": self.settings.currency,
            "model": self.model,
            "seed": self.policy.seed,
            "seconds": seconds,
            "policy": self.policy.to_mapping(),
        }
        return json.dumps(content, indent=2, default=float, allow_nan=False)

    def write(
        self,
        folder: str | Path,
        *,
        file_format: Literal["csv", "parquet"] = "csv",
        previous: PricePlan | pd.DataFrame | None = None,
    ) -> tuple[Path, ...]:
        """Write ``prices``, ``plan.json`` and, given an earlier plan, ``diff``: all of them or none.

        Raises
        ------
        InputError
            The folder cannot be written to.
        """
        from pricebid.tables.write import write_results

        frames = {"prices": self.to_frame()}
        if previous is not None:
            frames["diff"] = self.diff(previous)
        return write_results(folder, frames, documents={"plan.json": self.to_json()}, file_format=file_format)
