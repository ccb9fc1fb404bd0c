"""Draw a market: buyers with known tastes, a seller who set prices with the season, and what was sold."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from pricebid.simulate.buyers import Buyers, LogitBuyers, LogLogBuyers, NestedBuyers, ReferenceBuyers
from pricebid.simulate.layout import Layout
from pricebid.simulate.panel import Panel
from pricebid.simulate.seller import autoregression, draw_prices, draw_season
from pricebid.simulate.truth import Truth

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd
    from numpy.typing import NDArray

    from pricebid.simulate.seller import PricePath
    from pricebid.simulate.settings import MarketSettings
    from pricebid.simulate.truth import Bounds
    from pricebid.tables import Shop
    from pricebid.tables.arrays import Future, History, Offers

MEMORY = 0.7
DISSIMILARITY = 0.7
GAIN, LOSS = 0.3, 0.5
RECAPTURE = 0.2  # with constant elasticities, more would leave profit convex: no best price inside sensible bounds


@dataclass(frozen=True, kw_only=True)
class Market:
    """A drawn market: what a seller can see of it, and what is true.

    Parameters
    ----------
    settings : MarketSettings
        What was asked for.
    panel : Panel
        What the seller can see.
    truth : Truth
        What buyers would really do.
    """

    settings: MarketSettings
    panel: Panel
    truth: Truth

    @property
    def offers(self) -> Offers:
        """The offers, with current prices and costs."""
        return self.panel.offers()

    @property
    def history(self) -> History:
        """The sales history that a seller sees."""
        return self.panel.history()

    @property
    def future(self) -> Future:
        """The horizon at current prices, without promotion."""
        return self.panel.future(self.settings.horizon)

    @property
    def shop(self) -> Shop:
        """The market as a checked shop."""
        from pricebid.tables import Shop

        return Shop.from_frames(self.frames())

    def frames(self) -> dict[str, pd.DataFrame]:
        """Tables ``sales``, ``catalog`` and ``offers`` of the contract, as data frames."""
        return self.panel.frames()

    def write(self, folder: Path) -> Path:
        """Write the tables as a shop folder of CSV files; gives the folder."""
        folder.mkdir(parents=True, exist_ok=True)
        for name, frame in self.frames().items():
            frame.to_csv(folder / f"{name}.csv", index=False)
        return folder

    def units(self, price: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return true expected units over the horizon, float64[..., offer], at prices float64[..., offer]."""
        return self.truth.units(price)

    def profit(self, price: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return true expected contribution over the horizon, in money, float64[...]."""
        return self.truth.profit(price)

    def best(self, bounds: Bounds | None = None) -> NDArray[np.float64]:
        """Reachable prices of highest true profit, float64[offer]."""
        return self.truth.best(bounds)

    def score(self, price: NDArray[np.float64], bounds: Bounds | None = None) -> float:
        """Share of the reachable uplift that these prices capture."""
        return self.truth.score(price, bounds)


def draw_market(settings: MarketSettings, rng: np.random.Generator) -> Market:
    """Draw a market with known truth.

    Parameters
    ----------
    settings : MarketSettings
        Size and nature.
    rng : numpy.random.Generator
        Source of all randomness: the same state gives the same market.

    Returns
    -------
    Market
        History and truth.
    """
    layout = Layout(categories=settings.categories, skus=settings.skus, regions=settings.regions)
    level = layout.by_category(np.exp(rng.uniform(np.log(2.0), np.log(8.0), settings.categories)))
    usual = level * np.exp(layout.by_sku(rng.normal(0.0, 0.15, settings.categories * settings.skus)))
    buyers = _draw_buyers(usual, level, settings, rng)
    season = draw_season(settings, rng)
    path = draw_prices(usual, season, settings, layout, rng)
    size = settings.visitors * np.exp(rng.normal(-0.02, 0.2, layout.groups))
    visitors = size * np.exp(layout.by_category(season.past)[..., 0])
    reference = _references(path.price)
    lift = settings.promo_lift * path.promo
    lift += autoregression(path.price.shape, memory=0.8, sd=settings.drift, rng=rng)
    mean = visitors[..., None] * buyers.rate(path.price, lift=lift, reference=reference[:-1])
    units, stock = _draw_units(mean, settings, rng)
    truth = Truth(
        layout=layout,
        buyers=buyers,
        visitors=size * np.exp(layout.by_category(season.ahead)[..., 0]),
        reference=reference[-1],
        memory=MEMORY,
        current=layout.flat(path.regular[-1]),
        cost=np.zeros(len(layout)),
    )
    truth = replace(truth, cost=costs_of(truth, settings, rng))
    return Market(settings=settings, panel=_panel_of(path, units, stock, truth), truth=truth)


def _draw_buyers(
    usual: NDArray[np.float64], level: NDArray[np.float64], settings: MarketSettings, rng: np.random.Generator
) -> Buyers:
    """Tastes such that at usual prices a share ``inside`` buys and own elasticities are about as asked."""
    groups, skus = usual.shape
    regions = settings.regions
    layout = Layout(categories=settings.categories, skus=skus, regions=regions)
    strength = np.exp(rng.normal(0.0, 0.12, (groups, 1)))
    liking = layout.by_sku(rng.normal(0.0, 0.5, settings.categories * skus)) + rng.normal(
        0.0, settings.taste, (groups, skus)
    )
    wanted = np.exp(liking)
    wanted *= settings.inside / wanted.sum(axis=1, keepdims=True)
    if settings.truth == "loglog":
        return _draw_loglog(usual, wanted, settings, rng)
    slope = -settings.elasticity / (1 - settings.inside / skus) * strength / level
    if settings.truth == "nested":
        return _nested_from(usual, wanted, slope)
    # A reference buyer feels a change of price once as such and once against memory: the slope alone is weaker.
    if settings.truth == "reference":
        slope = slope / (1 + 0.5 * (GAIN + LOSS))
    appeal = np.log(wanted / (1 - settings.inside)) + slope * usual
    logit = LogitBuyers(appeal=appeal, slope=slope)
    return logit if settings.truth == "logit" else ReferenceBuyers(logit=logit, gain=GAIN, loss=LOSS)


def _nested_from(usual: NDArray[np.float64], wanted: NDArray[np.float64], slope: NDArray[np.float64]) -> NestedBuyers:
    """Two nests, the first and the second half of the skus, with the wanted shares at usual prices."""
    skus = usual.shape[1]
    first = np.arange(skus) < (skus + 1) // 2
    nest = np.stack([first, ~first]).astype(float)[: 2 if skus > 1 else 1]
    together = wanted @ nest.T
    outside = 1 - wanted.sum(axis=1, keepdims=True)
    within = wanted / (together @ nest)
    utility = DISSIMILARITY * np.log(within) + np.log(together / outside) @ nest
    # Own elasticity is -slope p (1/d - (1/d - 1) within - share): the slope is scaled to keep its typical size.
    slope = slope / (1 / DISSIMILARITY - (1 / DISSIMILARITY - 1) * 2 / skus)
    return NestedBuyers(appeal=utility + slope * usual, slope=slope, nest=nest, dissimilarity=DISSIMILARITY)


def _draw_loglog(
    usual: NDArray[np.float64], wanted: NDArray[np.float64], settings: MarketSettings, rng: np.random.Generator
) -> LogLogBuyers:
    """Own elasticities by sku and region, and a fifth of each won back by the others of the group."""
    groups, skus = usual.shape
    layout = Layout(categories=settings.categories, skus=skus, regions=settings.regions)
    own = settings.elasticity + layout.by_sku(rng.normal(0.0, 0.3, settings.categories * skus))
    own = np.minimum(own + rng.normal(0.0, 0.15, own.shape), -1.8)
    pull = wanted[:, None, :] * np.exp(rng.normal(0.0, 0.4, (groups, skus, skus)))
    pull[:, np.arange(skus), np.arange(skus)] = 0.0
    cross = pull / np.maximum(pull.sum(axis=2, keepdims=True), 1e-12) * (-RECAPTURE * own[..., None])
    cross[:, np.arange(skus), np.arange(skus)] = own
    return LogLogBuyers(base=wanted, usual=usual, elasticity=cross)


def _references(price: NDArray[np.float64]) -> NDArray[np.float64]:
    """Exponentially smoothed past prices, float64[period + 1, group, sku]: before each period and after the last."""
    out = np.empty((price.shape[0] + 1, *price.shape[1:]))
    out[0] = price[0]
    for t, seen in enumerate(price):
        out[t + 1] = MEMORY * out[t] + (1 - MEMORY) * seen
    return out


def _draw_units(
    mean: NDArray[np.float64], settings: MarketSettings, rng: np.random.Generator
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Negative-binomial demand cut at the stock; gives units and stock."""
    if settings.dispersion > 0:
        mean_drawn = mean * rng.gamma(1 / settings.dispersion, settings.dispersion, mean.shape)
    else:
        mean_drawn = mean
    demand = rng.poisson(mean_drawn).astype(float)
    short = rng.random(mean.shape) < settings.stockouts
    ample = np.ceil(3 * mean + 5)
    stock = np.where(short, np.floor(mean * rng.uniform(0.3, 1.0, mean.shape)), ample)
    return np.minimum(demand, stock), stock


def costs_of(truth: Truth, settings: MarketSettings, rng: np.random.Generator) -> NDArray[np.float64]:
    """Find unit costs, one per sku, at which the best price is off today's by about the share asked for.

    The first-order conditions of the group, ``q_i + sum_j (p_j - c_j) dq_j / dp_i = 0``, are solved for the costs at
    a target price in each region; a sku's cost is their mean, kept between 15 % and 85 % of its cheapest price.
    """
    layout = truth.layout
    skus = layout.categories * layout.skus
    sign = rng.choice([-1.0, 1.0], skus)
    off = np.log1p(sign * np.clip(rng.normal(settings.off, 0.3 * settings.off, skus), 0.0, 0.5))
    target = truth.current * np.exp(np.repeat(off, layout.regions))
    units = layout.grouped(truth.units(target))
    at = layout.grouped(target)
    slope = truth.elasticity(target) * units[:, :, None] / at[:, None, :]
    margin = -np.linalg.solve(np.swapaxes(slope, 1, 2), units[..., None])[..., 0]
    cost = layout.flat(at - margin).reshape(skus, layout.regions).mean(axis=1)
    cheapest = truth.current.reshape(skus, layout.regions).min(axis=1)
    cost = np.round(np.clip(cost, 0.15 * cheapest, 0.85 * cheapest), 2)
    return np.repeat(cost, layout.regions)


def _panel_of(path: PricePath, units: NDArray[np.float64], stock: NDArray[np.float64], truth: Truth) -> Panel:
    flat = truth.layout.flat
    return Panel(
        layout=truth.layout,
        units=flat(units).T,
        stock=flat(stock).T,
        price=flat(path.price).T,
        promo=flat(path.promo).T,
        current=truth.current,
        cost=truth.cost,
    )
