"""What each multiplier would win and cost per auction, learnt from one's own wins only.

In a second-price auction a win at cost c of expected value v would have been won by every multiplier above c / v, at the
same cost. So wins sorted by c / v are the curve below the multiplier that was bid. Above it nothing is known, and an
auction bid with a small multiplier says nothing about large ones: each part of the curve is divided by the auctions
that could have shown it, as Kaplan and Meier (1958) do with censored data.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

BINS = 128
STEP = 0.06  # width of a bin in log cost per value: the grid spans a factor of 2,000
HOME = 88  # bin of the first multiplier: more room below, where wins are
EDGE = 16  # the grid moves when a multiplier comes this near to its upper end
ELASTICITY = 1.5  # of spend to multiplier, before anything is seen
WINDOW = 6  # bins below the highest multiplier bid so far that tell how the curve goes on above it
USUAL, USUAL_WEIGHT = 0.1, 2.0  # variance of a block's spend that is believed before, and how many blocks that counts
NOISY = 0.2  # sampling variance at which a block's surprise counts half


def _empty() -> NDArray[np.float64]:
    return np.zeros(BINS)


@dataclass(frozen=True, kw_only=True, eq=False)
class Wins:
    """Own wins by cost per expected value, and how steady the market was.

    Parameters
    ----------
    origin : float
        Log of the cost per value at which the first bin begins.
    cost : float64[bin]
        Money paid in closed blocks, by cost per value; older blocks weigh less.
    auctions : float64[bin]
        Auctions of closed blocks, by the multiplier they were bid with, likewise.
    new_cost, new_auctions : float64[bin]
        The same for the block that is open.
    new_squares : float
        Sum of squared payments of the open block.
    surprise, blocks : float
        Sum of squared relative differences of a block's spend from what the curve said, sampling noise taken off, and
        the weight of the blocks in it.
    """

    origin: float
    cost: NDArray[np.float64] = field(default_factory=_empty)
    auctions: NDArray[np.float64] = field(default_factory=_empty)
    new_cost: NDArray[np.float64] = field(default_factory=_empty)
    new_auctions: NDArray[np.float64] = field(default_factory=_empty)
    new_squares: float = 0.0
    surprise: float = 0.0
    blocks: float = 0.0

    @property
    def unrest(self) -> float:
        """Variance of a block's spend around the curve beyond sampling noise, relative."""
        return max((self.surprise + USUAL_WEIGHT * USUAL) / (self.blocks + USUAL_WEIGHT), 0.0)

    def added(self, log_multiplier: float, count: int, bid: NDArray[np.float64], cost: NDArray[np.float64]) -> Wins:
        """Give the wins with those of one more batch in the open block.

        Parameters
        ----------
        log_multiplier : float
            Log of bid per expected value in the batch.
        count : int
            Auctions of the batch, lost ones too.
        bid, cost : float64[win]
            Bids and payments of the wins.
        """
        here = self._in_reach(log_multiplier)
        place = (log_multiplier - here.origin) / STEP
        last = int(place)
        share = place - last
        # An auction shows all bins below its multiplier, and of the multiplier's own bin the part below it.
        auctions = here.new_auctions.copy()
        auctions[last] += share * count
        auctions[last - 1] += (1 - share) * count
        if not len(bid):
            return replace(here, new_auctions=auctions)
        log_ratio = np.log(np.maximum(np.minimum(cost / bid, 1.0), 1e-30)) + log_multiplier
        bins = np.clip((log_ratio - here.origin) / STEP, 0, last).astype(np.int64)
        return replace(
            here,
            new_auctions=auctions,
            new_cost=here.new_cost + np.bincount(bins, weights=cost, minlength=BINS),
            new_squares=here.new_squares + float(cost @ cost),
        )

    def closed(self, log_multiplier: float, *, keep: float, prior: Prior) -> Wins:
        """Close the open block: note how far it was from the curve, and let older blocks fade by ``keep``."""
        count = float(self.new_auctions.sum())
        before = self.curve(prior)
        expected = count * float(np.interp(log_multiplier, before.log_multiplier, before.cost))
        surprise, blocks = self.surprise, self.blocks
        if expected > 0 and self.auctions.any():
            off = min(float(self.new_cost.sum()) / expected - 1, 2.0)
            noise = min(self.new_squares / expected**2, 4.0)
            weight = 1 / (1 + noise / NOISY)
            surprise += weight * (off**2 - noise)
            blocks += weight
        return Wins(
            origin=self.origin,
            cost=keep * (self.cost + self.new_cost),
            auctions=keep * (self.auctions + self.new_auctions),
            surprise=surprise,
            blocks=blocks,
        )

    def curve(self, prior: Prior) -> Curve:
        """Estimate the curve from closed blocks; above the multipliers that were bid it goes on as a power."""
        upper = self.origin + STEP * np.arange(1.0, BINS + 1.0)
        believed = np.diff(np.exp(ELASTICITY * np.minimum(upper - prior.log_multiplier, 5.0)), prepend=0.0)
        reach = np.cumsum(self.auctions[::-1])[::-1]
        rate = (self.cost + prior.weight * prior.spend * believed) / np.maximum(reach + prior.weight, 1e-12)
        shown = np.flatnonzero(reach >= 0.2 * reach[0]) if reach[0] > 0 else np.empty(0, dtype=np.int64)
        start = int(np.clip((prior.log_multiplier - self.origin) / STEP, 0, BINS - 2))
        top = int(shown[-1]) if shown.size else start
        total = float(rate[: top + 1].sum())
        near = float(rate[max(top + 1 - WINDOW, 0) : top + 1].sum())
        steep = float(np.clip(near / (WINDOW * STEP * total), 0.5, 3.0)) if total > 0 else ELASTICITY
        beyond = total * np.diff(np.exp(np.minimum(steep * STEP * np.arange(BINS - top), 50.0)))
        few = 0.1 * reach[0] + prior.weight + 1e-9
        rate[top + 1 :] = (self.cost[top + 1 :] + few * beyond) / (reach[top + 1 :] + few)
        return Curve(log_multiplier=upper, cost=np.cumsum(rate), value=np.cumsum(rate / np.exp(upper - STEP / 2)))

    def _in_reach(self, log_multiplier: float) -> Wins:
        """Move the grid by whole bins where a multiplier would be off it or near its end."""
        place = (log_multiplier - self.origin) / STEP
        by = int(max(np.ceil(place) - (BINS - EDGE), 0) or min(np.floor(place) - EDGE, 0))
        if by == 0:
            return self
        where = np.clip(np.arange(BINS) - by, 0, BINS - 1)

        def moved(held: NDArray[np.float64]) -> NDArray[np.float64]:
            gathered: NDArray[np.float64] = np.bincount(where, weights=held, minlength=BINS).astype(np.float64)
            return gathered

        return replace(
            self,
            origin=self.origin + by * STEP,
            cost=moved(self.cost),
            auctions=moved(self.auctions),
            new_cost=moved(self.new_cost),
            new_auctions=moved(self.new_auctions),
        )


@dataclass(frozen=True, kw_only=True)
class Prior:
    """What is believed of the curve before anything is seen.

    Parameters
    ----------
    spend : float
        Money per auction.
    log_multiplier : float
        Log of the multiplier that would spend it.
    weight : float
        Auctions that this belief counts.
    """

    spend: float
    log_multiplier: float
    weight: float


@dataclass(frozen=True, kw_only=True, eq=False)
class Curve:
    """Totals per auction by multiplier.

    Parameters
    ----------
    log_multiplier : float64[bin]
        Log of the multiplier at the upper end of each bin, rising.
    cost, value : float64[bin]
        Money and expected value per auction, nowhere falling.
    """

    log_multiplier: NDArray[np.float64]
    cost: NDArray[np.float64]
    value: NDArray[np.float64]

    def value_at(self, log_multiplier: float) -> float:
        """Expected value per auction at one multiplier."""
        return float(np.interp(log_multiplier, self.log_multiplier, self.value))

    def within_budget(self, spend: NDArray[np.float64]) -> NDArray[np.float64]:
        """Log multipliers at which the curve costs given money per auction, float64[point]."""
        if self.cost[-1] <= 0:
            return np.full(spend.shape, self.log_multiplier[-1])
        # A flat piece has no inverse: the tilt makes it one without moving anything else.
        tilted = self.cost + 1e-12 * self.cost[-1] * np.arange(1, BINS + 1)
        log = np.interp(np.log(np.maximum(spend, 1e-300)), np.log(tilted), self.log_multiplier)
        return np.asarray(log, dtype=np.float64)

    def within_limit(
        self, remaining: NDArray[np.float64], *, limit: float, owed: float, ratio: float
    ) -> NDArray[np.float64]:
        """Highest log multipliers that keep cost <= limit x value at the end, float64[point].

        Parameters
        ----------
        remaining : float64[point]
            Auctions that remain.
        limit : float
            Cost per value obtained.
        owed : float
            Money by which cost is above limit x value so far; negative where there is slack.
        ratio : float
            Value obtained per value expected.

        Returns
        -------
        float64[point]
            Where no multiplier leads back within the limit: limit x ratio, which repays the fastest.
        """
        safe = float(np.log(limit * ratio))
        first = min(int(np.searchsorted(self.log_multiplier, safe)), BINS - 2)
        over = remaining[:, None] * (self.cost - limit * ratio * self.value)[first:] + owed
        broken = over > 0
        # Above limit x ratio every further win costs more than it allows, so what is owed only rises.
        high = np.where(broken.any(axis=1), broken.argmax(axis=1), over.shape[1] - 1)
        point = np.arange(len(remaining))
        before, after = over[point, np.maximum(high - 1, 0)], over[point, high]
        share = np.clip(before / np.where(after > before, before - after, -np.inf), 0.0, 1.0)
        log = self.log_multiplier[first + np.maximum(high - 1, 0)] + share * STEP
        log = np.where(broken.any(axis=1), log, self.log_multiplier[-1])
        return np.where(broken[:, 0], safe, np.maximum(log, safe))
