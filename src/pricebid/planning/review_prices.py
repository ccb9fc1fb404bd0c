"""Planned prices against what was charged and sold."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from pricebid.planning.review_scores import Accuracy, Kept, accuracy, kept_limits, within

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd
    from numpy.typing import NDArray

    from pricebid.planning.review_plan import Asked

    Floats = NDArray[np.float64]
    Bools = NDArray[np.bool_]

EFFECTS = ("volume", "price", "cost")


@dataclass(frozen=True, kw_only=True, eq=False)
class Window:
    """The part of a plan's horizon for which there are sales.

    Parameters
    ----------
    first : datetime64[D]
        First day of the horizon.
    horizon : int
        Periods planned for.
    periods : datetime64[D][period]
        First days of those that have sales.
    frequency : str
        ``day``, ``week`` or ``month``.
    asked : datetime64[D], optional
        The day that was given as the first, where no period begins on it.
    """

    first: np.datetime64
    horizon: int
    periods: NDArray[np.datetime64]
    frequency: str
    asked: np.datetime64 | None = None

    @property
    def share(self) -> float:
        """Periods with sales ÷ periods planned for."""
        return len(self.periods) / self.horizon


@dataclass(frozen=True, kw_only=True, eq=False)
class PriceReview:
    """Offers of the plan, then offers that sold without being in it; float64[offer] where not said otherwise.

    Parameters
    ----------
    columns : tuple of str
        Key columns.
    labels : tuple of object[offer]
        One array of str per key column.
    window : Window
        What was looked at.
    planned, seen : bool[offer]
        In the plan; with sales rows in the window. What has both is compared.
    periods : int64[offer]
        Periods of the window for which the offer's units are known.
    told : int64[offer]
        Those of them whose price a sales row tells.
    current_price, planned_price, price : float64[offer]
        Before the plan; as planned; charged: mean over the units sold, or over periods where nothing sold (NaN: no sale
        tells it).
    at_plan : float64[offer]
        Share of the told periods in which the price was the planned one.
    units_expected, units_low, units_high, units : float64[offer]
        Expected in the offer's known periods, with the 80 % interval; sold.
    sold_out : int64[offer]
        Periods in which everything in stock was sold.
    revenue_expected, revenue, profit_expected, profit : float64[offer]
        Money; profit is NaN where a cost is not known.
    planned_cost, cost : float64[offer]
        Of one unit, in the plan and now.
    cost_assumed : bool[offer]
        The shop does not know the cost now: it is taken to be the plan's.
    volume_effect, price_effect, cost_effect : float64[offer]
        Parts of ``profit - profit_expected``, of which they are the sum.
    terms_effect : float64[offer]
        Of ``price_effect``, what the planned price would have brought as well: coupons and taxes are others than the plan's.
    discount_given : float64[offer]
        Current price less price charged, where that was lower, times units.
    whole : bool
        All units are whole numbers.
    minor : float
        Smallest unit of money.
    asked : tuple of Asked
        Limits on the plan as a whole.
    ranges : mapping of str to (float, float)
        80 % interval of the plan's expected totals over the whole horizon.
    """

    columns: tuple[str, ...]
    labels: tuple[NDArray[np.object_], ...]
    window: Window
    planned: Bools
    seen: Bools
    periods: NDArray[np.int64]
    told: NDArray[np.int64]
    current_price: Floats
    planned_price: Floats
    price: Floats
    at_plan: Floats
    units_expected: Floats
    units_low: Floats
    units_high: Floats
    units: Floats
    sold_out: NDArray[np.int64]
    revenue_expected: Floats
    revenue: Floats
    profit_expected: Floats
    profit: Floats
    planned_cost: Floats
    cost: Floats
    cost_assumed: Bools
    volume_effect: Floats
    price_effect: Floats
    cost_effect: Floats
    terms_effect: Floats
    discount_given: Floats
    whole: bool
    minor: float
    asked: tuple[Asked, ...]
    ranges: Mapping[str, tuple[float, float]]

    def __len__(self) -> int:
        return len(self.labels[0])

    @cached_property
    def compared(self) -> Bools:
        """In the plan and with sales, bool[offer]."""
        return self.planned & self.seen

    @cached_property
    def known(self) -> Bools:
        """Compared, and profit is known on both sides, bool[offer]."""
        return self.compared & np.isfinite(self.profit) & np.isfinite(self.profit_expected)

    @cached_property
    def followed(self) -> Bools:
        """Compared, and at the planned price wherever sales tell a price, bool[offer]."""
        return self.compared & ~(self.at_plan < 1.0)

    @property
    def status(self) -> NDArray[np.object_]:
        """``compared``, ``plan only`` or ``sales only``, object[offer]."""
        found = np.where(self.compared, "compared", np.where(self.planned, "plan only", "sales only"))
        return found.astype(object)

    @cached_property
    def inside(self) -> Floats:
        """1 where units lie within the interval, 0 where not, NaN where not compared; float64[offer]."""
        held = within(self.units, self.units_low, self.units_high, whole=self.whole)
        return np.where(self.compared, held, np.nan)

    @cached_property
    def totals(self) -> dict[str, dict[str, float]]:
        """Over the offers compared: ``expected``, ``actual`` and ``difference`` of units, revenue and (where known) profit.

        With ``low`` and ``high``, the 80 % interval of what was expected, where all of the plan is compared. It is that of the
        expectation, which single sales scatter about.
        """
        totals = {}
        for name in ("units", "revenue", "profit"):
            among = self.known if name == "profit" else self.compared
            if not among.any():
                continue
            before, after = getattr(self, f"{name}_expected")[among].sum(), getattr(self, name)[among].sum()
            totals[name] = {"expected": float(before), "actual": float(after), "difference": float(after - before)}
            if name in self.ranges and (among == self.planned)[self.planned].all():
                low, high = (end * self.window.share for end in self.ranges[name])
                totals[name] |= {"low": low, "high": high}
        return totals

    @cached_property
    def effects(self) -> dict[str, float]:
        """Why profit differs: ``volume``, ``price`` and ``cost``, totals over the offers whose profit is known."""
        known = self.known
        return {name: float(getattr(self, f"{name}_effect")[known].sum()) for name in EFFECTS} if known.any() else {}

    @cached_property
    def limits(self) -> tuple[Kept, ...]:
        """How the plan's limits stand in reality, those on totals for the share of the horizon that has sales."""
        compared, moved = self.compared, np.abs(self.price - self.current_price) > 0.5 * self.minor + 1e-9
        reached = {
            "min_revenue": float(self.revenue[compared].sum()),
            "max_price_changes": float((moved & compared).sum()),
            "max_discount_cost": float(self.discount_given[compared].sum()),
        }
        profit = "profit" in self.totals and bool((self.known == compared).all())
        if profit and reached["min_revenue"] > 0:
            reached["min_margin"] = self.totals["profit"]["actual"] / reached["min_revenue"]
        return kept_limits(self.asked, reached, share=self.window.share)

    @cached_property
    def accuracy(self) -> dict[str, Accuracy]:
        """How good the forecast was, ``followed`` and ``not followed``; offers that sold out are left out of both."""
        open_ = self.compared & (self.sold_out == 0)
        groups = {"followed": open_ & self.followed, "not followed": open_ & ~self.followed}
        return {
            name: accuracy(self.units[among], self.units_expected[among], self.inside[among])
            for name, among in groups.items()
        }

    @cached_property
    def other_terms(self) -> Bools:
        """Compared, and other coupons or taxes than the plan's moved a unit's revenue by more than rounding, bool[offer]."""
        moved = np.abs(np.nan_to_num(self.terms_effect)) > 0.5 * self.minor * np.nan_to_num(self.units) + 1e-9
        return self.compared & moved

    @property
    def share_followed(self) -> float:
        """Share of the offers' periods with a known price in which that was the planned one."""
        among = self.compared & np.isfinite(self.at_plan)
        weight = self.told[among]
        return float(self.at_plan[among] @ weight / weight.sum()) if weight.sum() else float("nan")

    @property
    def surprises(self) -> NDArray[np.int64]:
        """Offers compared, those first whose profit (else revenue) differs most from what was expected, int64[offer]."""
        worth = np.where(self.known, self.profit - self.profit_expected, self.revenue - self.revenue_expected)
        order = np.argsort(-np.abs(np.where(self.compared, worth, 0.0)), kind="stable")
        return order[self.compared[order]]

    @cached_property
    def notices(self) -> tuple[str, ...]:
        """What the figures leave out or had to assume."""
        from pricebid.planning.review_words import price_notices

        return price_notices(self)

    def to_frame(self) -> pd.DataFrame:
        """Return the table ``review``: one row per offer, in the shop's own keys."""
        import pandas as pd

        from pricebid.planning.review_words import offer_notes

        names = (
            "periods", "current_price", "planned_price", "price", "at_plan", "units_expected", "units_low", "units_high",
            "units",
        )  # fmt: skip
        rest = (
            "sold_out", "revenue_expected", "revenue", "profit_expected", "profit", "planned_cost", "cost",
            "volume_effect", "price_effect", "cost_effect",
        )  # fmt: skip
        return pd.DataFrame(
            {
                **dict(zip(self.columns, self.labels, strict=True)),
                "status": self.status,
                **{name: getattr(self, name) for name in names},
                "within": pd.array([pd.NA if np.isnan(one) else int(one) for one in self.inside], dtype="Int64"),
                **{name: getattr(self, name) for name in rest},
                "note": offer_notes(self),
            }
        )
