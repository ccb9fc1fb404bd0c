"""Budgets, return on ad spend and cost per conversion: in all and per campaign."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np

from pricebid.optimize import Limit, LimitReport

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pricebid.policy import Bids
    from pricebid.tables import Campaigns

    Floats = NDArray[np.float64]

Kind = Literal["daily_budget", "min_roas", "max_cpa"]
_KINDS: tuple[Kind, ...] = ("daily_budget", "min_roas", "max_cpa")


@dataclass(frozen=True, kw_only=True)
class BidLimit:
    """One limit on what bids bring per day.

    Parameters
    ----------
    kind : {"daily_budget", "min_roas", "max_cpa"}
        Money; revenue / cost; cost / conversion.
    asked : float
        As the policy or the table ``campaigns`` gives it.
    campaign : int, optional
        The campaign that counts; None for all.
    title : str
        What reports call it.
    cushion : float
        Expected spend stays below the budget by this factor, so that a day's spend stays within it often enough; >= 1
        where the asked probability is above .5.
    """

    kind: Kind
    asked: float
    campaign: int | None
    title: str
    cushion: float = 1.0

    @property
    def bound(self) -> float:
        """What the expectation has to keep."""
        return self.asked / self.cushion if self.kind == "daily_budget" else self.asked

    @property
    def right(self) -> float:
        """The right-hand side of the limit's row."""
        return self.bound if self.kind == "daily_budget" else 0.0

    def within(self, campaign: NDArray[np.int64]) -> NDArray[np.bool_] | None:
        """Return the decisions that count, of decisions that belong to these campaigns."""
        return None if self.campaign is None else campaign == self.campaign

    def kernel(self, campaign: NDArray[np.int64]) -> Limit:
        """Return the limit for decisions that belong to these campaigns, int64[decision]."""
        within = self.within(campaign)
        if self.kind == "daily_budget":
            return Limit("cost", at_most=self.bound, within=within, label=self.title)
        if self.kind == "min_roas":
            return Limit("revenue", at_least=self.bound, per="cost", within=within, label=self.title)
        return Limit("cost", at_most=self.bound, per="conversions", within=within, label=self.title)

    @property
    def weights(self) -> dict[str, float]:
        """What a shadow price of 1 takes from the objective per unit of each outcome."""
        if self.kind == "daily_budget":
            return {"cost": 1.0}
        if self.kind == "min_roas":
            return {"cost": self.bound, "revenue": -1.0}
        return {"cost": 1.0, "conversions": -self.bound}

    def row(self, totals: dict[str, float]) -> float:
        """Return the limit's row at totals: it holds where this is at most `right`."""
        return float(sum(weight * totals[name] for name, weight in self.weights.items()))


def bid_limits(bids: Bids, campaigns: Campaigns, names: NDArray[np.object_]) -> tuple[BidLimit, ...]:
    """Return the limits of the policy, then those of each campaign.

    Parameters
    ----------
    bids : Bids
        Of the policy: they hold in all.
    campaigns : Campaigns
        Their own limits.
    names : object[campaign]
        The campaigns that have keywords, in the layout's order.
    """
    found = [
        BidLimit(kind=kind, asked=float(value), campaign=None, title=kind)
        for kind in _KINDS
        if (value := getattr(bids, kind)) is not None
    ]
    at = {str(name): row for row, name in enumerate(campaigns.labels)}
    for kind in _KINDS:
        values = getattr(campaigns, kind)
        for place, name in enumerate(names):
            row = at.get(str(name))
            if row is not None and np.isfinite(values[row]):
                title = campaign_title(kind, str(name))
                found.append(BidLimit(kind=kind, asked=float(values[row]), campaign=place, title=title))
    return tuple(found)


def campaign_title(kind: Kind, name: str) -> str:
    """Return what reports call a campaign's own limit."""
    return f"{campaign_titles(kind)}{name or '(none)'}"


def campaign_titles(kind: Kind) -> str:
    """Return how the titles of campaigns' own limits of one kind begin."""
    return f"{kind} of campaign "


def cushioned(limits: tuple[BidLimit, ...], cushions: Floats) -> tuple[BidLimit, ...]:
    """Return the limits with other cushions, float64[limit]."""
    return tuple(replace(one, cushion=float(cushion)) for one, cushion in zip(limits, cushions, strict=True))


def whole(limits: tuple[BidLimit, ...]) -> tuple[BidLimit, ...]:
    """Return the limits with all of their budgets, as far as cushions narrow them."""
    return tuple(replace(one, cushion=min(one.cushion, 1.0)) for one in limits)


def charged(limits: tuple[BidLimit, ...], shadow_prices: Floats, *, only: int | None = None) -> dict[str, float]:
    """Return what the limits that count in one campaign (or in all, for None) take per unit of each outcome."""
    sums = {"cost": 0.0, "revenue": 0.0, "conversions": 0.0}
    for limit, price in zip(limits, shadow_prices, strict=True):
        if limit.campaign == only:
            for name, weight in limit.weights.items():
                sums[name] += float(price) * weight
    return sums


def totals_of(limit: BidLimit, outcomes: dict[str, Floats], campaign: NDArray[np.int64]) -> dict[str, float]:
    """Return the totals that a limit speaks of, from float64[decision] by name."""
    within = limit.within(campaign)
    names = [name for name in ("cost", "revenue", "conversions") if name in outcomes]
    return {name: float((outcomes[name] if within is None else outcomes[name][within]).sum()) for name in names}


def broken(limits: tuple[BidLimit, ...], outcomes: dict[str, Floats], campaign: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return which limits do not hold, by more than 1e-9 of their size; bool[limit]."""
    found = np.zeros(len(limits), dtype=bool)
    for at, limit in enumerate(limits):
        totals = totals_of(limit, outcomes, campaign)
        size = sum(abs(weight * totals[name]) for name, weight in limit.weights.items())
        found[at] = limit.row(totals) - limit.right > 1e-9 * max(1.0, limit.right, size if limit.right == 0 else 0.0)
    return found


def limit_reports(
    limits: tuple[BidLimit, ...],
    outcomes: dict[str, Floats],
    campaign: NDArray[np.int64],
    shadow_prices: Floats,
) -> tuple[LimitReport, ...]:
    """Return how a plan stands to each limit, in the policy's units.

    A budget with a cushion is reported as the spend that is kept with the asked probability. A ratio's multiplier counts
    money of its row; times the total that it is a ratio of, it counts the ratio.
    """
    reports = []
    for limit, price in zip(limits, shadow_prices, strict=True):
        totals = totals_of(limit, outcomes, campaign)
        if limit.kind == "daily_budget":
            value, per, sign = totals["cost"] * limit.cushion, 1.0 / limit.cushion, 1.0
        elif limit.kind == "min_roas":
            value, per, sign = _ratio(totals["revenue"], totals["cost"]), totals["cost"], -1.0
        else:
            value, per, sign = _ratio(totals["cost"], totals["conversions"]), totals["conversions"], 1.0
        reports.append(
            LimitReport(
                name=limit.title,
                limit=limit.asked,
                value=value,
                slack=sign * (limit.asked - value),
                shadow_price=float(price) * per,
            )
        )
    return tuple(reports)


def _ratio(above: float, below: float) -> float:
    return above / below if below > 0 else float("nan")
