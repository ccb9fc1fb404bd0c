"""Channels with known truth: carry-over, saturation, and spending that followed the season."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

import numpy as np

from pricebid.errors import InputError
from pricebid.optimize import Limit, choose
from pricebid.simulate.seller import autoregression
from pricebid.tables.channels import ChannelHistory
from pricebid.tables.table import freeze

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

_YEAR = 52
_FIRST = np.datetime64("2022-01-03", "D")


@dataclass(frozen=True, kw_only=True)
class ChannelSettings:
    """Size and nature of simulated channels; the defaults are a shop's six channels over two years.

    Parameters
    ----------
    channels, weeks : int
        How many.
    spend : float
        Typical spend of a channel per week, money; channels differ by a factor of 2.
    retention : float
        Typical share of an advert's effect that carries over to the next week, between 0 and 1.
    saturation : float
        Typical weekly spend at which half of the ceiling is reached, as a multiple of the mean spend.
    season, shock : float
        Amplitude of the yearly season, and standard deviation of the weekly swings of demand that no table shows, in logs.
    follow : float
        How far log spend follows season and swings: what makes spend endogenous.
    together, own : float
        Standard deviations of log spend's slow movements: of all channels together, and of each.
    dark : float
        Share of weeks in which a channel spends nothing.
    noise : float
        Standard deviation of each channel's own weekly swings, in logs.
    order : float
        Mean money of a conversion; conversions are Poisson.
    """

    channels: int = 6
    weeks: int = 104
    spend: float = 10_000.0
    retention: float = 0.35
    saturation: float = 1.5
    season: float = 0.3
    shock: float = 0.1
    follow: float = 0.6
    together: float = 0.15
    own: float = 0.35
    dark: float = 0.02
    noise: float = 0.15
    order: float = 60.0

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name in {"channels", "weeks"} and value < 1:
                raise InputError(f"{field.name} is {value}: at least 1")
            if value < 0:
                raise InputError(f"{field.name} is {value}: not negative")
        for name in ("retention", "dark"):
            if not 0 <= getattr(self, name) < 1:
                raise InputError(f"{name} is {getattr(self, name)}: from 0 to below 1")


@dataclass(frozen=True, kw_only=True, eq=False)
class ChannelTruth:
    """How each channel really responds, in steady state and an average week.

    Parameters
    ----------
    ceiling : float64[channel]
        Revenue per week that no spend exceeds, money.
    half : float64[channel]
        Spend per week that sets the scale of saturation, money.
    slope : float64[channel]
        Of the Hill curve ``a^slope / (a^slope + half^slope)``; NaN for ``1 - exp(-a / half)``.
    retention : float64[channel]
        Share that carries over to the next week.
    """

    ceiling: NDArray[np.float64]
    half: NDArray[np.float64]
    slope: NDArray[np.float64]
    retention: NDArray[np.float64]

    def share(self, stock: NDArray[np.float64]) -> NDArray[np.float64]:
        """Share of the ceiling reached, float64[channel, ...], at each channel's advertising stock, money per week."""
        place = (slice(None), *(None,) * (stock.ndim - 1))
        half, slope = self.half[place], self.slope[place]
        ratio = np.maximum(stock, 0.0) / half
        raised = ratio ** np.where(np.isnan(slope), 1.0, slope)
        return np.asarray(np.where(np.isnan(slope), -np.expm1(-ratio), raised / (1 + raised)))

    def revenue(self, spend: NDArray[np.float64]) -> NDArray[np.float64]:
        """Expected revenue per week, float64[channel, ...], where each channel keeps spending float64[channel, ...]."""
        return self.ceiling[(slice(None), *(None,) * (spend.ndim - 1))] * self.share(spend)

    def best(self, budget: float, most: NDArray[np.float64], *, steps: int = 400) -> NDArray[np.float64]:
        """Spend per channel, float64[channel], of highest revenue within a budget and at most ``most`` per channel."""
        ladder = np.minimum(np.arange(steps + 1) * budget / steps, most[:, None])
        limits = [Limit("spend", at_most=budget)]
        picked = choose({"revenue": self.revenue(ladder), "spend": ladder}, maximise="revenue", limits=limits).option
        return np.asarray(ladder[np.arange(len(most)), picked])


@dataclass(frozen=True, kw_only=True, eq=False)
class ChannelMarket:
    """What a shop sees of its channels, and what is true.

    Parameters
    ----------
    history : ChannelHistory
        Spend, conversions, revenue and new customers by week.
    truth : ChannelTruth
        Not to be shown to a planner.
    """

    history: ChannelHistory
    truth: ChannelTruth

    @property
    def current(self) -> NDArray[np.float64]:
        """Mean spend per week of the last four weeks, float64[channel]."""
        return np.asarray(self.history.spend[:, -4:].mean(axis=1))

    def score(self, spend: NDArray[np.float64], most: NDArray[np.float64]) -> float:
        """True revenue of a split, as a share of the best split of the same money with at most ``most`` per channel."""
        best = self.truth.best(float(spend.sum()), most)
        return float(self.truth.revenue(spend).sum() / self.truth.revenue(best).sum())

    def frame(self) -> pd.DataFrame:
        """Return the table ``channels``."""
        import pandas as pd

        history = self.history
        size = history.spend.shape
        columns = {
            name: getattr(history, name).ravel() for name in ("spend", "conversions", "revenue", "new_customers")
        }
        dates = np.tile(history.periods, size[0]).astype("datetime64[s]")
        return pd.DataFrame({"date": dates, "channel": np.repeat(history.channels, size[1]), **columns})


def draw_channels(settings: ChannelSettings, rng: np.random.Generator) -> ChannelMarket:
    """Draw channels and their history.

    Parameters
    ----------
    settings : ChannelSettings
        Size and nature.
    rng : Generator
        The only source of chance.
    """
    size = (settings.channels, settings.weeks)
    mean = settings.spend * rng.lognormal(0.0, 0.7, settings.channels)
    season, shock = _demand(settings, rng)
    spend = mean[:, None] * _spending(settings, season + shock, rng)
    truth = _truth(settings, mean, rng)
    level = np.exp(season + shock)
    expected = truth.ceiling[:, None] * truth.share(stock(spend, truth.retention)) * level
    swing = rng.normal(-0.5 * settings.noise**2, settings.noise, size)
    order = settings.order * rng.lognormal(0.0, 0.3, (settings.channels, 1))
    conversions = rng.poisson(expected * np.exp(swing) / order).astype(np.float64)
    # The mean of n orders that each vary by half of their mean.
    each = order * (1 + 0.5 * rng.normal(size=size) / np.sqrt(np.maximum(conversions, 1.0)))
    newly = rng.binomial(conversions.astype(np.int64), rng.uniform(0.2, 0.7, (settings.channels, 1)))
    history = ChannelHistory(
        channels=freeze(np.array([f"channel {at + 1}" for at in range(settings.channels)], dtype=object)),
        frequency="week",
        periods=freeze(_FIRST + 7 * np.arange(settings.weeks)),
        spend=freeze(np.round(spend, 2)),
        conversions=freeze(conversions),
        revenue=freeze(np.round(conversions * np.maximum(each, 0.1 * order), 2)),
        new_customers=freeze(newly.astype(np.float64)),
    )
    return ChannelMarket(history=history, truth=truth)


def stock(spend: NDArray[np.float64], retention: NDArray[np.float64]) -> NDArray[np.float64]:
    """Advertising stock, float64[channel, period]: a share of each period's carries over; equals a spend that is kept up."""
    found = np.empty_like(spend)
    kept = spend[:, 0]
    for at in range(spend.shape[1]):
        kept = retention * kept + (1 - retention) * spend[:, at]
        found[:, at] = kept
    return found


def _demand(settings: ChannelSettings, rng: np.random.Generator) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Season and swings in log demand, float64[week] each; a year of the season averages to a factor of 1."""
    week = np.arange(settings.weeks) / _YEAR
    phase = rng.uniform(0, 1, 2)

    def wave(at: NDArray[np.float64]) -> NDArray[np.float64]:
        whole = np.cos(2 * np.pi * (at - phase[0])) + 0.4 * np.cos(4 * np.pi * (at - phase[1]))
        return np.asarray(settings.season * whole)

    level = np.log(np.exp(wave(np.arange(_YEAR) / _YEAR)).mean())
    shock = autoregression((settings.weeks,), memory=0.5, sd=settings.shock, rng=rng)
    return wave(week) - level, shock - 0.5 * settings.shock**2


def _spending(settings: ChannelSettings, demand: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    """Spend as a multiple of its mean, float64[channel, week]."""
    size = (settings.channels, settings.weeks)
    together = autoregression((settings.weeks,), memory=0.7, sd=settings.together, rng=rng)
    moves = together + autoregression(size[::-1], memory=0.5, sd=settings.own, rng=rng).T
    return np.asarray(np.exp(settings.follow * demand + moves) * (rng.random(size) >= settings.dark))


def _truth(settings: ChannelSettings, mean: NDArray[np.float64], rng: np.random.Generator) -> ChannelTruth:
    """Draw curves whose next unit of money at the mean spend brings about 1.5 in revenue, give or take a factor of 1.6."""
    size = settings.channels
    odds = settings.retention / (1 - settings.retention) * rng.lognormal(0.0, 0.7, size)
    slope = np.where(rng.random(size) < 0.3, np.nan, np.clip(rng.lognormal(0.1, 0.3, size), 0.6, 2.5))
    unit = ChannelTruth(
        ceiling=np.ones(size),
        half=mean * settings.saturation * rng.lognormal(0.0, 0.6, size),
        slope=slope,
        retention=odds / (1 + odds),
    )
    step = 0.01 * mean
    marginal = (unit.revenue(mean + step) - unit.revenue(mean - step)) / (2 * step)
    return ChannelTruth(
        ceiling=1.5 * rng.lognormal(0.0, 0.5, size) / marginal, half=unit.half, slope=slope, retention=unit.retention
    )
