"""Panels of independent skus whose own-price elasticities are known, to see how well they are recovered."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pricebid.errors import InputError
from pricebid.simulate.layout import Layout
from pricebid.simulate.panel import Panel
from pricebid.simulate.seller import autoregression, spells

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pricebid.tables.arrays import History


@dataclass(frozen=True, kw_only=True)
class RecoverySettings:
    """A panel of independent skus in categories, one region.

    Parameters
    ----------
    categories, skus : int
        Categories, and skus in each.
    periods : int
        Weeks.
    mean : float
        Typical units per sku and week at its usual price.
    elasticity, between, within : float
        Mean of the category elasticities, their standard deviation, and that of a sku around its category.
    limited : float
        Share of rows with a stock so small that it may bind; about half of them then do.
    price_sd : float
        Standard deviation of a sku's log price around its mean.
    spell : float
        Mean length of a price spell in weeks.
    season, pass_through : float
        Standard deviation of the common season in log demand, and how far log prices follow it.
    """

    categories: int = 20
    skus: int = 50
    periods: int = 30
    mean: float = 1.0
    elasticity: float = -2.0
    between: float = 0.5
    within: float = 0.5
    limited: float = 0.48
    price_sd: float = 0.15
    spell: float = 3.0
    season: float = 0.2
    pass_through: float = 0.1

    def __post_init__(self) -> None:
        for name in ("categories", "skus", "periods", "mean"):
            if getattr(self, name) <= 0:
                raise InputError(f"{name} is {getattr(self, name)}: above 0")
        if not 0 <= self.limited <= 1:
            raise InputError(f"limited is {self.limited}: a share between 0 and 1")


@dataclass(frozen=True, kw_only=True)
class RecoveryPanel:
    """What a seller sees, and the elasticities behind it.

    Parameters
    ----------
    panel : Panel
        Sales, prices and stock.
    elasticity : float64[offer]
        True own-price elasticities.
    category : int[offer]
        Category of each offer.
    """

    panel: Panel
    elasticity: NDArray[np.float64]
    category: NDArray[np.int64]

    @property
    def history(self) -> History:
        """The sales history that a seller sees."""
        return self.panel.history()

    @property
    def deviation(self) -> NDArray[np.float64]:
        """Elasticities less the mean of their category, float64[offer]."""
        return within_category(self.elasticity, self.category)


def within_category(values: NDArray[np.float64], category: NDArray[np.int64]) -> NDArray[np.float64]:
    """Values less the mean of their category, float64[offer]."""
    count = np.bincount(category)
    return values - (np.bincount(category, weights=values) / np.maximum(count, 1))[category]


def draw_recovery(settings: RecoverySettings, rng: np.random.Generator) -> RecoveryPanel:
    """Draw a panel: Poisson demand, cut at the stock, with constant own-price elasticities.

    Parameters
    ----------
    settings : RecoverySettings
        Size and nature.
    rng : numpy.random.Generator
        Source of all randomness.
    """
    layout = Layout(categories=settings.categories, skus=settings.skus, regions=1)
    n, periods = len(layout), settings.periods
    category = np.repeat(np.arange(settings.categories), settings.skus)
    centre = rng.normal(settings.elasticity, settings.between, settings.categories)
    elasticity = centre[category] + rng.normal(0.0, settings.within, n)
    season = autoregression((periods,), memory=0.7, sd=settings.season, rng=rng)
    move = spells((periods, n), length=settings.spell, sd=settings.price_sd, rng=rng).T
    move = move + settings.pass_through * season
    usual = np.exp(rng.normal(1.2, 0.4, n))
    price = np.round(usual[:, None] * np.exp(move), 2)
    log_mean = elasticity[:, None] * np.log(price / usual[:, None]) + season + rng.normal(-0.08, 0.4, (n, 1))
    mean = settings.mean * np.exp(log_mean)
    demand = rng.poisson(mean).astype(float)
    short = rng.random(mean.shape) < settings.limited
    stock = np.where(short, np.maximum(rng.poisson(0.75 * mean), 1), np.ceil(4 * mean + 8))
    panel = Panel(
        layout=layout,
        units=np.minimum(demand, stock),
        stock=stock,
        price=price,
        promo=np.zeros(price.shape),
        current=price[:, -1],
        cost=np.round(0.5 * usual, 2),
    )
    return RecoveryPanel(panel=panel, elasticity=elasticity, category=category)
