"""Exploration: for some offers a law over prices from which each quote is drawn, made off the hot path."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pricebid.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pricebid.live.keys import OfferKeys


@dataclass(frozen=True, kw_only=True, eq=False)
class Exploration:
    """A law over prices per offer, as a safe learner gives it.

    Parameters
    ----------
    plan : str
        The plan around which it explores: the law counts only while that plan is in effect.
    keys : OfferKeys
        The offers that are explored.
    price : float64[offer, option]
        Prices, money; NaN where an offer has fewer options.
    probability : float64[offer, option]
        Probabilities; rows sum to 1.

    Raises
    ------
    InputError
        Shapes differ, or a row is no law.
    """

    plan: str
    keys: OfferKeys
    price: NDArray[np.float64]
    probability: NDArray[np.float64]

    def __post_init__(self) -> None:
        shape = (len(self.keys), self.price.shape[1] if self.price.ndim == 2 else -1)
        if self.price.shape != shape or self.probability.shape != shape:
            raise InputError(
                f"exploration of {len(self.keys)} offers: price {self.price.shape} and probability {self.probability.shape} "
                "must both be [offer, option]"
            )
        if self.price.shape[1] >= 2**15:
            raise InputError(
                f"exploration has {self.price.shape[1]} options; at most {2**15 - 1} fit into a decision token"
            )
        bad = ~(self.probability >= 0).all(axis=1) | ~(np.abs(self.probability.sum(axis=1) - 1) <= 1e-9)
        bad |= (~(self.price > 0) & (self.probability > 0)).any(axis=1)
        if bad.any():
            raise InputError(
                f"exploration: {int(bad.sum())} offers have no law, the first is row {int(bad.argmax())}; probabilities must be "
                "at least 0 and sum to 1, and every option that can be drawn needs a price above 0"
            )


@dataclass(frozen=True, kw_only=True, eq=False)
class Laws:
    """Laws over minor units, as they are drawn from: rounded and held to floors and ceilings before the law is made.

    Parameters
    ----------
    law : int32[row]
        Law of each row of a snapshot; -1 where it has none.
    minor : int64[law, option]
        Prices, minor units.
    probability : float64[law, option]
        Rows sum to 1; 0 for options that are not allowed.
    given : int32[row]
        Law of each row before laws without an allowed option were dropped.
    allowed : bool[law, option]
        What floors and ceilings allow.
    """

    law: NDArray[np.int32]
    minor: NDArray[np.int64]
    probability: NDArray[np.float64]
    given: NDArray[np.int32]
    allowed: NDArray[np.bool_]

    def weighted(self, probability: NDArray[np.float64]) -> Laws:
        """Return the laws over the same prices with other probabilities, float64[law, option], held to the same floors and ceilings.

        Raises
        ------
        InputError
            They have another shape.
        """
        if probability.shape != self.minor.shape:
            raise InputError(
                f"probabilities are {probability.shape}, the laws {self.minor.shape}: [law, option] of both"
            )
        return _weighted(self.given, self.minor, probability, self.allowed)

    def draw(
        self, law: NDArray[np.int32], mark: NDArray[np.float64]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
        """Draw an option of each law.

        Parameters
        ----------
        law : int32[quote]
            The laws.
        mark : float64[quote]
            Uniform numbers in [0, 1).

        Returns
        -------
        option, minor : int64[quote]
            What was drawn, and its price.
        propensity : float64[quote]
            Its probability.
        """
        probability = self.probability[law]
        reached = np.cumsum(probability, axis=1)
        total = reached[:, -1:]
        # Sums that reach the total are not counted: no rounding ever draws an option of probability 0 at the end.
        option = ((mark[:, None] * total >= reached) & (reached < total)).sum(axis=1)
        return option, self.minor[law, option], probability[np.arange(len(law)), option]

    def draw_one(self, law: int, rng: np.random.Generator) -> tuple[int, int, float]:
        """Draw an option of one law as `draw` does, without arrays: its place, price and probability."""
        probability = self.probability[law].tolist()
        reached, total = 0.0, 0.0
        for one in probability:
            total += one
        mark, drawn = rng.random() * total, 0
        for one in probability:
            reached += one
            if mark < reached or reached >= total:
                break
            drawn += 1
        return drawn, int(self.minor[law, drawn]), probability[drawn]


def make_laws(
    law: NDArray[np.int32],
    minor: NDArray[np.int64],
    probability: NDArray[np.float64],
    *,
    floor: NDArray[np.int64],
    ceiling: NDArray[np.int64],
) -> Laws:
    """Keep what floors and ceilings allow of each law, and spread the rest of its probability over what stays.

    Options that round to one price become one option (the first of them), so that the propensity is that of the price.

    Parameters
    ----------
    law : int32[row]
        Law of each row; -1 where it has none. No two rows share one.
    minor : int64[law, option]
        Rounded prices; -1 where there is no option.
    probability : float64[law, option]
        As given.
    floor, ceiling : int64[row]
        Least and greatest price, minor units.
    """
    rows = np.flatnonzero(law >= 0)
    least, most = (np.zeros(len(minor), dtype=np.int64) for _ in range(2))
    least[law[rows]], most[law[rows]] = floor[rows], ceiling[rows]
    allowed = (minor >= np.maximum(least, 1)[:, None]) & (minor <= most[:, None])
    return _weighted(law, minor, probability, allowed)


def _weighted(
    given: NDArray[np.int32], minor: NDArray[np.int64], probability: NDArray[np.float64], allowed: NDArray[np.bool_]
) -> Laws:
    kept = np.where(allowed, probability, 0.0)
    for option in range(1, minor.shape[1]):
        same = minor[:, :option] == minor[:, option, None]
        twin, first = same.any(axis=1), same.argmax(axis=1)
        kept[twin, first[twin]] += kept[twin, option]
        kept[twin, option] = 0.0
    total = kept.sum(axis=1)
    good = total > 0
    kept = np.divide(kept, total[:, None], out=np.zeros_like(kept), where=good[:, None])
    law, rows = given.copy(), np.flatnonzero(given >= 0)
    law[rows] = np.where(good[given[rows]], given[rows], -1)
    return Laws(law=law, minor=minor, probability=kept, given=given, allowed=allowed)
