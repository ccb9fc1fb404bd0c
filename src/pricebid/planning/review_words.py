"""What a review has to say, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pricebid.planning.review_bids import BidReview
    from pricebid.planning.review_prices import PriceReview
    from pricebid.planning.review_scores import Accuracy, Kept

CANNOT = (
    "This compares what was expected with what happened. What would have happened without the plan it cannot say: that takes an "
    "experiment (docs/experiments.md)."
)


# What made profit differ.
CAUSES = {"volume": "other volumes", "price": "other revenue per unit", "cost": "other costs"}

_SHOWN = 0.005  # money below this is not told


# -- prices -----------------------------------------------------------------------------------------------------


def verdict(review: PriceReview, currency: str = "") -> str:
    """Return one sentence on prices: what was earned and sold beside what was expected, why, and whether prices stood."""
    totals = review.totals
    if not totals:
        return "None of the plan's offers has sales in the window: there is nothing to compare."
    name = "profit" if "profit" in totals else "revenue"
    offers = int((review.known if name == "profit" else review.compared).sum())
    count = "the 1 offer compared" if offers == 1 else f"the {offers:,} offers compared"
    told = f"in {_span(review)} {count} brought {_beside(totals[name], f'{currency} {name}'.strip())}{_causes(review)}"
    told += f"; {amount(totals['units']['actual'])} units were sold where {amount(totals['units']['expected'])} were expected"
    stood = review.share_followed
    if np.isfinite(stood):
        told += f"; the planned price stood in {100 * stood:.0f}% of the offers' {review.window.frequency}s"
    return f"{told[0].upper()}{told[1:]}."


def _causes(review: PriceReview) -> str:
    """Say what made profit differ, the largest part first; nothing where only one thing did, or none."""
    effects = sorted(review.effects.items(), key=lambda one: -abs(one[1]))
    told = [f"{signed(value)} from {CAUSES[name]}" for name, value in effects if abs(value) >= _SHOWN]
    return f" ({', '.join(told)})" if told else ""


def _beside(total: dict[str, float], what: str = "") -> str:
    expected, actual, more = total["expected"], total["actual"], total["difference"]
    told = f"{money(actual)} {what}".rstrip()
    if abs(more) < _SHOWN:
        return f"{told}, as expected"
    by = f" ({abs(more / expected):.1%})" if expected > 0 else ""
    return f"{told}, {money(abs(more))}{by} {'more' if more > 0 else 'less'} than expected"


def _span(review: PriceReview) -> str:
    window = review.window
    count, unit = len(window.periods), window.frequency
    whole = "" if count == window.horizon else f" of {window.horizon}"
    return f"{count}{whole} {unit}{'s' if max(count, window.horizon) > 1 else ''} from {window.periods[0]}"


def price_notices(review: PriceReview) -> tuple[str, ...]:
    """Return what the figures on prices leave out or had to assume."""
    found, window = [], review.window
    unit, there = window.frequency, len(window.periods)
    if window.asked is not None:
        found.append(
            f"no {unit} of the sales begins on {window.asked}, the start that was given: the review starts with the first whole "
            f"{unit} after it, on {window.first}"
        )
    if there < window.horizon:
        found.append(
            f"{there} of the plan's {window.horizon} {unit}s have sales: what was expected is scaled to that share "
            f"({window.share:.0%}), as if every {unit} were alike"
        )
    if short := int((review.compared & (review.periods < there)).sum()):
        found.append(
            f"offers without rows in some of these {unit}s: {short:,}; what was expected is scaled to those they have"
        )
    gone, new = review.planned & ~review.seen, review.seen & ~review.planned
    if gone.any():
        found.append(
            f"offers of the plan without any sales row in the window: {gone.sum():,}, taken off sale or nothing sold; in no total, "
            f"expected were {amount(review.units_expected[gone].sum())} units for {money(review.revenue_expected[gone].sum())}"
        )
    if new.any():
        found.append(
            f"offers that sold without being in the plan: {new.sum():,}; in no total, they sold {amount(review.units[new].sum())} "
            f"units for {money(review.revenue[new].sum())}"
        )
    found += _money_notices(review)
    if mute := int((review.compared & np.isnan(review.at_plan)).sum()):
        found.append(
            f"offers that sold nothing, so that no row tells their price: {mute:,}; taken to be at the planned one"
        )
    if out := int((review.compared & (review.sold_out > 0)).sum()):
        found.append(
            f"offers that sold out at times: {out:,}; demand was more than sales show, and they do not count for the forecast"
        )
    return tuple(found)


def _money_notices(review: PriceReview) -> list[str]:
    found, offers = [], f"{review.compared.sum():,}"
    if unknown := int(review.compared.sum() - review.known.sum()):
        found.append(
            f"offers whose cost is not known, now or in the plan: {unknown:,} of {offers}; profit and what made it "
            "differ are those of the others"
        )
    if assumed := int(review.cost_assumed.sum()):
        found.append(
            f"offers whose cost the shop does not know now: {assumed:,} of {offers}; the plan's is taken, so that "
            "other costs do not show"
        )
    if moved := int(review.other_terms.sum()):
        among = review.other_terms & (
            review.known if review.known.any() else review.compared
        )  # as the page's total has it
        found.append(
            f"offers with other coupons or taxes than the plan reckoned with: {moved:,} of {offers}; they account "
            f"for {signed(review.terms_effect[among].sum())} of other revenue per unit, prices charged for the rest"
        )
    return found


def offer_notes(review: PriceReview) -> NDArray[np.object_]:
    """Return what happened to each offer, object[offer] of str."""
    notes = np.empty(len(review), dtype=object)
    for at in range(len(review)):
        notes[at] = offer_note(review, at)
    return notes


def offer_note(review: PriceReview, at: int) -> str:
    """Return what happened to one offer: units, price, cost, stock, and what each did to profit."""
    if not review.compared[at]:
        planned = "in the plan, without a sales row in the window: taken off sale, or nothing sold"
        return planned if review.planned[at] else "sold without being in the plan"
    parts = [_units_words(review, at), _price_words(review, at)]
    if review.cost_effect[at] and abs(review.cost[at] - review.planned_cost[at]) > 0.5 * review.minor:
        parts.append(f"a unit costs {review.cost[at]:,.2f} where the plan reckoned with {review.planned_cost[at]:,.2f}")
    if review.sold_out[at]:
        parts.append(
            f"sold out in {review.sold_out[at]} of {review.periods[at]} {review.window.frequency}s, and demand was more"
        )
    if review.known[at]:
        parts.append(_worth_words(review, at))
    return "; ".join(parts)


def _units_words(review: PriceReview, at: int) -> str:
    sold, expected = review.units[at], review.units_expected[at]
    low, high = review.units_low[at], review.units_high[at]
    side = "within" if review.inside[at] else "below" if sold < low else "above"
    return f"sold {amount(sold)} where {amount(expected)} were expected, {side} the range of {amount(low)} to {amount(high)}"


def _price_words(review: PriceReview, at: int) -> str:
    planned, charged, share = review.planned_price[at], review.price[at], review.at_plan[at]
    if np.isnan(share):
        return f"no row tells the price; planned were {planned:,.2f}"
    if share == 1.0:
        return f"at the planned {planned:,.2f} throughout"
    return (
        f"charged {charged:,.2f} on average, the planned {planned:,.2f} {_often(share, f'{review.window.frequency}s')}"
    )


def _often(share: float, what: str) -> str:
    return "never" if share == 0.0 else f"in {100 * share:.0f}% of the {what}"


def _worth_words(review: PriceReview, at: int) -> str:
    effects = {
        "volume": review.volume_effect[at],
        "revenue per unit": review.price_effect[at],
        "cost": review.cost_effect[at],
    }
    shown = {name: value for name, value in effects.items() if abs(value) >= _SHOWN}
    parts = ", ".join(f"{name} {signed(value)}" for name, value in shown.items())
    told = f" ({parts})" if len(shown) > 1 else f", all of it {next(iter(shown))}" if shown else ""
    return f"profit {signed(review.profit[at] - review.profit_expected[at])}{told}"


def forecast_words(name: str, one: Accuracy) -> str:
    """Return in a sentence how good the forecast was where the plan was followed, or where it was not."""
    where = "Where the planned price stood" if name == "followed" else "Where it did not"
    if one.offers == 0:
        return f"{where}: no offer."
    if name == "followed":
        side = "as due"
        if one.inside < one.low:
            side = "fewer than chance explains, but offers that share a season err together"
        elif one.inside > one.high:
            side = "more than chance explains, so the ranges were cautious"
        told = (
            f"{one.inside:,} of {one.offers:,} offers sold within their 80% range, {side} ({one.due:,.1f} are due, {one.low:,} to "
            f"{one.high:,} by chance alone)"
        )
    else:
        told = f"{one.inside:,} of {one.offers:,} offers sold within the range of a price that was not charged"
    if np.isnan(one.wape):
        return f"{where}: {told}; nothing sold."
    lean = "too high" if one.bias > 0 else "too low"
    return f"{where}: {told}; expected units were {one.wape:.1%} off (WAPE), in sum {abs(one.bias):.1%} {lean}."


def limit_words(one: Kept) -> str:
    """Return whether a limit was kept in reality, and by how much it was not."""
    if one.kept is None:
        return f"{one.name}: cannot be told, {one.why}"
    told = f"{one.name}: {one.reached:,.4g} where {one.asked:,.4g} was asked"
    return f"{told}, kept" if one.kept else f"{told}, broken by {one.beyond:,.4g}"


# -- bids -------------------------------------------------------------------------------------------------------


def bid_verdict(review: BidReview, currency: str = "") -> str:
    """Return one sentence on bids: what was spent and what came beside what was expected, per day."""
    cost, revenue, conversions = (review.totals[name] for name in ("cost", "revenue", "conversions"))
    days = len(review.days)
    told = (
        f"In {days} day{'s' if days > 1 else ''} of ads from {review.days[0]} the planned keywords cost {_beside(cost, f'{currency} a day'.strip())}, "
        f"and brought {_beside(revenue, 'revenue')}, from {amount(conversions['actual'])} conversions "
        f"({amount(conversions['expected'])} expected)"
    )
    budget = next((one for one in review.budgets if one.campaign is None), None)
    if budget is not None and budget.above:
        told += f"; the daily budget of {money(budget.budget)} was exceeded on {budget.above} days, by up to {money(budget.worst)}"
    elif budget is not None:
        told += f"; the daily budget of {money(budget.budget)} was kept every day"
    return f"{told}."


def bid_notices(review: BidReview) -> tuple[str, ...]:
    """Return what the figures on bids leave out or had to assume."""
    found = []
    if len(review.days) < review.asked_days:
        found.append(f"{len(review.days)} of {review.asked_days} days have reports: means are over those")
    if review.silent_days:
        found.append(
            f"days without a row of any keyword: {review.silent_days:,} of {len(review.days):,}; they count as days on which nothing "
            "came: if the ads ran, their reports are missing and the means are too low"
        )
    if review.recent:
        found.append("the window ends with the last day reported: late conversions of its last days may still come")
    silent, unplanned = review.planned & ~review.seen, ~review.planned
    if silent.any():
        found.append(
            f"planned keywords without a row in the window: {silent.sum():,}; they count with nothing spent and nothing brought"
        )
    if unplanned.any():
        found.append(
            f"keywords that ran without being in the plan: {unplanned.sum():,}, for {money(review.cost[unplanned].sum())} a day; in the "
            "budgets and limits, not in the totals"
        )
    return tuple(found)


def keyword_notes(review: BidReview) -> NDArray[np.object_]:
    """Return what happened to each keyword, object[keyword] of str."""
    notes = np.empty(len(review), dtype=object)
    for at in range(len(review)):
        notes[at] = keyword_note(review, at)
    return notes


def keyword_note(review: BidReview, at: int) -> str:
    """Return what happened to one keyword: its bid, clicks, cost and what they brought, per day."""
    if not review.planned[at]:
        return f"ran without being in the plan, for {money(review.cost[at])} a day"
    parts = [_bid_words(review, at)]
    if not review.seen[at]:
        return f"{parts[0]}; no row in the window"
    parts.append(f"cost {money(review.cost[at])} a day where {money(review.cost_expected[at])} were expected")
    parts.append(f"clicks {amount(review.clicks[at])} ({amount(review.clicks_expected[at])} expected)")
    parts.append(f"revenue {money(review.revenue[at])} ({money(review.revenue_expected[at])} expected)")
    return "; ".join(parts)


def _bid_words(review: BidReview, at: int) -> str:
    planned, bid, share = review.planned_bid[at], review.bid[at], review.at_plan[at]
    if planned == 0:
        return "paused as planned" if share == 1.0 else f"to be paused, but ran in {100 * (1 - share):.0f}% of the days"
    if np.isnan(bid):
        return f"no bid is reported; planned were {planned:,.2f}"
    if share == 1.0:
        return f"bid the planned {planned:,.2f} throughout"
    return f"bid {bid:,.2f} on average, the planned {planned:,.2f} {_often(share, 'rows')}"


# -- numbers ----------------------------------------------------------------------------------------------------


def amount(value: float) -> str:
    """Write an amount or a count with as many decimals as tell something.

    Examples
    --------
    >>> amount(12345.6), amount(12.34), amount(7.0), amount(0.034)
    ('12,346', '12.3', '7', '0.034')
    """
    if not np.isfinite(value):
        return "an unknown amount"
    if value == round(value) or abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:,.1f}" if abs(value) >= 10 else f"{value:.2g}"


def money(value: float) -> str:
    """Write an amount of money.

    Examples
    --------
    >>> money(12345.6), money(12.345)
    ('12,346', '12.35')
    """
    if not np.isfinite(value):
        return "an unknown amount"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{cents(value):,.2f}"


def signed(value: float) -> str:
    """Write a difference with its sign.

    Examples
    --------
    >>> signed(1234.5), signed(-3.21), signed(-0.001)
    ('+1,234', '-3.21', '+0.00')
    """
    return f"{value:+,.0f}" if abs(value) >= 1000 else f"{cents(value):+,.2f}"


def cents(value: float) -> float:
    """Round to two decimals, without a minus before what rounds to nothing.

    Examples
    --------
    >>> cents(-0.001), cents(-3.214)
    (0.0, -3.21)
    """
    return round(float(value), 2) + 0.0
