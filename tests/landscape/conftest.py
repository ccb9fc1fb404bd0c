"""Simulated ad markets and the landscapes fitted to their reports, made once."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from pricebid.landscape import BidLandscape, fit_landscape
from pricebid.simulate import AdMarket, AdMarketSettings, AdOutcomes, draw_ad_market

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Case:
    """A market and what was learnt of it."""

    market: AdMarket
    landscape: BidLandscape

    @property
    def current(self) -> NDArray[np.float64]:
        """Current bids, the mean over the hours, float64[series]."""
        return np.exp(np.log(self.landscape.bid).mean(axis=1))

    def true(self, bid: NDArray[np.float64]) -> AdOutcomes:
        """True outcomes per series of one bid per series."""
        cells = self.market.truth.outcomes_at(np.repeat(bid[:, None], 24, axis=1))
        return AdOutcomes(**{name: getattr(cells, name).sum(axis=1) for name in AdOutcomes.__dataclass_fields__})

    def flat(self, bid: NDArray[np.float64]) -> NDArray[np.float64]:
        """One bid per series for all hours of the landscape, float64[series, hour]."""
        return np.repeat(bid[:, None], self.landscape.hours, axis=1)


@cache
def made(seed: int, delay: float | None = None, **settings: Any) -> Case:
    """A market of 40 keywords and six weeks, unless asked for otherwise."""
    asked = AdMarketSettings(**({"keywords": 40, "campaigns": 2, "days": 42} | settings))
    market = draw_ad_market(asked, np.random.default_rng(seed))
    return Case(market, fit_landscape(market.shop.keyword_reports(), conversion_delay=delay))


@pytest.fixture(scope="session")
def markets() -> list[Case]:
    """Three markets of the usual kind."""
    return [made(seed) for seed in (1, 2, 3)]
