"""How the seller of a simulated market has set prices: spells, regions, promotions, and dearer in a good season."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pricebid.simulate.layout import Layout
    from pricebid.simulate.settings import MarketSettings


@dataclass(frozen=True, kw_only=True)
class Season:
    """Log visitors of each category relative to the usual.

    Parameters
    ----------
    past : float64[period, category]
        Season and unforeseen swings.
    ahead : float64[horizon, category]
        Season alone.
    """

    past: NDArray[np.float64]
    ahead: NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class PricePath:
    """What the seller charged, float64[period, group, sku] each.

    Parameters
    ----------
    regular : float64[period, group, sku]
        Price without promotion, in whole cents.
    price : float64[period, group, sku]
        Shelf price.
    promo : float64[period, group, sku]
        1 in promoted weeks.
    """

    regular: NDArray[np.float64]
    price: NDArray[np.float64]
    promo: NDArray[np.float64]


def autoregression(
    shape: tuple[int, ...], *, memory: float, sd: float, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Stationary first-order autoregression along the first axis, standard deviation `sd`."""
    noise = rng.normal(0.0, sd, shape)
    scale = np.sqrt(1 - memory**2)
    for t in range(1, shape[0]):
        noise[t] = memory * noise[t - 1] + scale * noise[t]
    return noise


def draw_season(settings: MarketSettings, rng: np.random.Generator) -> Season:
    """Draw two yearly harmonics per category and weekly swings that nobody foresaw."""
    total = settings.periods + settings.horizon
    week = np.arange(total)[:, None]
    phase = rng.uniform(0, 2 * np.pi, (2, settings.categories))
    size = settings.season * rng.uniform(0.6, 1.4, (2, settings.categories)) * np.array([[1.0], [0.4]])
    year = 2 * np.pi * week / 52.18
    wave = size[0] * np.sin(year + phase[0]) + size[1] * np.sin(2 * year + phase[1])
    swings = autoregression((settings.periods, settings.categories), memory=0.6, sd=settings.shock, rng=rng)
    return Season(past=wave[: settings.periods] + swings, ahead=wave[settings.periods :])


def spells(shape: tuple[int, int], *, length: float, sd: float, rng: np.random.Generator) -> NDArray[np.float64]:
    """Piecewise constant levels, float64[period, series]: spells of mean `length`, levels Normal(0, sd)."""
    starts = rng.random(shape) < 1 / max(length, 1.0)
    starts[0] = True
    level = rng.normal(0.0, sd, shape)
    begun = np.maximum.accumulate(np.where(starts, np.arange(shape[0])[:, None], 0), axis=0)
    return np.take_along_axis(level, begun, axis=0)


def draw_prices(
    usual: NDArray[np.float64], season: Season, settings: MarketSettings, layout: Layout, rng: np.random.Generator
) -> PricePath:
    """Draw the prices of the history around the usual ones.

    Parameters
    ----------
    usual : float64[group, sku]
        Usual prices.
    season : Season
        What the seller reacts to.
    settings, layout, rng
        The market, its axes, the generator.
    """
    periods, skus = settings.periods, layout.categories * layout.skus
    chain = layout.by_sku(spells((periods, skus), length=settings.spell, sd=settings.lasting, rng=rng))
    local = spells((periods, len(layout)), length=settings.spell, sd=settings.local, rng=rng)
    supply = spells((periods, layout.categories), length=2 * settings.spell, sd=settings.supply, rng=rng)
    zone = spells((periods, layout.groups), length=2 * settings.spell, sd=settings.zone, rng=rng)[..., None]
    together = settings.pass_through * layout.by_category(season.past) + layout.by_category(supply) + zone
    regular = np.round(usual * np.exp(chain + layout.grouped(local) + together), 2)
    promo = _draw_promotions(settings, layout, rng)
    depth = layout.by_sku(rng.uniform(0.1, 0.3, (periods, skus)))
    return PricePath(regular=regular, price=np.round(regular * (1 - depth * promo), 2), promo=promo)


def _draw_promotions(settings: MarketSettings, layout: Layout, rng: np.random.Generator) -> NDArray[np.float64]:
    """Promotions of one or two weeks, run by most regions at once; none in the last week."""
    skus = layout.categories * layout.skus
    begins = rng.random((settings.periods, skus)) < settings.promo_rate / 1.5 / 0.75
    second = np.zeros_like(begins)
    second[1:] = begins[:-1] & (rng.random((settings.periods - 1, skus)) < 0.5)
    chain = layout.by_sku((begins | second).astype(float))
    takes_part = layout.grouped((rng.random((settings.periods, len(layout))) < 0.75).astype(float))
    promo = chain * takes_part
    promo[-1] = 0.0
    return promo
