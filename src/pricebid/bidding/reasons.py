"""Why each bid is what it is, in a sentence or two with the numbers behind it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pricebid.bidding.housekeeping import ERROR

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pricebid.bidding.numbers import Numbers
    from pricebid.bidding.plan import BidPlan

_TIGHT = 1e-9


def reasons(plan: BidPlan) -> NDArray[np.object_]:
    """Return one text per keyword, object[entity] of str."""
    told = plan.numbers
    rows = range(len(plan.bid))
    charged = _charged(plan)
    return np.array([" ".join(_parts(plan, told, at, charged)) for at in rows], dtype=object)


def _charged(plan: BidPlan) -> list[str]:
    """Names of the limits that charge each campaign, one text per campaign."""
    binding = [limit for limit, price in zip(plan.limits_kept, plan.found.shadow_prices, strict=True) if price > _TIGHT]
    names = []
    for campaign in range(len(plan.layout.campaigns)):
        mine = [
            one.kind if one.campaign is None else f"the campaign's {one.kind}"
            for one in binding
            if one.campaign in {None, campaign}
        ]
        names.append(" and ".join(dict.fromkeys(mine)))
    return names


def _parts(plan: BidPlan, told: Numbers, at: int, charged: list[str]) -> list[str]:
    action = plan.action[at]
    limits = charged[plan.layout.campaign[at]]
    parts: list[str] = []
    if plan.hopeless.sure[at]:
        parts.append(
            f"No conversion in {plan.hopeless.clicks[at]:,.0f} clicks: some bid would earn with probability "
            f"{plan.hopeless.chance[at]:.2g}; that even one of all keywords paused for this would, at most {ERROR:g}."
        )
    elif plan.bid[at] == 0:
        parts.append(_out(plan, told, at, limits))
    else:
        parts += _in(plan, told, at, limits)
    if action == "start":
        parts.insert(
            0, "New: judged by its words, campaign and match type." if plan.candidate[at] else "Not advertised now."
        )
    if plan.rivals[at]:
        parts.append(plan.rivals[at])
    return parts


def _out(plan: BidPlan, told: Numbers, at: int, limits: str) -> str:
    now = plan.current[at]
    where = f"At the current bid {now:,.2f}" if now > 0 else f"At a bid of {told.bid[at]:,.2f}"
    cost, worth = told.click_cost[at], told.click_worth[at]
    if not told.outcomes["clicks"][at] > 0:
        return "No click is expected at bids that could pay."
    text = f"{where} a click costs {cost:,.2f}"
    if np.isfinite(worth):
        text += f" and is worth {worth:,.2f}"
    if worth > cost and limits:
        return f"{text}; under {limits} the money earns more elsewhere."
    return f"{text}: no bid is expected to add to the objective."


def _in(plan: BidPlan, told: Numbers, at: int, limits: str) -> list[str]:
    first = f"A click costs {told.click_cost[at]:,.2f}"
    if np.isfinite(told.click_worth[at]):
        first += (
            f" and is worth {told.click_worth[at]:,.2f} (a conversion costs {told.cpa[at]:,.2f}); "
            f"profit is above 0 with probability {told.chance[at]:.0%}."
        )
    else:
        first += f", a conversion {told.cpa[at]:,.2f}."
    parts = [first]
    marginal, allowed, alone = told.marginal[at], told.allowed[at], told.alone[at]
    if np.isfinite(marginal):
        pays = f"up to {allowed:,.2f} pays" if np.isfinite(allowed) else "any cost pays"
        if limits and np.isfinite(allowed) and np.isfinite(alone):
            pays += f" under {limits} ({alone:,.2f} without)"
        parts.append(
            f"1% more bid brings {told.elasticity[at]:.2g}% more clicks; one more conversion costs {marginal:,.2f} where {pays}."
        )
    high, low = plan.range.high[at], plan.range.low[at]
    if abs(plan.bid[at] - high) <= _TIGHT:
        parts.append(f"Held by max_bid {high:,.2f}.")
    elif abs(plan.bid[at] - low) <= _TIGHT and low > plan.range.step + _TIGHT:
        parts.append(f"Held by min_bid {low:,.2f}.")
    return parts


def rival_words(plan: BidPlan) -> NDArray[np.object_]:
    """Say of keywords that say the same as others which those are, object[entity] of str; empty for all others."""
    group, size = plan.said
    words = np.full(len(group), "", dtype=object)
    several = np.flatnonzero((size > 1) & (plan.bid > 0))
    order = several[np.argsort(group[several], kind="stable")]
    for members in np.split(order, np.flatnonzero(np.diff(group[order])) + 1):
        if len(members) > 1:
            for at in members:
                words[at] = "Competes with " + _named(plan, members[members != at]) + ": only the highest bid counts."
    return words


def _named(plan: BidPlan, members: NDArray[np.int64]) -> str:
    layout = plan.layout
    named = [
        " ".join(filter(None, (str(layout.label(name)[at]) for name in ("campaign", "keyword", "match_type"))))
        for at in members[:2]
    ]
    more = f" and {len(members) - 2:,} more" if len(members) > 2 else ""
    return ", ".join(named) + more


def reference(plan: BidPlan) -> NDArray[np.float64]:
    """Bids at which numbers are told: the planned ones, or where paused the current, else the lowest, float64[entity]."""
    current = np.nan_to_num(plan.current)
    return np.where(plan.bid > 0, plan.bid, np.where(current > 0, current, plan.range.low))
