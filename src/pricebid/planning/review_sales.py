"""From sales since a plan, on the plan's own offers, to what differs and why."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pricebid.errors import InputError
from pricebid.planning.review_prices import PriceReview, Window

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pricebid.planning.review_plan import ExpectedPrices
    from pricebid.tables import History, Shop

    Floats = NDArray[np.float64]
    Bools = NDArray[np.bool_]
    Ints = NDArray[np.int64]

_Z90 = 1.2815515655446004  # standard deviations from the mean to the 90 % point
_FEW = 1e-9  # expected units below which what one unit brings is told by its price, not by a quotient


@dataclass(frozen=True, kw_only=True, eq=False)
class _Sold:
    """What the shop sold in the window, float64[shop offer, period] where not said otherwise.

    Parameters
    ----------
    units, price, discount : float64[shop offer, period]
        Units (0 where not known), shelf price, coupon money per unit.
    known, told, out : bool[shop offer, period]
        Units are known; a row tells the price; all in stock was sold.
    """

    units: Floats
    price: Floats
    discount: Floats
    known: Bools
    told: Bools
    out: Bools


def review_prices(plan: ExpectedPrices, shop: Shop, *, start: str | None = None) -> PriceReview:
    """Lay what happened beside what a price plan expected.

    Parameters
    ----------
    plan : ExpectedPrices
        As read.
    shop : Shop
        With the sales since.
    start : date, optional
        First day on which the plan was in force; default: as it says itself.

    Raises
    ------
    InputError
        No sales fall into the plan's horizon, or its keys or periods are not those of the shop.
    """
    history = shop.history()
    if set(plan.columns) != set(history.offers.columns):
        raise InputError(
            f"the plan's keys are {', '.join(plan.columns)}, those of the shop {', '.join(history.offers.columns)}: "
            "give the shop that was planned for"
        )
    window, at = _window(plan, shop, history, start)
    sold = _sold(shop, history, at)
    sells: Bools = np.logical_or.reduce(sold.known, axis=1)
    row = _matched(plan, history, sells)
    planned = np.arange(len(row)) < len(plan.price)
    seen = (row >= 0) & sells[row]
    return _laid(plan, shop, sold, window=window, row=row, planned=planned, seen=seen)


def _window(plan: ExpectedPrices, shop: Shop, history: History, start: str | None) -> tuple[Window, Ints]:
    """Return the window, and which periods of the history it is, int64[period]."""
    period = shop.period
    given = np.datetime64(start or plan.start, "D")
    steps = period.steps(given, plan.horizon)
    # Days before the one given are not the plan's: a period that it cuts counts for neither.
    cut = start is not None and steps[0] < given
    if cut:
        steps = period.after(given, plan.horizon)
    if plan.last and start is None and steps[-1] != period.steps(np.datetime64(plan.last, "D"), 1)[0]:
        raise InputError(
            f"the plan's last period begins on {plan.last}, but {plan.horizon} {history.frequency}s from {steps[0]} end "
            f"with {steps[-1]}: the sales have another period than those that were planned with"
        )
    some = np.isfinite(history.units).any(axis=0)
    at = np.flatnonzero(some & (history.periods >= steps[0]) & (history.periods <= steps[-1]))
    if not len(at):
        known = history.periods[some]
        raise InputError(
            f"no sales in the plan's horizon: it starts on {steps[0]} and its last {history.frequency} begins on "
            f"{steps[-1]}; the sales reach from {known[0]} until the {history.frequency} of {known[-1]}; review the plan "
            "when sales of its first period are there"
        )
    window = Window(
        first=steps[0],
        horizon=plan.horizon,
        periods=history.periods[at],
        frequency=history.frequency,
        asked=given if cut else None,
    )
    return window, at


def _sold(shop: Shop, history: History, at: Ints) -> _Sold:
    units = history.units[:, at]
    absent_is_none = shop.absent_is_none
    if absent_is_none:
        units = _ended(units, history, at, everywhere=shop.settings.absent == "zero")
    known = np.isfinite(units)
    units = np.where(known, units, 0.0)
    discount = np.zeros(units.shape)
    if "discount" in history.driver_names:
        discount = history.drivers[history.driver_names.index("discount")][:, at]
    # A filled zero has no row: the price beside it is carried over from another period, and tells nothing.
    told = known & (units > 0) if absent_is_none else known
    out = history.censored[:, at] & known
    price = np.nan_to_num(history.price[:, at])  # an offer without any row has none
    return _Sold(units=units, price=price, discount=discount, known=known, told=told, out=out)


def _ended(units: Floats, history: History, at: Ints, *, everywhere: bool) -> Floats:
    """Count nothing sold after a sku's last row too, where its region has rows (or ``everywhere``) and the sku sold in the window.

    The history leaves those cells open: a sku may have gone for good, which a forecast must not learn as zeros. A plan
    expected it to sell. Left out here, slow sellers would count only up to their last sale, and always seem to sell more
    than was expected.
    """
    region, sku = (np.unique(history.offers.label(name), return_inverse=True)[1] for name in ("region", "sku"))
    known, ever = np.isfinite(units), np.isfinite(history.units)
    reported = np.zeros((int(region.max()) + 1, units.shape[1]), dtype=bool)
    np.logical_or.at(reported, region, known)
    began = np.zeros((int(sku.max()) + 1, ever.shape[1]), dtype=bool)
    np.logical_or.at(began, sku, ever)
    began = np.logical_or.accumulate(began, axis=1)[:, at]
    sells = np.bincount(sku, known.any(axis=1)) > 0
    open_ = ~known & (reported[region] | everywhere) & began[sku] & (sells[sku] & ever.any(axis=1))[:, None]
    return np.where(open_, 0.0, units)


def _matched(plan: ExpectedPrices, history: History, seen: Bools) -> Ints:
    """Shop offer of every offer of the plan, then of those seen that are not in it, int64[row]; -1 where there is none."""
    offers = history.offers
    keys = list(zip(*(offers.label(name) for name in plan.columns), strict=True))
    place = {key: number for number, key in enumerate(keys)}
    mine = np.array([place.get(key, -1) for key in zip(*plan.labels, strict=True)], dtype=np.int64)
    unplanned = seen.copy()
    unplanned[mine[mine >= 0]] = False
    return np.concatenate([mine, np.flatnonzero(unplanned)])


def _laid(
    plan: ExpectedPrices, shop: Shop, sold: _Sold, *, window: Window, row: Ints, planned: Bools, seen: Bools
) -> PriceReview:
    """Lay plan and sales onto one axis, and take the difference of profit apart.

    With u units, r revenue and k cost of a unit (shipping included), planned p and actual a, the difference
    ``u_a (r_a - k_a) - u_p (r_p - k_p)`` is ``(u_a - u_p) (r_p - k_p)`` (volume) plus ``u_a (r_a - r_p)`` (price) less
    ``u_a (k_a - k_p)`` (cost).
    """
    offers, minor = shop.offers, 10.0**-shop.settings.decimals
    compared = planned & seen

    def mine(values: Floats) -> Floats:
        return np.where(row >= 0, values[row], np.nan)

    def theirs(values: Floats) -> Floats:
        return np.concatenate([values, np.full(len(row) - len(values), np.nan)])

    price, planned_price, current = _charged(sold)[row], theirs(plan.price), theirs(plan.current_price)
    units = np.where(seen, sold.units.sum(axis=1)[row], np.nan)
    tax = 1.0 + mine(offers.tax)
    revenue = np.where(seen, ((sold.price - sold.discount) * sold.units).sum(axis=1)[row] / tax, 0.0)
    planned_cost, shipping = theirs(plan.cost), mine(offers.shipping_cost)
    cost = np.where(np.isnan(mine(offers.cost)), planned_cost, mine(offers.cost))
    unit_revenue, margin = _planned_unit(plan, planned_price / tax, planned_cost + shipping)
    periods = np.where(seen, sold.known.sum(axis=1)[row], 0).astype(np.int64)
    scale = np.where(compared, periods / window.horizon, window.share)
    expected, low, high = _scaled(
        theirs(plan.units), theirs(plan.units_low), theirs(plan.units_high), scale, plan.chance
    )
    found = np.where(compared, units, np.nan)
    coupons = (sold.discount * sold.units).sum(axis=1)[row]
    return PriceReview(
        columns=plan.columns,
        labels=_labels(plan, shop, row),
        window=window,
        planned=planned,
        seen=seen,
        periods=periods,
        told=np.where(seen, sold.told.sum(axis=1)[row], 0).astype(np.int64),
        current_price=current,
        planned_price=planned_price,
        price=np.where(seen, price, np.nan),
        at_plan=np.where(compared, _share_at(planned_price, sold, row, minor), np.nan),
        units_expected=expected,
        units_low=low,
        units_high=high,
        units=units,
        sold_out=np.where(seen, sold.out.sum(axis=1)[row], 0).astype(np.int64),
        revenue_expected=theirs(plan.revenue) * scale,
        revenue=np.where(seen, revenue, np.nan),
        profit_expected=theirs(plan.profit) * scale,
        profit=np.where(seen, revenue - units * (cost + shipping), np.nan),
        planned_cost=planned_cost,
        cost=cost,
        cost_assumed=compared & np.isnan(mine(offers.cost)) & np.isfinite(planned_cost),
        volume_effect=(found - expected) * margin,
        price_effect=np.where(compared, revenue, np.nan) - found * unit_revenue,
        cost_effect=found * (unit_revenue - margin - (cost + shipping)),
        terms_effect=(found * planned_price - coupons) / tax - found * unit_revenue,
        discount_given=np.where(compared, _given(current, sold, row, minor), np.nan),
        whole=bool((sold.units % 1.0 == 0.0).all()),
        minor=minor,
        asked=plan.limits,
        ranges=plan.ranges,
    )


def _planned_unit(plan: ExpectedPrices, revenue: Floats, cost: Floats) -> tuple[Floats, Floats]:
    """Revenue and margin of one unit as planned, float64[row] each: the plan's quotients, discounts and taxes of that day in them.

    ``revenue`` and ``cost``, float64[row], stand in where the plan expected to sell nothing.
    """
    more = np.full(len(revenue) - len(plan.units), np.nan)
    units = np.concatenate([plan.units, more])
    some = units > _FEW
    per = np.where(some, units, 1.0)
    unit_revenue = np.where(some, np.concatenate([plan.revenue, more]) / per, revenue)
    return unit_revenue, np.where(some, np.concatenate([plan.profit, more]) / per, unit_revenue - cost)


def _given(current: Floats, sold: _Sold, row: Ints, minor: float) -> Floats:
    """Current price less the price charged, where lower by more than rounding, times units; float64[row]."""
    lowered = np.maximum(current[:, None] - sold.price[row], 0.0)
    lowered[lowered <= 0.5 * minor + 1e-9] = 0.0
    return np.asarray((lowered * sold.units[row]).sum(axis=1))


def _labels(plan: ExpectedPrices, shop: Shop, row: Ints) -> tuple[NDArray[np.object_], ...]:
    more = row[len(plan.price) :]
    return tuple(
        np.concatenate([label, shop.offers.label(name)[more]])
        for name, label in zip(plan.columns, plan.labels, strict=True)
    )


def _charged(sold: _Sold) -> Floats:
    """Mean price of what sold, else of the periods whose price is told, float64[shop offer]; NaN where none is."""
    weight = np.where(sold.units.sum(axis=1, keepdims=True) > 0, sold.units, sold.told)
    total = weight.sum(axis=1)
    mean = (sold.price * weight).sum(axis=1) / np.where(total > 0, total, 1.0)
    # A mean of equal prices is that price: rounding must not make it another.
    low = np.where(weight > 0, sold.price, np.inf).min(axis=1)
    high = np.where(weight > 0, sold.price, -np.inf).max(axis=1)
    return np.where(total > 0, np.minimum(np.maximum(mean, low), high), np.nan)


def _share_at(planned_price: Floats, sold: _Sold, row: Ints, minor: float) -> Floats:
    """Share of the periods with a told price in which it was the planned one, to half a minor unit; float64[row]."""
    told = sold.told[row]
    same = told & (np.abs(sold.price[row] - planned_price[:, None]) <= 0.5 * minor + 1e-9)
    count = told.sum(axis=1)
    return np.where(count > 0, same.sum(axis=1) / np.maximum(count, 1), np.nan)


def _scaled(units: Floats, low: Floats, high: Floats, share: Floats, chance: float) -> tuple[Floats, Floats, Floats]:
    """Return expected units and their interval for a share of the horizon, float64[row] each.

    What is uncertain about the mean shrinks with the share; the chance of single sales (variance: the mean) and what comes
    anew every period (variance: ``chance`` times the mean²) with its root. The distance of both ends from the mean shrinks by
    what that gives together.
    """
    variance = ((high - low) / (2.0 * _Z90)) ** 2
    anew = np.minimum(units + chance * units**2, variance)
    with np.errstate(invalid="ignore", divide="ignore"):
        left = (share**2 * (variance - anew) + share * anew) / variance
    factor = np.where(share < 1.0, np.sqrt(np.where(variance > 0, left, share**2)), share)
    expected, part = units * share, share < 1.0
    below, above = np.maximum(expected - factor * (units - low), 0.0), expected + factor * (high - units)
    return expected, np.where(part, below, low), np.where(part, above, high)
