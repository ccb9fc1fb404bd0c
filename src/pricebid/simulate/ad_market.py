"""Draw an ad market: auctions, clicks and conversions with known rates, a bidder who moved bids, and the reports."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

import numpy as np

from pricebid.simulate.ad_best import AdBids, best_bids, best_free
from pricebid.simulate.ad_days import AdDays, draw_shocks, play_days
from pricebid.simulate.ad_draw import draw_logged_bids, draw_products, draw_truth, draw_waves, lay_out
from pricebid.simulate.ad_report import report_frame
from pricebid.simulate.ad_words import draw_keywords

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import pandas as pd
    from numpy.typing import NDArray

    from pricebid.simulate.ad_best import BidGrid
    from pricebid.simulate.ad_draw import AdProducts, AdSeries
    from pricebid.simulate.ad_settings import AdMarketSettings
    from pricebid.simulate.ad_truth import AdTruth
    from pricebid.simulate.ad_words import AdKeywords
    from pricebid.tables import Shop

FIRST_DAY = date(2024, 3, 4)


@dataclass(frozen=True, kw_only=True)
class AdScore:
    """How good bids are under the truth.

    Parameters
    ----------
    share : float
        True expected profit ÷ that of the best bids x multipliers within the budget.
    spend : float
        True expected cost ÷ budget.
    """

    share: float
    spend: float


@dataclass(frozen=True, kw_only=True, eq=False)
class AdMarket:
    """A drawn ad market: what an advertiser can see of it, and what is true.

    Parameters
    ----------
    settings : AdMarketSettings
        What was asked for.
    keywords : AdKeywords
        What carries a bid.
    series : AdSeries
        Keywords by region and device.
    products : AdProducts, optional
        What the keywords lead to.
    truth : AdTruth
        What bids would really bring.
    logged : float64[day, keyword]
        Bids of the days reported, money per click.
    days : AdDays
        What they brought.
    late : int
        Seed of the conversions' delays.
    """

    settings: AdMarketSettings
    keywords: AdKeywords
    series: AdSeries
    products: AdProducts | None
    truth: AdTruth
    logged: NDArray[np.float64]
    days: AdDays
    late: int

    @property
    def budget(self) -> float:
        """Money per day to plan for: `budget_share` of what the last bids would truly spend."""
        return float(self.settings.budget_share * self.truth.outcomes(self.logged[-1]).cost.sum())

    @property
    def shop(self) -> Shop:
        """The market as a checked shop."""
        from pricebid.tables import Shop

        return Shop.from_frames(self.frames())

    def frames(self) -> dict[str, pd.DataFrame]:
        """Tables ``keywords`` and ``campaigns`` of the contract (and ``catalog``, where skus are linked)."""
        import pandas as pd

        margin = np.array(
            [self.truth.margin[self.truth.campaign[self.truth.entity] == c].mean() for c in range(self.truth.campaigns)]
        )
        frames = {
            "keywords": self.report(self.days, FIRST_DAY),
            "campaigns": pd.DataFrame({"campaign": self.keywords.campaigns, "margin": np.round(margin, 6)}),
        }
        if self.products is not None:
            frames["catalog"] = self.products.frame()
        return frames

    def report(self, days: AdDays, first: date) -> pd.DataFrame:
        """Return days as rows of the table ``keywords``, from the date `first` on."""
        return report_frame(self, days, first)

    def write(self, folder: Path) -> Path:
        """Write the tables as a shop folder of CSV files; gives the folder."""
        folder.mkdir(parents=True, exist_ok=True)
        for name, frame in self.frames().items():
            frame.to_csv(folder / f"{name}.csv", index=False)
        return folder

    def best(self, budget: float | None = None, *, grid: BidGrid | None = None, dayparts: bool = True) -> AdBids:
        """Return the bids x multipliers of highest true expected profit within a budget (default: the market's)."""
        return best_bids(self.truth, self.budget if budget is None else budget, grid=grid, dayparts=dayparts)

    def best_free(self, budget: float | None = None) -> float:
        """Return the true expected profit per day that no bids within the budget exceed, whatever can be set."""
        return best_free(self.truth, self.budget if budget is None else budget)[1]

    def score(
        self,
        bid: NDArray[np.float64],
        multiplier: NDArray[np.float64] | None = None,
        *,
        budget: float | None = None,
        best: AdBids | None = None,
    ) -> AdScore:
        """Return how much of the best profit bids reach, and how much of the budget they cost.

        Parameters
        ----------
        bid : float64[keyword]
            Money per click.
        multiplier : float64[campaign, hour], optional
            1 where not given.
        budget : float, optional
            Money per day; the market's where not given.
        best : AdBids, optional
            The best within that budget, where it is known already.
        """
        budget = self.budget if budget is None else budget
        best = self.best(budget) if best is None else best
        outcomes = self.truth.outcomes(bid, multiplier)
        return AdScore(share=float(outcomes.profit.sum()) / best.profit, spend=float(outcomes.cost.sum()) / budget)

    def play(
        self, bid: NDArray[np.float64], multiplier: NDArray[np.float64] | None, rng: np.random.Generator, *, days: int
    ) -> AdDays:
        """Simulate days with shocks at bids x multipliers that stay the same.

        Parameters
        ----------
        bid : float64[keyword]
            Money per click.
        multiplier : float64[campaign, hour] or None
            None: 1.
        rng : numpy.random.Generator
            Source of all randomness.
        days : int
            How many.
        """
        effective = self.truth.effective(bid, multiplier)
        traffic = draw_shocks(self.truth, self.settings, days, rng)
        every = np.broadcast_to(effective, (days, *effective.shape))
        return play_days(self.truth, every, traffic, dispersion=self.settings.dispersion, rng=rng)


def draw_ad_market(
    settings: AdMarketSettings,
    rng: np.random.Generator,
    *,
    sell: Callable[[AdKeywords, np.random.Generator], AdProducts] | None = None,
) -> AdMarket:
    """Draw an ad market with known truth.

    Parameters
    ----------
    settings : AdMarketSettings
        Size and nature.
    rng : numpy.random.Generator
        Source of all randomness: the same state gives the same market.
    sell : callable, optional
        Says what the keywords lead to; the settings' number of skus is drawn where not given.
    """
    keywords = draw_keywords(settings.keywords, settings.campaigns, rng)
    series = lay_out(len(keywords), settings)
    products = draw_products(keywords, settings, rng) if settings.skus else None
    if sell is not None:
        products = sell(keywords, rng)
    truth = draw_truth(keywords, series, products, settings, rng)
    waves = draw_waves(len(keywords), settings, rng)
    logged = draw_logged_bids(truth, waves, settings, rng)
    traffic = draw_shocks(truth, settings, settings.days, rng) * np.exp(waves - settings.wave**2 / 2)[:, truth.entity]
    bid = np.broadcast_to(logged[:, truth.entity, None], (settings.days, *truth.auctions.shape))
    return AdMarket(
        settings=settings,
        keywords=keywords,
        series=series,
        products=products,
        truth=truth,
        logged=logged,
        days=play_days(truth, bid, traffic, dispersion=settings.dispersion, rng=rng),
        late=int(rng.integers(2**31)),
    )
