"""What kind of market the closed loop runs on, and how the loop is run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from pricebid.errors import InputError

LoopKind = Literal["stable", "drift", "shock"]
ShockKind = Literal["rival", "elasticity", "cost"]


@dataclass(frozen=True, kw_only=True)
class LoopMarketSettings:
    """A market that is lived through day by day; the defaults are a small shop.

    Parameters
    ----------
    kind : {"stable", "drift", "shock"}
        Buyers stay as they are; their answer to prices wanders; or it changes on one day.
    days, history : int
        Days of the loop, and days of sales before it.
    shock_day : int, optional
        Day of the loop, from 1, on which `shock` happens; halfway where not given.
    shock : {"rival", "elasticity", "cost"}
        A rival leaves (more buyers, who mind prices less), the elasticities turn, or costs jump.
    sparse : bool
        Prices hardly moved in the history, least of all between regions: elasticities are little known.
    categories, skus, regions : int
        Categories, skus in each, regions; buyers choose within a category in a region.
    keywords : int
        Keywords that lead to the offers; 0: no ads, and bids play no part.
    visitors : float
        Mean visitors per category x region x day.
    elasticity : float
        Typical own-price elasticity, below -1.
    inside : float
        Share of visitors who buy at usual prices.
    unlike : float
        Standard deviation of the log of how much skus mind prices.
    wander : float
        Standard deviation that the log of a sku's answer to prices gains over 90 drifting days.
    corridor : float
        Prices stay within this share of the opening ones, for every policy.
    dispersion : float
        Units have variance mean + dispersion x mean^2.
    off : float
        How far the best prices typically are from the opening ones, as a share.
    """

    kind: LoopKind = "drift"
    days: int = 120
    history: int = 84
    shock_day: int | None = None
    shock: ShockKind = "rival"
    sparse: bool = True
    categories: int = 2
    skus: int = 5
    regions: int = 4
    keywords: int = 12
    visitors: float = 120.0
    elasticity: float = -3.0
    inside: float = 0.35
    unlike: float = 0.25
    wander: float = 0.35
    corridor: float = 0.2
    dispersion: float = 0.05
    off: float = 0.08

    def __post_init__(self) -> None:
        faults = [
            f"{name} is {getattr(self, name)!r}: one of {', '.join(get_args(kinds))}"
            for name, kinds in (("kind", LoopKind), ("shock", ShockKind))
            if getattr(self, name) not in get_args(kinds)
        ]
        least = {"days": 1, "history": 14, "categories": 1, "skus": 1, "regions": 1, "keywords": 0}
        faults += [
            f"{name} is {getattr(self, name)}: at least {low}"
            for name, low in least.items()
            if getattr(self, name) < low
        ]
        for name in ("unlike", "wander", "dispersion", "off"):
            if getattr(self, name) < 0:
                faults.append(f"{name} is {getattr(self, name)}: not negative")
        if not self.visitors > 0:
            faults.append(f"visitors is {self.visitors}: above 0")
        if not self.elasticity < -1:
            faults.append(f"elasticity is {self.elasticity}: below -1, else no best price exists")
        for name in ("inside", "corridor"):
            if not 0 < getattr(self, name) < 1:
                faults.append(f"{name} is {getattr(self, name)}: between 0 and 1, both excluded")
        if self.shock_day is not None and not 1 <= self.shock_day <= self.days:
            faults.append(f"shock_day is {self.shock_day}: a day of the loop, 1 to {self.days}")
        if faults:
            raise InputError("; ".join(faults))

    @property
    def shocked_from(self) -> int | None:
        """Day from 0 on which the shock happens; None where there is none."""
        if self.kind != "shock":
            return None
        return self.days // 2 if self.shock_day is None else self.shock_day - 1
