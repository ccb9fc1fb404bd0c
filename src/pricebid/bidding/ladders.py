"""Which bids and multipliers may be set, and the candidates among them that are tried."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from pricebid.errors import Conflict, Infeasible
from pricebid.policy import Dayparts

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pricebid.bidding.layout import Layout
    from pricebid.policy import Bids
    from pricebid.tables import Campaigns

    Floats = NDArray[np.float64]

_DIGITS = 10
REACH = 3.0


@dataclass(frozen=True, kw_only=True, eq=False)
class BidRange:
    """The bids that may be set: 0, or whole steps from `low` to `high`; the current bid where it lies there.

    Parameters
    ----------
    step : float
        Money.
    low, high : float64[entity]
        Money per click; `high` may be infinite.
    current : float64[entity]
        Current bid; NaN where there is none.
    paused : bool[entity]
        Only 0 may be set.
    """

    step: float
    low: Floats
    high: Floats
    current: Floats
    paused: NDArray[np.bool_]

    @property
    def keep(self) -> NDArray[np.bool_]:
        """Whether the current bid may be kept, bool[entity]."""
        with np.errstate(invalid="ignore"):
            inside = (self.current >= self.low - 1e-9) & (self.current <= self.high + 1e-9)
        return np.asarray(inside & ~self.paused)

    def snap(self, bid: Floats) -> Floats:
        """Return the nearest bids above 0 that may be set, float64[entity, ...]; 0 where a bid is 0 or only 0 may be set."""
        shape = (-1, *(1,) * (bid.ndim - 1))
        low, high = self.low.reshape(shape), self.high.reshape(shape)
        near = np.round(np.clip(np.round(bid / self.step) * self.step, low, high), _DIGITS)
        return np.where((bid > 0) & ~self.paused.reshape(shape), near, 0.0)

    def ladder(self, incumbent: Floats, candidates: Floats) -> Floats:
        """Return options per entity: the incumbent, 0, the current bid, then the candidates as they may be set.

        Parameters
        ----------
        incumbent : float64[entity]
            Bids of the plan so far.
        candidates : float64[entity, option]
            Bids to try.
        """
        current = np.where(self.keep, np.nan_to_num(self.current), 0.0)
        fixed = np.stack([incumbent, np.zeros(len(incumbent)), current], axis=1)
        return np.concatenate([fixed, self.snap(candidates)], axis=1)


def bid_range(bids: Bids, campaigns: Campaigns, layout: Layout, current: Floats, paused: NDArray[np.bool_]) -> BidRange:
    """Return the bids that policy and campaigns allow.

    Raises
    ------
    Infeasible
        A campaign's least bid lies above its highest, or no whole step lies between them; all such campaigns are listed.
    """
    step = bids.step
    low, high = np.full(len(layout.campaigns), bids.min_bid or 0.0), np.full(len(layout.campaigns), np.inf)
    if bids.max_bid is not None:
        high[:] = bids.max_bid
    at = {str(name): row for row, name in enumerate(campaigns.labels)}
    rows = np.array([at.get(str(name), -1) for name in layout.campaigns], dtype=np.int64)
    known = rows >= 0
    low[known] = np.fmax(low[known], campaigns.min_bid[rows[known]])
    high[known] = np.fmin(high[known], campaigns.max_bid[rows[known]])
    least = np.maximum(np.ceil(low / step - 1e-9), 1.0) * step
    with np.errstate(invalid="ignore"):
        most = np.where(np.isfinite(high), np.floor(high / step + 1e-9) * step, np.inf)
    conflicts = [
        Conflict(
            name=f"campaign {layout.campaigns[at] or '(none)'}: bids from {low[at]:g} to {high[at]:g} in steps of {step:g}",
            limit=float(least[at]),
            reachable=float(most[at]),
            relaxation=float(least[at] - most[at]),
        )
        for at in np.flatnonzero(least > most + 1e-9)
    ]
    if conflicts:
        raise Infeasible(
            "campaigns are left without a bid; lower min_bid, raise max_bid or make step smaller", conflicts
        )
    return BidRange(
        step=step,
        low=np.round(least, _DIGITS)[layout.campaign],
        high=np.asarray(np.round(most, _DIGITS)[layout.campaign], dtype=np.float64),
        current=current,
        paused=paused,
    )


def within_reach(range_: BidRange, layout: Layout) -> BidRange:
    """Return a range that ends at `REACH` times the highest current bid of the campaign where nothing else ends it.

    Where money is not in the objective no bid is too dear for it, and landscapes know nothing of bids far beyond those of
    the reports. Campaigns without a bid take the highest of all.
    """
    known = np.nan_to_num(range_.current)
    highest = np.zeros(len(layout.campaigns))
    np.maximum.at(highest, layout.campaign, known)
    highest = np.where(highest > 0, highest, highest.max(initial=0.0))[layout.campaign]
    end = np.maximum(np.ceil(REACH * highest / range_.step) * range_.step, range_.low)
    return replace(range_, high=np.where(np.isinf(range_.high), np.round(end, _DIGITS), range_.high))


@dataclass(frozen=True, kw_only=True, eq=False)
class TimesGrid:
    """The multipliers that may be set, for hours and for the dimensions of a layout.

    Parameters
    ----------
    values : float64[multiplier]
        Ascending.
    hours : bool
        Bids may differ by hour.
    """

    values: Floats
    hours: bool

    @classmethod
    def of(cls, bids: Bids, layout: Layout) -> TimesGrid:
        """Return what the policy allows; hours only where it says so and the reports have them."""
        given = bids.dayparts or Dayparts()
        count = int(np.floor((given.max - given.min) / given.step + 1e-9)) + 1
        values = np.round(given.min + given.step * np.arange(count), _DIGITS)
        return cls(values=values, hours=bids.dayparts is not None and layout.hours > 1)

    def kinds(self, layout: Layout) -> tuple[int, ...]:
        """Kinds of multipliers that may be set: 0 hours, then the dimensions."""
        return tuple(range(0 if self.hours else 1, 1 + len(layout.dimensions)))

    def snap(self, times: Floats) -> Floats:
        """Return the nearest multipliers that may be set."""
        return self.values[self._nearest(times)]

    def ladder(self, times: Floats, steps: int) -> Floats:
        """Return the multipliers so far, and up to so many steps up and down from each, float64[..., option]."""
        at = self._nearest(times)[..., None] + np.delete(np.arange(-steps, steps + 1), steps)
        tried = self.values[np.clip(at, 0, len(self.values) - 1)]
        return np.concatenate([times[..., None], tried], axis=-1)

    def _nearest(self, times: Floats) -> NDArray[np.int64]:
        middles = 0.5 * (self.values[1:] + self.values[:-1])
        return np.searchsorted(middles, times)
