"""Bids and multipliers together: the kernel over one of them while the other stands, in turn, from several starts."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from pricebid.bidding.free import FreeBids, Prices
from pricebid.bidding.layout import Setting
from pricebid.bidding.pick import pick
from pricebid.bidding.problem import each_part
from pricebid.bidding.rank_one import rank_one

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pricebid.bidding.ladders import BidRange, TimesGrid
    from pricebid.bidding.limits import BidLimit
    from pricebid.bidding.problem import BidProblem

    Floats = NDArray[np.float64]

_SMALL = 100_000  # series x hours up to which every start and full ladders are tried
_GAIN = 1e-5  # of its value: less than that in a turn ends a climb
_CLOSE = 1e-3
_GAP = 3e-5  # of the kernel: an exchange among bids of whole steps is not worth more of its time
_SCALES = (1.0, 0.8, 1.25)


@dataclass(frozen=True, kw_only=True)
class Width:
    """How many candidates are tried, and how often.

    Parameters
    ----------
    wide, near : int
        Bids of the first ladder and of those around a bid.
    steps : int
        Multipliers up and down from the one so far.
    rounds : int
        Turns of multipliers and bids from each start.
    starts : int
        Starts beside bids without multipliers.
    """

    wide: int
    near: int
    steps: int
    rounds: int
    starts: int

    @classmethod
    def of(cls, cells: int) -> Width:
        """Return what can be afforded for so many series x hours."""
        if cells <= _SMALL:
            return cls(wide=24, near=13, steps=12, rounds=6, starts=4)
        return cls(wide=7, near=5, steps=2, rounds=1, starts=1)


@dataclass(frozen=True, kw_only=True, eq=False)
class Found:
    """A setting within the limits.

    Parameters
    ----------
    setting : Setting
        Bids and multipliers.
    value : float
        Its objective.
    shadow_prices : float64[limit]
        Of the last pick among bids.
    """

    setting: Setting
    value: float
    shadow_prices: Floats


class Search:
    """Looks for the best setting within limits.

    Parameters
    ----------
    problem : BidProblem
        What settings bring.
    free : FreeBids
        The relaxation, for starts.
    range_ : BidRange
        Bids that may be set.
    grid : TimesGrid
        Multipliers that may be set.
    """

    def __init__(self, problem: BidProblem, free: FreeBids, range_: BidRange, grid: TimesGrid) -> None:
        self.problem, self.free, self.range, self.grid = problem, free, range_, grid
        layout = problem.layout
        self.kinds = grid.kinds(layout)
        self.width = Width.of(len(layout.entity) * layout.hours)

    @property
    def small(self) -> bool:
        """Every start and full ladders can be afforded."""
        return self.width.starts > 1

    def run(self, limits: tuple[BidLimit, ...], *, near: Found | None = None) -> Found:
        """Return the best setting found.

        Parameters
        ----------
        limits : tuple of BidLimit
            They hold for what is found.
        near : Found, optional
            Found under slightly other limits: the only start then.
        """
        if near is not None:
            if not self.small:
                closest = np.array([0.9, 0.95, 1.0, 1.05])
                return self._bids(near.setting, limits, near.setting.bid[:, None] * closest)
            again = self._bids(near.setting, limits, self._around(near.setting.bid, 0.2))
            return self._bids(again.setting, limits, self._around(again.setting.bid, 0.05), again)
        flat = self._flat()
        if not self.kinds and self.small:
            wide = self._bids(flat, limits, self._wide())
            return self._climb(self._bids(wide.setting, limits, self._around(wide.setting.bid, 0.3), wide), limits)
        first = self._bids(flat, limits, self._wide())
        best = None
        for start in self._starts(first, limits):
            begun = self._bids(replace(start, bid=np.zeros(len(start.bid))), limits, self._around(start.bid, 1.0))
            found = self._climb(begun, limits)
            best = found if best is None or found.value > best.value else best
            if self._near_enough(best, limits):
                return best
        if not self.small:
            return best if best is not None and best.value > first.value else first
        return max(self._climb(first, limits), best or first, key=lambda one: one.value)

    def _near_enough(self, found: Found, limits: tuple[BidLimit, ...]) -> bool:
        """Whether so little separates a plan from free bids that further starts are not worth their time."""
        if not self.small:
            return True
        bound, _ = self.free.lagrangian(limits, found.shadow_prices)
        return bound - found.value <= _CLOSE * abs(bound)

    # -- starts -------------------------------------------------------------------------------------------------

    def _flat(self) -> Setting:
        layout = self.problem.layout
        flat = Setting.flat(layout, np.zeros(len(layout)))
        times = tuple(self.grid.snap(one) if kind in self.kinds else one for kind, one in enumerate(flat.times))
        return replace(flat, times=times)

    def _starts(self, first: Found, limits: tuple[BidLimit, ...]) -> list[Setting]:
        """Return settings near the free bids at the shadow prices of a plan without multipliers, at several scales."""
        layout = self.problem.layout
        free = self.free.bids(Prices.at(self.problem, limits, first.shadow_prices))
        spent = self._spent(free)
        base = rank_one(layout, free, spent, self.kinds)
        starts = [self._scaled(base, scale) for scale in _SCALES[: max(1, self.width.starts - 1)]]
        current = self.problem.current
        if self.small and 0 in self.kinds and np.ptp(current, axis=1).max(initial=0.0) > 1e-9:
            starts.append(self._scaled(rank_one(layout, current, np.sign(current), self.kinds), 1.0))
        return starts

    def _scaled(self, base: Setting, scale: float) -> Setting:
        """Return a setting whose first kind of multipliers is scaled, the bids inversely."""
        if not self.kinds:
            return base
        first = self.kinds[0]
        times = tuple(
            self.grid.snap(one * (scale if kind == first else 1.0)) if kind in self.kinds else one
            for kind, one in enumerate(base.times)
        )
        return Setting(bid=base.bid / scale, times=times)

    def _spent(self, free: Floats) -> Floats:
        """Cost of free bids by cell, float64[series, hour]."""
        spent = np.zeros(free.shape)
        problem = self.problem

        def work(part: slice) -> None:
            spent[part] = problem.landscape.expected(free[part][:, :, None], problem.layout.rows[part]).cost[:, :, 0]

        each_part(work, len(free), free.shape[1])
        return spent

    # -- ladders ------------------------------------------------------------------------------------------------

    def _wide(self) -> Floats:
        """Bids over everything that could pay, float64[entity, option]."""
        top = self._top()
        return np.asarray(top[:, None] * np.geomspace(0.03, 1.0, self.width.wide))

    def _top(self) -> Floats:
        """Highest bid that could pay at multiplier 1, or is allowed, float64[entity]."""
        layout = self.problem.layout
        worth = self.free.click_worth(self._loosest()).max(axis=1, initial=0.0)
        highest = np.zeros(len(layout))
        np.maximum.at(highest, layout.entity, worth)
        known = np.nan_to_num(self.range.current)
        usual = known.max(initial=0.0)
        unlimited = highest >= 1e5
        highest = np.where(unlimited, 3.0 * np.where(known > 0, known, usual if usual > 0 else 1.0), highest)
        return np.minimum(np.maximum(highest, self.range.low), self.range.high)

    def _loosest(self) -> Prices:
        return Prices(worth=self.problem.appeal, money=np.full(len(self.problem.appeal), self.problem.money))

    def _around(self, bid: Floats, share: float) -> Floats:
        """Bids from 1 / (1 + share) to 1 + share times a bid, and the next two steps on either side."""
        times = np.geomspace(1.0 / (1.0 + share), 1.0 + share, self.width.near)
        steps = self.range.step * np.array([-2.0, -1.0, 1.0, 2.0] if self.small else [-1.0, 1.0])
        near = np.maximum(np.concatenate([bid[:, None] * times, bid[:, None] + steps], axis=1), 0.0)
        return np.asarray(np.where(bid[:, None] > 0, near, 0.0))

    # -- turns --------------------------------------------------------------------------------------------------

    def _climb(self, found: Found, limits: tuple[BidLimit, ...]) -> Found:
        """Improve multipliers and bids in turn until neither gains; each turn is worth no less than the last."""
        for turn in range(self.width.rounds):
            before = found.value
            for kind in self.kinds:
                found = self._times(found, kind, limits)
            share = 0.25 / (turn + 1) if self.kinds else 0.1
            found = self._bids(found.setting, limits, self._around(found.setting.bid, share), found)
            if found.value - before <= _GAIN * abs(found.value):
                break
        return found

    def _bids(
        self, setting: Setting, limits: tuple[BidLimit, ...], candidates: Floats, found: Found | None = None
    ) -> Found:
        """Pick bids among candidates, 0, the current and the setting's own, which must keep the limits or be 0."""
        incumbent = setting.bid if found is not None else np.zeros(len(setting.bid))
        ladder = self.range.ladder(incumbent, candidates)
        swept = self.problem.bids(setting, ladder)
        picked = pick(
            swept, limits, self.problem.layout.campaign, incumbent=np.zeros(len(ladder), dtype=np.int64), gap=_GAP
        )
        bid = np.take_along_axis(ladder, picked.option[:, None], axis=1)[:, 0]
        return Found(setting=replace(setting, bid=bid), value=picked.value, shadow_prices=picked.shadow_prices)

    def _times(self, found: Found, kind: int, limits: tuple[BidLimit, ...]) -> Found:
        """Pick multipliers of one kind at the bids of a setting."""
        times = found.setting.times[kind]
        ladder = self.grid.ladder(times, self.width.steps)
        swept = self.problem.multipliers(found.setting, kind, ladder)
        campaign = np.repeat(np.arange(len(times)), times.shape[1])
        flat = ladder.reshape(-1, ladder.shape[-1])
        picked = pick(swept, limits, campaign, incumbent=np.zeros(len(flat), dtype=np.int64), gap=_GAP)
        chosen = np.take_along_axis(flat, picked.option[:, None], axis=1)[:, 0].reshape(times.shape)
        replaced = tuple(chosen if at == kind else one for at, one in enumerate(found.setting.times))
        return replace(found, setting=replace(found.setting, times=replaced), value=picked.value)
