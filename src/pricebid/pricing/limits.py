"""The policy's limits on the plan as a whole, for the search and for the report."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pricebid.errors import Conflict, Infeasible
from pricebid.optimize import Limit, LimitReport
from pricebid.pricing.economics import limit_totals

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from pricebid.policy import Portfolio


def portfolio_limits(portfolio: Portfolio, units_now: float) -> tuple[Limit, ...]:
    """Return the limits on totals that the policy asks for.

    Parameters
    ----------
    portfolio : Portfolio
        Of the policy.
    units_now : float
        Expected units at current prices, what ``min_units_ratio`` refers to.
    """
    found = []
    if portfolio.min_margin is not None:
        found.append(Limit("profit", at_least=portfolio.min_margin, per="revenue", label="min_margin"))
    if portfolio.min_units_ratio is not None:
        found.append(Limit("units", at_least=portfolio.min_units_ratio * units_now, label="min_units_ratio"))
    if portfolio.min_revenue is not None:
        found.append(Limit("revenue", at_least=portfolio.min_revenue, label="min_revenue"))
    if portfolio.max_price_changes is not None:
        found.append(Limit("changes", at_most=float(portfolio.max_price_changes), label="max_price_changes"))
    if portfolio.max_discount_cost is not None:
        found.append(Limit("discount", at_most=portfolio.max_discount_cost, label="max_discount_cost"))
    return tuple(found)


def limit_reports(
    limits: tuple[Limit, ...],
    outcomes: dict[str, NDArray[np.float64]],
    shadow_prices: NDArray[np.float64],
    units_now: float,
) -> tuple[LimitReport, ...]:
    """Return how the plan stands to each limit, in the policy's units.

    A ratio's multiplier counts money of its row; times the total that it is a ratio of, it counts the ratio.
    """
    totals = limit_totals(outcomes, limits)
    reports = []
    for limit, total, shadow in zip(limits, totals, shadow_prices, strict=True):
        unit = units_now if limit.label == "min_units_ratio" else 1.0
        per = 1.0 if limit.per is None else float(outcomes[limit.per].sum())
        bound, value = (limit.bound / unit, total / unit) if unit > 0 else (limit.bound, total)
        reports.append(
            LimitReport(
                name=limit.title,
                limit=bound,
                value=float(value),
                slack=float(limit.sign * (bound - value)),
                shadow_price=float(shadow * unit * per),
            )
        )
    return tuple(reports)


def in_policy_units(error: Infeasible, limits: tuple[Limit, ...], now: dict[str, NDArray[np.float64]]) -> Infeasible:
    """Return the error with each conflict in the unit of the policy rather than of the kernel's row.

    What a ratio could reach is told by the total it is a ratio of at current prices, close to exact for small
    relaxations.

    Parameters
    ----------
    error : Infeasible
        From the search.
    limits : tuple of Limit
        On totals.
    now : dict of float64[offer]
        Outcomes at current prices.
    """
    by_title = {limit.title: limit for limit in limits}
    conflicts = []
    for one in error.conflicts:
        limit = by_title.get(one.name)
        if limit is None:
            conflicts.append(one)
            continue
        unit = float(now["units"].sum()) if limit.label == "min_units_ratio" else 1.0
        asked, reachable = limit.bound / unit, one.reachable / unit
        if limit.per is not None:
            reachable = asked + one.reachable / max(float(now[limit.per].sum()), 1e-300)
        conflicts.append(Conflict(name=one.name, limit=asked, reachable=reachable, relaxation=abs(asked - reachable)))
    return Infeasible(str(error).split("\n", maxsplit=1)[0], conflicts)
