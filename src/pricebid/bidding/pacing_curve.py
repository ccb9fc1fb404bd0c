"""What each multiplier would win and cost per auction, learnt from one's own wins only.

In a second-price auction a win at cost c of expected value v would have been won by every multiplier above c / v, at the
same cost. So wins sorted by c / v are the curve below the multiplier that was bid. Above it nothing is known, and an
auction bid with a small multiplier says nothing about large ones: each part of the curve is divided by the auctions
that could have shown it, as Kaplan and Meier (1958) do with censored data.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from pricebid.bidding.pacing_alter import altered

if TYPE_CHECKING:
    from numpy.typing import NDArray

BINS = 128
STEP = 0.06  # width of a bin in log cost per value: the grid spans a factor of 2,000
HOME = 88  # bin of the first multiplier: more room below, where wins are
EDGE = 16  # the grid moves when a multiplier comes this near to either end
ELASTICITY, DOUBT = 3.0, 0.25  # of spend to multiplier before anything is seen, and how much that counts beside data
STEEP = (0.5, 8.0)  # elasticities that are believed
WINDOW = 6  # bins below the highest multiplier bid so far that tell how the curve goes on above it
OFTEN = 0.2  # share of the auctions that must have been able to show a bin for it to count as shown
HOPE_WEIGHT = 3.0  # periods that what is believed of the market's unrest counts
NOISY = 0.2  # sampling variance at which a period's surprise counts half
MOST = 3.0  # bound on a period's relative surprise


def _empty() -> NDArray[np.float64]:
    return np.zeros(BINS)


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

    def cost_at(self, log_multiplier: float) -> float:
        """Money per auction at one multiplier."""
        return float(np.interp(log_multiplier, self.log_multiplier, self.cost))

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

    def within_limit(self, ahead: NDArray[np.float64], terms: Owed) -> NDArray[np.float64]:
        """Highest log multipliers that keep cost within the limit at the end.

        Parameters
        ----------
        ahead : float64[point]
            Auctions that remain.
        terms : Owed
            The limit, and where the horizon stands.

        Returns
        -------
        float64[point]
            Where no multiplier leads back within the limit: the safe one, which repays the fastest.
        """
        if self.cost[-1] <= 0:
            return np.full(ahead.shape, terms.safe)
        allowed = terms.limit * terms.ratio
        first = min(int(np.searchsorted(self.log_multiplier, terms.safe)), BINS - 2)
        cost = self.cost[first:]
        excess = cost - allowed * self.value[first:]
        most = np.minimum(terms.burst * ahead[:, None], terms.left / np.maximum(cost, 1e-300))
        over = terms.owed + np.where(excess > 0, most, ahead[:, None]) * excess
        # Above the limit every further win costs more than it allows, so what is owed only rises.
        broken = over > 0
        any_broken = broken.any(axis=1)
        high = np.where(any_broken, broken.argmax(axis=1), over.shape[1] - 1)
        low = np.maximum(high - 1, 0)
        point = np.arange(len(ahead))
        before, after = over[point, low], over[point, high]
        share = np.clip(before / np.where(after > before, before - after, -np.inf), 0.0, 1.0)
        log = np.where(any_broken, self.log_multiplier[first + low] + share * STEP, self.log_multiplier[-1])
        return np.where(broken[:, 0], terms.safe, np.maximum(log, terms.safe))


@dataclass(frozen=True, kw_only=True)
class Owed:
    """Where a limit on cost / value stands.

    Parameters
    ----------
    limit : float
        Cost per value obtained.
    ratio : float
        Value obtained per value expected.
    safe : float
        Log of the highest multiplier of which no win costs more per value than the limit.
    owed : float
        Money by which cost is above limit x value so far; negative where there is slack.
    left : float
        Money that can still be spent.
    burst : float
        How many times the spend that is expected must be covered by slack where each further win is above the limit:
        1 in a steady market. Where a quarter of a day's spend comes in one tick, slack for the mean is not enough.
    """

    limit: float
    ratio: float
    safe: float
    owed: float
    left: float
    burst: float


@dataclass(frozen=True, kw_only=True, eq=False)
class Wins:
    """Own wins by cost per expected value, and how restless the market was.

    The unrest is judged by periods (a tick of AuctionNet's, 1 / 48 of the horizon, or a batch where that is longer) so
    that it means the same whether updates come one by one or in batches.

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
    squares, paid : float
        Sums of squared payments and of payments so far.
    period_auctions, period_paid, period_hoped : float
        Auctions of the period that is open, money paid in it, and money that the curve foresaw.
    surprise, periods : float
        Sum of squared relative differences of a period's spend from what was foreseen, sampling noise taken off, and
        the weight of the periods in it.
    """

    origin: float
    cost: NDArray[np.float64] = field(default_factory=_empty)
    auctions: NDArray[np.float64] = field(default_factory=_empty)
    new_cost: NDArray[np.float64] = field(default_factory=_empty)
    new_auctions: NDArray[np.float64] = field(default_factory=_empty)
    squares: float = 0.0
    paid: float = 0.0
    period_auctions: float = 0.0
    period_paid: float = 0.0
    period_hoped: float = 0.0
    surprise: float = 0.0
    periods: float = 0.0

    def unrest(self, believed: float) -> float:
        """Variance of a period's spend around what was foreseen, relative, beyond sampling noise.

        Parameters
        ----------
        believed : float
            What is believed before anything is seen.
        """
        return max((self.surprise + HOPE_WEIGHT * believed) / (self.periods + HOPE_WEIGHT), 0.0)

    def added(self, log_multiplier: float, count: int, worth: NDArray[np.float64], cost: NDArray[np.float64]) -> Wins:
        """Give the wins with those of one more batch in the open block.

        Parameters
        ----------
        log_multiplier : float
            Log of bid per expected value in the batch.
        count : int
            Auctions of the batch, lost ones too.
        worth, cost : float64[win]
            Values of the wins (expected, or obtained where the two are one), and payments.
        """
        here = self._in_reach(log_multiplier)
        place = (log_multiplier - here.origin) / STEP
        last = int(place)
        share = place - last
        # An auction shows all bins below its multiplier, and of the multiplier's own bin the part below it.
        auctions = here.new_auctions.copy()
        auctions[last] += share * count
        auctions[last - 1] += (1 - share) * count
        if not len(cost):
            return altered(here, new_auctions=auctions)
        log_ratio = np.log(np.maximum(cost, 1e-300)) - np.log(np.maximum(worth, 1e-300))
        bins = np.clip((log_ratio - here.origin) / STEP, 0, last).astype(np.int64)
        return altered(
            here,
            new_auctions=auctions,
            new_cost=here.new_cost + np.bincount(bins, weights=cost, minlength=BINS),
            squares=here.squares + float(cost @ cost),
            paid=here.paid + float(cost.sum()),
        )

    def closed(self, log_multiplier: float, *, keep: float, period: float, prior: Prior) -> Wins:
        """Close the open block, and the period if it is long enough.

        Parameters
        ----------
        log_multiplier : float
            Log of bid per expected value in the block.
        keep : float
            Weight that closed blocks keep.
        period : float
            Auctions of a period.
        prior : Prior
            For the curve that foresaw the block.
        """
        count = float(self.new_auctions.sum())
        hoped = self.period_hoped
        if self.auctions.any():
            hoped += count * self.curve(prior).cost_at(log_multiplier)
        joined = altered(
            self,
            cost=keep * (self.cost + self.new_cost),
            auctions=keep * (self.auctions + self.new_auctions),
            new_cost=_empty(),
            new_auctions=_empty(),
            period_auctions=self.period_auctions + count,
            period_paid=self.period_paid + float(self.new_cost.sum()),
            period_hoped=hoped,
        )
        return _judged(joined) if joined.period_auctions >= period else joined

    def curve(self, prior: Prior) -> Curve:
        """Estimate the curve from closed blocks; above the multipliers that were bid it goes on as a power."""
        upper = self.origin + STEP * np.arange(1.0, BINS + 1.0)
        believed = np.diff(np.exp(ELASTICITY * np.minimum(upper - prior.log_multiplier, 5.0)), prepend=0.0)
        reach = np.cumsum(self.auctions[::-1])[::-1]
        rate = (self.cost + prior.weight * prior.spend * believed) / np.maximum(reach + prior.weight, 1e-12)
        if reach[0] > 0:
            top = int(np.flatnonzero(reach >= OFTEN * reach[0])[-1])
        else:
            top = int(np.clip((prior.log_multiplier - self.origin) / STEP, 0, BINS - 2))
        beyond = float(rate[: top + 1].sum()) * np.diff(np.exp(_steepness(rate, top) * STEP * np.arange(BINS - top)))
        few = 0.1 * reach[0] + prior.weight + 1e-9
        rate[top + 1 :] = (self.cost[top + 1 :] + few * beyond) / (reach[top + 1 :] + few)
        return Curve(log_multiplier=upper, cost=np.cumsum(rate), value=np.cumsum(rate / np.exp(upper - STEP / 2)))

    def _in_reach(self, log_multiplier: float) -> Wins:
        """Move the grid by whole bins where a multiplier would be off it or near an end."""
        place = (log_multiplier - self.origin) / STEP
        by = int(max(np.ceil(place) - (BINS - EDGE), 0) or min(np.floor(place) - EDGE, 0))
        if by == 0:
            return self
        where = np.clip(np.arange(BINS) - by, 0, BINS - 1)

        def moved(held: NDArray[np.float64]) -> NDArray[np.float64]:
            gathered: NDArray[np.float64] = np.bincount(where, weights=held, minlength=BINS).astype(np.float64)
            return gathered

        return altered(
            self,
            origin=self.origin + by * STEP,
            cost=moved(self.cost),
            auctions=moved(self.auctions),
            new_cost=moved(self.new_cost),
            new_auctions=moved(self.new_auctions),
        )


def _judged(wins: Wins) -> Wins:
    """Close the period: note how far its spend was from what the curve foresaw."""
    surprise, periods = wins.surprise, wins.periods
    if wins.period_hoped > 0 and wins.paid > 0:
        off = min(wins.period_paid / wins.period_hoped - 1, MOST)
        noise = wins.squares / wins.paid / wins.period_hoped
        weight = 1 / (1 + noise / NOISY)
        surprise += weight * (off**2 - noise)
        periods += weight
    return altered(wins, surprise=surprise, periods=periods, period_auctions=0.0, period_paid=0.0, period_hoped=0.0)


def _steepness(rate: NDArray[np.float64], top: int) -> float:
    """Elasticity of spend to the multiplier near the top of what was shown."""
    total = float(rate[: top + 1].sum())
    if total <= 0:
        return ELASTICITY
    width = WINDOW * STEP
    near = float(rate[max(top + 1 - WINDOW, 0) : top + 1].sum()) / total
    near = (near + DOUBT * (1 - np.exp(-ELASTICITY * width))) / (1 + DOUBT)
    return float(np.clip(-np.log1p(-near) / width, *STEEP))
