"""A plan against what then happened, for people and as JSON."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

from rich.console import Group
from rich.padding import Padding
from rich.text import Text

from pricebid.planning.review_words import (
    CANNOT,
    CAUSES,
    bid_verdict,
    forecast_words,
    keyword_note,
    offer_note,
    verdict,
)
from pricebid.report.numbers import change, count, money
from pricebid.report.plans import signed
from pricebid.report.text import section, table

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rich.console import RenderableType

    from pricebid.planning import BidReview, Kept, PriceReview, Review

SURPRISES = 5


def review_report(review: Review, *, surprises: int = SURPRISES) -> RenderableType:
    """Lay out a review: the verdict, totals, forecast, limits, the biggest surprises, what it leaves out.

    Parameters
    ----------
    review : Review
        As made.
    surprises : int
        How many offers and keywords to show.
    """
    parts: list[RenderableType] = []
    if review.prices is not None:
        parts += [section("Prices (profit before ad cost)"), Text()] if review.bids is not None else []
        parts += _prices(review.prices, review.currency, surprises)
    if review.bids is not None:
        parts += [Text(), section("Bids"), Text()] if review.prices is not None else []
        parts += _bids(review.bids, review.currency, surprises)
    notices = [Text(f"note: {notice}") for notice in review.notices]
    return Group(*parts, *([Text(), *notices] if notices else [Text()]), Text(CANNOT, style="dim"))


def review_summary(review: Review) -> dict[str, Any]:
    """Give what review.json holds."""
    content: dict[str, Any] = json.loads(review.to_json())
    return {"review": content}


def _prices(prices: PriceReview, currency: str, surprises: int) -> list[RenderableType]:
    parts: list[RenderableType] = [Text(verdict(prices, currency), style="bold"), Text()]
    if not prices.totals:
        return parts
    parts.append(totals_table(prices, currency))
    parts += [Text(forecast_words(name, one)) for name, one in prices.accuracy.items() if one.offers]
    if prices.limits:
        parts += [Text(), limits_table(prices.limits)]
    parts += [Text(), _listed(prices.surprises[:surprises], prices, offer_note, "offers")]
    return parts


def totals_table(prices: PriceReview, currency: str) -> RenderableType:
    """Lay out totals expected and actual, and below profit what made it differ."""
    rows: list[tuple[str, ...]] = []
    for name in ("profit", "revenue", "units"):
        if name not in prices.totals:
            continue
        write: Callable[[float], str] = count if name == "units" else money
        one = prices.totals[name]
        by = _by(one["difference"], one["expected"])
        span = f"{write(one['low'])} to {write(one['high'])}" if "low" in one else ""
        rows.append((name, write(one["expected"]), write(one["actual"]), _plus(one["difference"]), by, span))
        if name == "profit":
            rows += [
                (
                    f"  from {CAUSES[part]}",
                    "",
                    "",
                    _plus(value),
                    _by(value, one["expected"]),
                )
                for part, value in prices.effects.items()
            ]
    title = f"{int(prices.compared.sum()):,} offers compared" + (f" (money in {currency})" if currency else "")
    columns = ("in the window", "expected", "actual", "difference", "", "80 % interval")
    return table(title, columns, rows)


def limits_table(limits: Sequence[Kept]) -> RenderableType:
    """Lay out the plan's limits as they stand in reality."""
    rows = []
    for one in limits:
        told = f"{one.reached:,.4g}" if math.isfinite(one.reached) else ""
        held = (
            f"cannot be told: {one.why}" if one.kept is None else "kept" if one.kept else f"broken by {one.beyond:,.4g}"
        )
        rows.append((one.name, f"{one.asked:,.4g}", told, held))
    return table("Limits in reality", ("limit", "asked", "reached", ""), rows, words=(0, 3))


def _bids(bids: BidReview, currency: str, surprises: int) -> list[RenderableType]:
    parts: list[RenderableType] = [Text(bid_verdict(bids, currency), style="bold"), Text()]
    rows: list[tuple[str, ...]] = []
    for name in ("revenue", "conversions", "clicks", "cost"):
        write: Callable[[float], str] = count if name in {"conversions", "clicks"} else money
        one = bids.totals[name]
        by = _by(one["difference"], one["expected"])
        rows.append((name, write(one["expected"]), write(one["actual"]), _plus(one["difference"]), by))
    title = f"{int(bids.planned.sum()):,} keywords planned" + (f" (money in {currency})" if currency else "")
    parts.append(table(title, ("per day", "expected", "actual", "difference", ""), rows))
    as_planned, told = bids.followed
    if told:
        parts.append(Text(f"Keywords bid as planned throughout: {as_planned:,} of {told:,} of which reports tell."))
    if bids.budgets:
        rows = [
            (
                "all" if one.campaign is None else one.campaign or "(none)",
                money(one.budget),
                f"{one.above} of {one.days}",
                f"{one.due:.1f}",
                money(one.worst) if one.above else "-",
                money(one.over) if one.above else "-",
            )
            for one in bids.budgets
        ]
        columns = ("campaign", "a day", "days above", "may lie above", "worst day, over", "in sum, over")
        parts += [Text(), table("Budgets, day by day", columns, rows)]
    if bids.limits:
        parts += [Text(), limits_table(bids.limits)]
    parts += [Text(), _listed(bids.surprises[:surprises], bids, keyword_note, "keywords")]
    return parts


def _listed(order: Any, review: Any, note: Callable[[Any, int], str], what: str) -> RenderableType:  # noqa: ANN401
    parts: list[RenderableType] = [Text(f"The {len(order)} {what} that surprise most", style="bold")]
    for at in order:
        parts.append(Text(" " + ", ".join(str(label[at]) for label in review.labels if label[at]), style="bold cyan"))
        parts.append(Padding(Text(note(review, int(at))), (0, 0, 0, 3), expand=False))
    return Group(*parts)


def _by(difference: float, expected: float) -> str:
    """Write a difference as a share of what was expected, where that is more than nothing."""
    return change(difference / expected) if expected > 0 else ""


def _plus(value: float) -> str:
    """Write a difference with its sign, without a sign for what rounds to nothing."""
    return signed(value) if abs(value) >= 0.005 else "0.00"
