"""Review: a plan against what then happened."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from pricebid.errors import InputError
from pricebid.planning.review_bids import BidReview, review_bids
from pricebid.planning.review_plan import expected
from pricebid.planning.review_sales import review_prices
from pricebid.planning.review_words import (
    CANNOT,
    CAUSES,
    bid_verdict,
    cents,
    forecast_words,
    keyword_note,
    limit_words,
    offer_note,
    verdict,
)
from pricebid.tables.period import day_given

if TYPE_CHECKING:
    from datetime import date
    from pathlib import Path

    import pandas as pd
    from matplotlib.figure import Figure

    from pricebid.bidding import BidPlan
    from pricebid.planning.joint_plan import JointPlan
    from pricebid.planning.review_prices import PriceReview
    from pricebid.pricing import PricePlan
    from pricebid.tables import Shop


@dataclass(frozen=True, kw_only=True, eq=False)
class Review:
    """A plan beside what then happened.

    Parameters
    ----------
    plan : str
        Id of the plan.
    currency : str
        Of all money; empty where not given.
    prices : PriceReview, optional
        Where the plan set prices.
    bids : BidReview, optional
        Where it set bids.
    """

    plan: str
    currency: str
    prices: PriceReview | None
    bids: BidReview | None

    @property
    def notices(self) -> tuple[str, ...]:
        """What the figures leave out or had to assume."""
        return tuple(notice for part in (self.prices, self.bids) if part is not None for notice in part.notices)

    def tables(self) -> dict[str, pd.DataFrame]:
        """Return the tables by name: ``review`` (offers) and ``review_bids`` (keywords), those that the plan has."""
        named = {"review": self.prices, "review_bids": self.bids}
        return {name: part.to_frame() for name, part in named.items() if part is not None}

    def to_frame(self) -> pd.DataFrame:
        """Return the table ``review``, one row per offer; of a plan of bids alone ``review_bids``, one row per keyword."""
        return next(iter(self.tables().values()))

    def summary(self, *, surprises: int = 10) -> str:
        """Return the review in a page of text: the verdict, totals, the biggest surprises, notices."""
        lines: list[str] = []
        if self.prices is not None:
            lines += _price_lines(self.prices, surprises, self.currency)
        if self.bids is not None:
            lines += ([""] if lines else []) + _bid_lines(self.bids, surprises, self.currency)
        return "\n".join([*lines, "", *(f"note: {notice}" for notice in self.notices), CANNOT])

    def to_json(self) -> str:
        """Return review.json: window, totals, effects, accuracy, limits, notices; what cannot be told is null."""
        content: dict[str, Any] = {"plan": self.plan, "currency": self.currency}
        if self.prices is not None:
            content["prices"] = _price_document(self.prices, self.currency)
        if self.bids is not None:
            content["bids"] = _bid_document(self.bids, self.currency)
        content["notices"] = [*self.notices, CANNOT]
        return json.dumps(_known(content), indent=2, default=float, allow_nan=False)

    def plot(self) -> Figure:
        """Draw the review (needs matplotlib)."""
        from pricebid.report.review_plots import plot_review

        return plot_review(self)

    def write(self, folder: str | Path, *, file_format: Literal["csv", "parquet"] = "csv") -> tuple[Path, ...]:
        """Write ``review``, ``review_bids`` (those that the plan has) and ``review.json``: all of them or none.

        Raises
        ------
        InputError
            The folder cannot be written to.
        """
        from pricebid.tables.write import write_results

        return write_results(folder, self.tables(), documents={"review.json": self.to_json()}, file_format=file_format)


def review(
    plan: PricePlan | BidPlan | JointPlan | str | Path,
    shop: Shop,
    *,
    start: date | str | None = None,
    days: int | None = None,
) -> Review:
    """Lay what happened since a plan beside what it expected.

    Parameters
    ----------
    plan : plan or path
        Of prices, of bids or of both; or the ``--out`` folder of the run that made it.
    shop : Shop
        With the sales and ad reports since.
    start : date, optional
        First day on which the plan was in force; default: as it says itself. A plan of bids alone does not. Prices are
        looked at from the first whole period on or after it.
    days : int, optional
        Of bids: how many days to look at; default: the horizon where the plan has one, else all since.

    Returns
    -------
    Review
        Frozen; per offer and keyword, in total, and in words.

    Raises
    ------
    InputError
        Nothing has happened in the plan's horizon yet, or plan and shop do not fit together.
    """
    if days is not None and days < 1:
        raise InputError(f"days {days} must be at least 1")
    first = None if start is None else str(day_given(start))
    said = expected(plan)
    currency = shop.settings.currency
    if said.currency and currency and said.currency != currency:
        raise InputError(
            f"the plan counts in {said.currency}, the shop in {currency}: their money cannot be compared; give the shop that was "
            "planned for"
        )
    prices = None if said.prices is None else review_prices(said.prices, shop, start=first)
    if prices is not None and first is not None:
        first = str(prices.window.first)  # both halves of a plan begin on the same day
    return Review(
        plan=said.plan,
        currency=currency or said.currency,
        prices=prices,
        bids=None if said.bids is None else review_bids(said.bids, shop, start=first, days=days),
    )


def _price_lines(prices: PriceReview, surprises: int, currency: str) -> list[str]:
    lines = [verdict(prices, currency), "", f"{'':<10}{'expected':>16}{'actual':>16}{'difference':>16}"]
    for name, total in prices.totals.items():
        lines.append(
            f"{name:<10}{cents(total['expected']):>16,.2f}{cents(total['actual']):>16,.2f}{cents(total['difference']):>+16,.2f}"
        )
    lines += [f"  from {CAUSES[name]:<24}{cents(value):>+27,.2f}" for name, value in prices.effects.items()]
    lines += ["", *(forecast_words(name, one) for name, one in prices.accuracy.items())]
    lines += [f"limit {limit_words(one)}" for one in prices.limits]
    lines += ["", "The biggest surprises"]
    for at in prices.surprises[:surprises]:
        lines.append(f"  {', '.join(str(label[at]) for label in prices.labels)}: {offer_note(prices, int(at))}")
    return lines


def _bid_lines(bids: BidReview, surprises: int, currency: str) -> list[str]:
    lines = [bid_verdict(bids, currency), "", f"{'per day':<12}{'expected':>14}{'actual':>16}{'difference':>16}"]
    for name, total in bids.totals.items():
        lines.append(
            f"{name:<12}{cents(total['expected']):>14,.2f}{cents(total['actual']):>16,.2f}{cents(total['difference']):>+16,.2f}"
        )
    lines += [f"limit {limit_words(one)}" for one in bids.limits]
    lines += ["", "The biggest surprises"]
    for at in bids.surprises[:surprises]:
        label = ", ".join(str(label[at]) for label in bids.labels if label[at])
        lines.append(f"  {label}: {keyword_note(bids, int(at))}")
    return lines


def _price_document(prices: PriceReview, currency: str) -> dict[str, Any]:
    window = prices.window
    status, counts = np.unique(prices.status.astype(str), return_counts=True)
    return {
        "verdict": verdict(prices, currency),
        "first": window.first,
        "last": window.periods[-1],
        "periods": len(window.periods),
        "horizon": window.horizon,
        "frequency": window.frequency,
        "offers": dict(zip(status.tolist(), counts.tolist(), strict=True)),
        "at_planned_price": prices.share_followed,
        "totals": prices.totals,
        "effects": prices.effects,
        "accuracy": {name: asdict(one) for name, one in prices.accuracy.items()},
        "sold_out": int((prices.compared & (prices.sold_out > 0)).sum()),
        "limits": [asdict(one) for one in prices.limits],
    }


def _bid_document(bids: BidReview, currency: str) -> dict[str, Any]:
    status, counts = np.unique(bids.status.astype(str), return_counts=True)
    return {
        "verdict": bid_verdict(bids, currency),
        "first": bids.days[0],
        "last": bids.days[-1],
        "days": len(bids.days),
        "keywords": dict(zip(status.tolist(), counts.tolist(), strict=True)),
        "at_planned_bid": bids.followed[0],
        "bid_told": bids.followed[1],
        "totals_per_day": bids.totals,
        "budgets": [asdict(one) for one in bids.budgets],
        "limits": [asdict(one) for one in bids.limits],
    }


def _known(value: Any) -> Any:  # noqa: ANN401 - plain trees of anything
    """What is not known is null in JSON, a date its text."""
    if isinstance(value, dict):
        return {key: _known(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_known(one) for one in value]
    if isinstance(value, np.datetime64):
        return str(value)
    return None if isinstance(value, float) and not np.isfinite(value) else value
