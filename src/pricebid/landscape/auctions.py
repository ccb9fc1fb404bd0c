"""Fit auctions and rival bids: series by series, pooled over their groups, with the hours and days of their campaign.

In a series s and hour h, ``exp(A_s + T_ch)`` auctions come per day, the highest rival bid is log-normal with level
``M_s + L_ch`` and spread ``S_s``, and an auction is won where the bid is above it. Four steps are taken in turn: the days
of a campaign, its hours, each series (one Newton step with expected information, in three dimensions, for all series at once),
and what the groups say of each series without its own data.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import log_ndtr

from pricebid.landscape.curves import AUCTIONS, LEVEL, SPREAD, WinCurves, won_and_paid
from pricebid.landscape.pooling import Variances, pool_normal
from pricebid.landscape.prices import Told, hazard, of_prices
from pricebid.landscape.profiles import Swings, smooth, waves
from pricebid.landscape.shocks import Dispersion, Shocks, dispersion_of, shocks_of
from pricebid.landscape.sums import counted, stacked, summed

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pricebid.landscape.cells import Cells, Clicks
    from pricebid.landscape.pooling import Design

_ROUNDS = 14
USUAL_SPREAD = np.log(0.6)
# Rivals are believed to bid, in logs, about so much less than we do: two thirds of the auctions are won.
_BELOW, _LOST = 0.3, 0.4
_STEP = np.array([1.0, 0.5, 0.3])
_FIRST = (4.0, 1.0, 0.15)  # variances of the belief about a series before groups have been asked
_LOWEST, _HIGHEST = -6.0, 8.0


@dataclass(frozen=True, kw_only=True, eq=False)
class AuctionFit:
    """What a fit of auctions gives.

    Parameters
    ----------
    curves : WinCurves
        Posterior.
    shocks : Shocks
        Days.
    dispersion : Dispersion
        How much counts vary.
    rate : float64[spell, hour]
        Expected impressions per day in each cell.
    """

    curves: WinCurves
    shocks: Shocks
    dispersion: Dispersion
    rate: NDArray[np.float64]


@dataclass
class _State:
    """Where the fit is; `prior` and `precision` are what the groups say of a series, float64[series, 3]."""

    mean: NDArray[np.float64]
    prior: NDArray[np.float64]
    precision: NDArray[np.float64]
    covariance: NDArray[np.float64]
    traffic: NDArray[np.float64]
    level: NDArray[np.float64]
    variances: list[Variances | None]
    swings: tuple[Swings, Swings]
    shocks: Shocks
    exposure: NDArray[np.float64]
    dispersion: Dispersion


def fit_auctions(
    cells: Cells, clicks: Clicks, designs: tuple[Design, Design], *, like: AuctionFit | None = None
) -> AuctionFit:
    """Fit auctions and rival bids.

    Parameters
    ----------
    cells : Cells
        What was bid and won.
    clicks : Clicks
        Prices of clicks.
    designs : tuple of Design
        Groups of all series (those without reports last): of auctions and levels, and of spreads.
    like : AuctionFit, optional
        An earlier fit to start from, in which all days counted the same: how much counts vary is taken over from it.

    Returns
    -------
    AuctionFit
    """
    engine = _Engine(cells, clicks, designs)
    state = engine.start(like)
    for at in range(_ROUNDS if like is None else _ROUNDS // 2):
        engine.days(state, spread=at % 3 == 1)
        if cells.hours > 1:
            engine.hours(state, rounds=4 if at < 4 else 1)
        engine.series(state)
        engine.groups(state, rounds=4 if at < 4 else 1)
    return engine.finish(state)


def centred(log_factor: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return log factors of hours whose mean factor is 1, float64[campaign, hour]."""
    factor = np.exp(log_factor)
    centred: NDArray[np.float64] = np.log(factor / factor.mean(axis=1, keepdims=True))
    return centred


class _Engine:
    """The data of one fit, and the steps that are taken in turn on a state."""

    def __init__(self, cells: Cells, clicks: Clicks, designs: tuple[Design, Design]) -> None:
        self.cells, self.clicks, self.designs = cells, clicks, designs
        self.kept = False
        self.whole = designs[0].matrix.shape[0]
        self.owner = cells.spells.series
        self.campaign = cells.campaign
        self.won = cells.won
        self.count = np.maximum(cells.exposure(np.ones((cells.campaigns, len(cells.weight)))), 1e-9)
        self.usual_auctions = float(np.log((self.won.sum() + 0.5) / (self.count.sum() + 0.5))) + _LOST
        self.usual_level = float((cells.log_bid * self.count).sum() / self.count.sum()) - _BELOW

    def start(self, like: AuctionFit | None) -> _State:
        """Begin where the prices are, or in the middle of the bids, with the same belief about all series."""
        cells, hours = self.cells, self.cells.hours
        self.kept = like is not None
        shape = (cells.campaigns, hours)
        if like is not None:
            mean, traffic, level = like.curves.mean.copy(), like.curves.traffic, like.curves.level
        else:
            traffic, level = np.zeros(shape), np.zeros(shape)
            mean = self._guess()
        usual = mean.mean(axis=0) if like is None else mean
        days = (cells.campaigns, len(cells.weight))
        return _State(
            mean=mean,
            prior=np.broadcast_to(usual, mean.shape).copy(),
            precision=np.broadcast_to(1.0 / np.array(_FIRST), mean.shape).copy(),
            covariance=np.zeros((self.whole, 3, 3)),
            traffic=traffic,
            level=level,
            variances=[None, None, None],
            swings=(Swings(), Swings()),
            shocks=Shocks.none(days) if like is None else like.shocks,
            exposure=self.count,
            dispersion=Dispersion() if like is None else like.dispersion,
        )

    def _guess(self) -> NDArray[np.float64]:
        mean = np.full((self.whole, 3), USUAL_SPREAD)
        count = len(self.campaign)
        shape = (count,)
        spell = self.count.sum(axis=1)
        bid = summed(self.owner, self.cells.log_bid.mean(axis=1) * spell, shape)
        weight = summed(self.owner, spell, shape)
        known = weight > 0
        usual = bid.sum() / max(weight.sum(), 1e-9)
        level = np.where(known, bid / np.maximum(weight, 1e-9), usual)
        if len(self.clicks):
            paid, rows = summed(self.clicks.series, self.clicks.log_price, shape), counted(self.clicks.series, shape)
            gap = (self.clicks.log_price - self.clicks.log_bid).mean()
            level = (paid + 3.0 * (level + gap)) / (rows + 3.0)
        won = summed(self.owner, self.won.sum(axis=1), shape)
        auctions = np.log((won + 0.5) / (weight + 0.5)) + _LOST
        mean[:count, AUCTIONS], mean[:count, LEVEL] = auctions, level
        mean[count:, AUCTIONS], mean[count:, LEVEL] = auctions.mean(), level.mean()
        return mean

    # -- the steps ----------------------------------------------------------------------------------------------

    def days(self, state: _State, *, spread: bool) -> None:
        """Re-estimate what the days of a campaign share and, now and then, how much counts vary beyond it."""
        rate = self.rate(state)
        won, due = self.cells.by_day(rate)
        state.shocks = shocks_of(won, due, self.campaign, self.cells.weight, state.shocks, state.dispersion)
        state.exposure = self.cells.exposure(state.shocks.factor)
        if spread and not self.kept:
            due = due * state.shocks.factor[self.campaign]
            state.dispersion = dispersion_of(self.cells, rate, won, due, state.shocks)

    def score(self, state: _State) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """How far above the level the bids are in spreads, float64[spell, hour], and the spread, float64[spell, 1]."""
        own = state.mean[self.owner]
        spread = np.exp(own[:, SPREAD, None])
        level = own[:, LEVEL, None] + state.level[self.campaign[self.owner]]
        return np.clip((self.cells.log_bid - level) / spread, _LOWEST, _HIGHEST), spread

    def rate(self, state: _State) -> NDArray[np.float64]:
        """Impressions that a usual day brings, float64[spell, hour]."""
        score, _ = self.score(state)
        log_auctions = state.mean[self.owner, AUCTIONS, None] + state.traffic[self.campaign[self.owner]]
        return np.exp(np.minimum(log_auctions + log_ndtr(score), 30.0))

    def _impressions(
        self, state: _State
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """Expected impressions, and slopes of their log in level and log spread; the variance of a cell's count."""
        score, spread = self.score(state)
        due = self.rate(state) * state.exposure
        r = hazard(score)
        return due, -r / spread, -r * score, 1.0 + state.dispersion.hourly * due / self.count

    def hours(self, state: _State, *, rounds: int) -> None:
        """Re-estimate the hour profiles of level and traffic, the level's with traffic free to answer."""
        moments = self.hour_moments(state)
        level_precision, level_score, traffic_precision, traffic_score, cross = moments
        ratio = cross / traffic_precision
        precision = np.maximum(level_precision - cross * ratio, 0.0)
        shift = precision * state.level[self.campaign] + level_score - ratio * traffic_score
        mine = self.campaign
        levels = smooth(shift, precision, mine, self.cells.campaigns, swings=state.swings[1], rounds=rounds)
        moved = np.clip(levels.mean - state.level, -0.5, 0.5)
        shift = traffic_precision * state.traffic[mine] + traffic_score - cross * moved[mine]
        traffic = smooth(shift, traffic_precision, mine, self.cells.campaigns, swings=state.swings[0], rounds=rounds)
        state.swings = (traffic.swings, levels.swings)
        state.level = state.level + moved
        state.traffic = state.traffic + np.clip(traffic.mean - state.traffic, -1.0, 1.0)
        state.traffic = centred(state.traffic)

    def hour_moments(self, state: _State) -> tuple[NDArray[np.float64], ...]:
        """Scores and information of the hour profiles, float64[series, hour] each."""
        due, by_level, _, variance = self._impressions(state)
        weight, off = due / variance, (self.won - due) / variance
        place = self.owner[:, None] * self.cells.hours + np.arange(self.cells.hours)
        shape = (len(self.campaign), self.cells.hours)

        def total(cells: NDArray[np.float64]) -> NDArray[np.float64]:
            return summed(place, cells, shape)

        level_precision, level_score = total(weight * by_level**2), total(off * by_level)
        traffic_precision, traffic_score = total(weight) + 1e-9, total(off)
        cross = total(weight * by_level)
        c, told = self.clicks, self._prices(state)
        at = c.series * self.cells.hours + c.hour
        level_score += summed(at, c.weight * told.level, shape)
        level_precision += summed(at, c.weight * told.level_level, shape)
        return level_precision, level_score, traffic_precision, traffic_score, cross

    def _prices(self, state: _State) -> Told:
        c = self.clicks
        level = state.mean[c.series, LEVEL] + state.level[self.campaign[c.series], c.hour]
        return of_prices(c.log_price, c.clicks, c.log_bid, level, np.exp(state.mean[c.series, SPREAD]))

    def moments(self, state: _State) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Score, float64[series, 3], and information, float64[series, 3, 3], of what each series itself says.

        Of impressions only a spell's total is asked: how a series' hours differ from its campaign's is its own affair, and
        would pass for an answer to bids that stand differently to the rivals' of each hour.
        """
        due, by_level, by_spread, variance = self._impressions(state)
        total = due.sum(axis=1)
        per = np.maximum(total, 1e-12)
        hourly = (due * variance).sum(axis=1) / per
        slow = state.dispersion.weekly * total / np.maximum(self.cells.weeks, 1e-9)
        weight, off = 1.0 / (hourly + slow), self.won.sum(axis=1) - total
        slopes = (np.ones(len(total)), (due * by_level).sum(axis=1) / per, (due * by_spread).sum(axis=1) / per)
        score, information = np.zeros((self.whole, 3)), np.zeros((self.whole, 3, 3))
        for i in range(3):
            score[:, i] = summed(self.owner, weight * off * slopes[i], (self.whole,))
            for j in range(i + 1):
                both = summed(self.owner, weight * total * slopes[i] * slopes[j], (self.whole,))
                information[:, i, j] = information[:, j, i] = both
        self._add_prices(state, score, information)
        return score, information

    def _add_prices(self, state: _State, score: NDArray[np.float64], information: NDArray[np.float64]) -> None:
        c, told = self.clicks, self._prices(state)

        def add(values: NDArray[np.float64]) -> NDArray[np.float64]:
            return summed(c.series, c.weight * values, (self.whole,))

        score[:, LEVEL] += add(told.level)
        score[:, SPREAD] += add(told.spread)
        information[:, LEVEL, LEVEL] += add(told.level_level)
        information[:, SPREAD, SPREAD] += add(told.spread_spread)
        both = add(told.level_spread)
        information[:, LEVEL, SPREAD] += both
        information[:, SPREAD, LEVEL] += both

    def series(self, state: _State) -> None:
        """One Newton step of every series, what the groups say of it counted in."""
        score, information = self.moments(state)
        score += state.precision * (state.prior - state.mean)
        information[:, range(3), range(3)] += state.precision
        state.covariance = np.asarray(np.linalg.inv(information), dtype=np.float64)
        step = (state.covariance @ score[:, :, None])[:, :, 0]
        size = np.maximum(np.abs(step) / _STEP, 1.0).max(axis=1, keepdims=True)
        state.mean = state.mean + step / size

    def groups(self, state: _State, *, rounds: int) -> None:
        """Ask the groups of each series what they say of it without its own data."""
        offset = np.array([self.usual_auctions, self.usual_level, USUAL_SPREAD])
        near = replace(self.designs[0], pooled=np.ones_like(self.designs[0].pooled), most=0.7)
        alike = replace(self.designs[1], belief=0.15, most=0.25)
        for at, design in ((AUCTIONS, self.designs[0]), (LEVEL, near), (SPREAD, alike)):
            variance = state.covariance[:, at, at]
            precision = np.maximum(1.0 / variance - state.precision[:, at], 0.0)
            shift = (state.mean[:, at] - offset[at]) / variance - state.precision[:, at] * (
                state.prior[:, at] - offset[at]
            )
            shift = np.where(precision > 1e-9, shift, 0.0)
            pooled = pool_normal(shift, precision, design, variances=state.variances[at], rounds=rounds)
            state.variances[at] = pooled.variances
            state.prior[:, at] = pooled.before_mean + offset[at]
            state.precision[:, at] = 1.0 / pooled.before_variance

    def finish(self, state: _State) -> AuctionFit:
        """Take the last steps and keep the posterior."""
        for _ in range(2):
            self.series(state)
        bare = self.cells.hours == 1
        level_precision, _, traffic_precision, _, cross = self.hour_moments(state)
        precision = np.maximum(level_precision - cross**2 / traffic_precision, 0.0)
        mine = self.campaign
        level = smooth(
            precision * state.level[mine], precision, mine, self.cells.campaigns, swings=state.swings[1], rounds=0
        )
        traffic = smooth(
            traffic_precision * state.traffic[mine],
            traffic_precision,
            mine,
            self.cells.campaigns,
            swings=state.swings[0],
            rounds=0,
        )
        total = [stacked(mine, values, self.cells.campaigns) for values in (cross, traffic_precision)]
        trade = np.zeros_like(state.level) if bare else -total[0] / np.maximum(total[1], 1e-9)
        curves = WinCurves(
            campaign=self.cells.every,
            mean=state.mean,
            covariance=state.covariance if bare else state.covariance + self._own_hours(state, trade),
            traffic=state.traffic,
            level=state.level,
            traffic_covariance=traffic.covariance,
            level_covariance=level.covariance,
            trade=trade,
        )
        rate = self.rate(state)
        return AuctionFit(
            curves=self._agreed(curves, rate), shocks=state.shocks, dispersion=state.dispersion, rate=rate
        )

    def _own_hours(self, state: _State, trade: NDArray[np.float64]) -> NDArray[np.float64]:
        """Covariance by which a series' own hours shift what its clicks say of the level, float64[series, 3, 3].

        Its departures from the campaign's hours are waves of mean 0 over the day, but not over its traffic.
        """
        wave = waves(self.cells.hours)[0][:, 1:3] * np.sqrt(self.cells.hours / 2.0)
        share = np.exp(state.traffic) / self.cells.hours
        off = state.swings[1].own * ((share @ wave) ** 2).sum(axis=1)
        along = np.stack([(share * trade).sum(axis=1), np.ones(len(share)), np.zeros(len(share))], axis=1)
        made: NDArray[np.float64] = off[:, None, None] * along[:, :, None] * along[:, None, :]
        return made[self.cells.every]

    def _agreed(self, curves: WinCurves, rate: NDArray[np.float64]) -> WinCurves:
        """Shift log auctions so that at the bids placed the mean over the posterior is what the fit found there.

        Auctions and levels are uncertain along a curve on which what was won stays the same; a normal posterior follows
        its tangent, and would win a few per cent too little on average.
        """
        auctions, level, spread = curves.predictive(self.owner)
        won = np.mean(
            [won_and_paid(self.cells.log_bid, m, s, second=False)[0] for m, s in zip(level, spread, strict=True)],
            axis=0,
        )
        shape = (self.whole,)
        found = summed(self.owner, (self.count * rate).sum(axis=1), shape)
        mean = summed(self.owner, (self.count * auctions * won).sum(axis=1), shape)
        shift = np.where(mean > 0, np.log(np.maximum(found, 1e-300) / np.maximum(mean, 1e-300)), 0.0)
        return replace(curves, mean=curves.mean + np.stack([shift, *np.zeros((2, self.whole))], axis=1))
