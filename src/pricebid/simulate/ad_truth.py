"""What bids would really bring, per day and in expectation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from scipy.special import ndtr

from pricebid.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

HOURS = 24


@dataclass(frozen=True, kw_only=True, eq=False)
class AdOutcomes:
    """Expected outcomes per day; all arrays have one shape.

    Parameters
    ----------
    impressions, clicks, conversions : float64[...]
        Counts.
    cost, revenue, profit : float64[...]
        Money; profit is margin x revenue - cost.
    """

    impressions: NDArray[np.float64]
    clicks: NDArray[np.float64]
    cost: NDArray[np.float64]
    conversions: NDArray[np.float64]
    revenue: NDArray[np.float64]
    profit: NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, eq=False)
class AdTruth:
    """How auctions, clicks and conversions really come about.

    A series is a keyword in a region on a device; the keywords of the bids are `entity`. The highest rival bid of an
    auction is log-normal; an auction is won where the own effective bid is above it.

    Parameters
    ----------
    entity : int64[series]
        The keyword of each series, ascending.
    campaign : int64[keyword]
        The campaign of each keyword.
    auctions : float64[series, hour]
        Expected auctions per day.
    level : float64[series, hour]
        Mean of the log of the highest rival bid, money per click.
    spread : float64[series]
        Its standard deviation.
    click_rate : float64[series]
        Clicks per impression.
    conversion_rate : float64[series, hour]
        Conversions per click.
    revenue : float64[series]
        Money per conversion.
    margin : float64[series]
        Contribution before ad cost ÷ revenue.
    auction : {"second", "first"}
        A click costs the highest rival bid, or the own one.
    """

    entity: NDArray[np.int64]
    campaign: NDArray[np.int64]
    auctions: NDArray[np.float64]
    level: NDArray[np.float64]
    spread: NDArray[np.float64]
    click_rate: NDArray[np.float64]
    conversion_rate: NDArray[np.float64]
    revenue: NDArray[np.float64]
    margin: NDArray[np.float64]
    auction: Literal["second", "first"] = "second"

    @property
    def campaigns(self) -> int:
        """Number of campaigns."""
        return int(self.campaign.max()) + 1

    @property
    def value(self) -> NDArray[np.float64]:
        """What a click is worth before it is paid for, money, float64[series, hour]."""
        return (self.margin * self.revenue)[:, None] * self.conversion_rate

    def effective(
        self,
        bid: NDArray[np.float64],
        multiplier: NDArray[np.float64] | None = None,
        adjustment: NDArray[np.float64] | None = None,
    ) -> NDArray[np.float64]:
        """Return effective bids, float64[series, hour].

        Parameters
        ----------
        bid : float64[keyword]
            One bid per keyword, money per click.
        multiplier : float64[campaign, hour], optional
            1 where not given.
        adjustment : float64[series], optional
            By which bids are multiplied in a series' region and on its device; 1 where not given.

        Raises
        ------
        InputError
            Other shapes.
        """
        if bid.shape != self.campaign.shape:
            raise InputError(f"bids of shape {bid.shape} for {len(self.campaign)} keywords: give one per keyword")
        shape = (self.campaigns, HOURS)
        times = np.ones(shape) if multiplier is None else multiplier
        if times.shape != shape:
            raise InputError(f"multipliers of shape {times.shape}: give {shape[0]} campaigns x {HOURS} hours")
        effective = (bid[:, None] * times[self.campaign])[self.entity]
        return effective if adjustment is None else effective * adjustment[:, None]

    def outcomes(
        self,
        bid: NDArray[np.float64],
        multiplier: NDArray[np.float64] | None = None,
        adjustment: NDArray[np.float64] | None = None,
    ) -> AdOutcomes:
        """Return true expected outcomes per day of bids x multipliers, float64[keyword] each; as `effective`."""
        cells = self.outcomes_at(self.effective(bid, multiplier, adjustment))
        first = np.searchsorted(self.entity, np.arange(len(self.campaign)))

        def per_keyword(cell: NDArray[np.float64]) -> NDArray[np.float64]:
            total: NDArray[np.float64] = np.add.reduceat(cell.sum(axis=1), first)
            return total

        return AdOutcomes(
            impressions=per_keyword(cells.impressions),
            clicks=per_keyword(cells.clicks),
            cost=per_keyword(cells.cost),
            conversions=per_keyword(cells.conversions),
            revenue=per_keyword(cells.revenue),
            profit=per_keyword(cells.profit),
        )

    def outcomes_at(self, effective: NDArray[np.float64]) -> AdOutcomes:
        """Return true expected outcomes per day at free bids, float64[..., series, hour] each.

        Parameters
        ----------
        effective : float64[..., series, hour]
            Effective bids, money per click; 0 stays out.
        """
        clicks_per_auction = self.click_rate[:, None]
        win, paid = self.auctions_won(effective)
        clicks = self.auctions * win * clicks_per_auction
        cost = self.auctions * clicks_per_auction * paid
        conversions = clicks * self.conversion_rate
        revenue = conversions * self.revenue[:, None]
        return AdOutcomes(
            impressions=self.auctions * win,
            clicks=clicks,
            cost=cost,
            conversions=conversions,
            revenue=revenue,
            profit=self.margin[:, None] * revenue - cost,
        )

    def auctions_won(self, effective: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the share of auctions won, and what a click costs times that share, float64[..., series, hour] each."""
        spread = self.spread[:, None]
        with np.errstate(divide="ignore"):
            score = (np.log(effective) - self.level) / spread
        win: NDArray[np.float64] = ndtr(score)
        if self.auction == "first":
            return win, win * effective
        # The mean of a log-normal below a point, times the chance of lying there.
        paid: NDArray[np.float64] = np.exp(self.level + spread**2 / 2) * ndtr(score - spread)
        return win, paid
