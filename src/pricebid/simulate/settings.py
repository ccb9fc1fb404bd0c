"""What kind of market is drawn."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Literal, get_args

from pricebid.errors import InputError

TruthKind = Literal["logit", "nested", "loglog", "reference"]


@dataclass(frozen=True, kw_only=True)
class MarketSettings:
    """Size and nature of a simulated market; the defaults are a small supermarket over two years.

    Parameters
    ----------
    truth : {"logit", "nested", "loglog", "reference"}
        How buyers choose.
    categories, skus, regions : int
        Categories, skus in each, and regions; buyers choose within a category in a region.
    periods, horizon : int
        Weeks of history, and weeks to plan for.
    visitors : float
        Mean visitors per category x region x week.
    elasticity : float
        Typical own-price elasticity, negative.
    inside : float
        Share of the visitors who buy something in the category at usual prices.
    taste : float
        Standard deviation of a sku's appeal between regions, in utility.
    drift : float
        Standard deviation of the slow unobserved movement of each offer's appeal, in utility.
    season : float
        Amplitude of the yearly season in log visitors.
    shock : float
        Standard deviation of the category's unforeseen weekly swings in log visitors.
    pass_through : float
        How far the seller raises log prices with season and swings: what makes prices endogenous.
    supply, zone : float
        Standard deviations of lasting moves of a category's log prices together: chain-wide, as supply costs move, and
        in single regions. With the pass-through they move a category's mean price about as much as it moved in the
        orange-juice data (standard deviations .086 over weeks and .021 between regions within a week).
    lasting, local : float
        Standard deviations of a sku's own log prices between spells: chain-wide, and in single regions.
    spell : float
        Mean length of a price spell, in weeks.
    promo_rate, promo_lift : float
        Share of promoted weeks, and the extra utility (log demand) of the promotion beyond its price cut.
    stockouts : float
        Share of cells whose stock is short of the expected demand.
    dispersion : float
        Units have variance mean + dispersion x mean^2 (negative binomial).
    off : float
        How far the true optimum is from the current prices, typically, as a share.
    """

    truth: TruthKind = "logit"
    categories: int = 3
    skus: int = 8
    regions: int = 4
    periods: int = 104
    horizon: int = 4
    visitors: float = 400.0
    elasticity: float = -3.0
    inside: float = 0.35
    taste: float = 0.4
    drift: float = 0.1
    season: float = 0.3
    shock: float = 0.15
    pass_through: float = 0.3
    supply: float = 0.04
    zone: float = 0.015
    lasting: float = 0.08
    local: float = 0.06
    spell: float = 12.0
    promo_rate: float = 0.08
    promo_lift: float = 0.4
    stockouts: float = 0.03
    dispersion: float = 0.1
    off: float = 0.13

    def __post_init__(self) -> None:
        if self.truth not in get_args(TruthKind):
            raise InputError(f"truth is {self.truth!r}: one of {', '.join(get_args(TruthKind))}")
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name in {"categories", "skus", "regions", "periods", "horizon"} and value < 1:
                raise InputError(f"{field.name} is {value}: at least 1")
            if field.name not in {"truth", "elasticity"} and value < 0:
                raise InputError(f"{field.name} is {value}: not negative")
        if self.elasticity >= -1:
            raise InputError(f"elasticity is {self.elasticity}: below -1, else no best price exists")
        if not 0 < self.inside < 1:
            raise InputError(f"inside is {self.inside}: between 0 and 1, both excluded")
