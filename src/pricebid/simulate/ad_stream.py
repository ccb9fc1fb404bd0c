"""A stream of keyword auctions, one after the other until the day's budget is gone, with rivals of another family.

Of the kind of AdCraft (Gomrokchi, Levin, Roach and White 2023, "AdCraft: an advanced reinforcement learning benchmark
environment for search engine marketing optimization"): second-price keywords, one bid per keyword and day, a random
number of auctions per day, rival bids that are absolute values of Laplace or normal draws.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import cached_property
from typing import TYPE_CHECKING, Protocol

import numpy as np

from pricebid.errors import InputError
from pricebid.simulate.ad_best import money_weight

if TYPE_CHECKING:
    from numpy.typing import NDArray

_GRID = np.arange(0.0, 4.0005, 0.005)  # prices at which the law of the highest rival bid is tabulated


@dataclass(frozen=True, kw_only=True)
class AdStreamSettings:
    """Size and nature of a stream of auctions.

    Parameters
    ----------
    keywords, days : int
        Keywords, and days to play.
    volume : float
        Typical auctions per keyword and day; keywords differ by a standard deviation of .5 in logs.
    conversion_rate : float
        Typical conversions per click; keywords differ by a standard deviation of .4 in logs.
    click_rate : (float, float)
        Range of clicks per auction won, uniform.
    revenue : (float, float)
        Range of the mean money per conversion, uniform.
    location, scale : (float, float)
        Ranges of location and scale of each rival's bid, uniform; money.
    rivals : int
        At most this many rivals per keyword.
    budget_share : float
        Daily budget, as a share of the expected spend of bids at full value.
    parts : int
        Parts of a day after which a pacer may change its bids.

    Raises
    ------
    InputError
        Where a value is not positive, or a range not ascending.
    """

    keywords: int = 100
    days: int = 60
    volume: float = 64.0
    conversion_rate: float = 0.5
    click_rate: tuple[float, float] = (0.1, 0.9)
    revenue: tuple[float, float] = (0.3, 1.5)
    location: tuple[float, float] = (0.3, 1.0)
    scale: tuple[float, float] = (0.01, 0.3)
    rivals: int = 2
    budget_share: float = 0.3
    parts: int = 48

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            low, high = value if isinstance(value, tuple) else (value, value)
            if not 0 < low <= high:
                raise InputError(f"{field.name} is {value}: above 0, and a range ascends")
        if self.click_rate[1] > 1:
            raise InputError(f"click_rate is {self.click_rate}: at most 1")


@dataclass(frozen=True, kw_only=True, eq=False)
class AdStream:
    """Keywords with known parameters.

    Parameters
    ----------
    settings : AdStreamSettings
        What was asked for.
    volume, volume_spread : float64[keyword]
        Mean and standard deviation of the auctions per day.
    rivals : int64[keyword]
        How many bid.
    laplace : bool[keyword]
        Rivals' bids are absolute Laplace draws, else absolute normal draws.
    location, scale : float64[keyword]
        Of these draws.
    click_rate, conversion_rate, revenue : float64[keyword]
        Clicks per auction won, conversions per click, mean money per conversion.
    """

    settings: AdStreamSettings
    volume: NDArray[np.float64]
    volume_spread: NDArray[np.float64]
    rivals: NDArray[np.int64]
    laplace: NDArray[np.bool_]
    location: NDArray[np.float64]
    scale: NDArray[np.float64]
    click_rate: NDArray[np.float64]
    conversion_rate: NDArray[np.float64]
    revenue: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.volume)

    @property
    def value(self) -> NDArray[np.float64]:
        """What a click is worth, money, float64[keyword]."""
        return self.conversion_rate * self.revenue

    @cached_property
    def won(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Share of auctions won and price paid times that share on the price grid, float64[keyword, price] each."""
        law = _law(_GRID[None, :], self.location[:, None], self.scale[:, None], self.laplace[:, None])
        win = law ** self.rivals[:, None]
        middle = (_GRID[1:] + _GRID[:-1]) / 2
        paid = np.concatenate([np.zeros((len(self), 1)), np.cumsum(np.diff(win, axis=1) * middle, axis=1)], axis=1)
        return win, paid

    def expected(self, bid: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return expected cost and profit per day of bids that no budget stops, float64[keyword] each, money."""
        win, paid = self.won
        spot = np.clip(bid / _GRID[1], 0.0, len(_GRID) - 1.001)
        low = spot.astype(np.int64)
        rows, part = np.arange(len(self)), spot - low
        clicks = self.volume * self.click_rate
        cost: NDArray[np.float64] = clicks * (paid[rows, low] * (1 - part) + paid[rows, low + 1] * part)
        profit: NDArray[np.float64] = (
            clicks * self.value * (win[rows, low] * (1 - part) + win[rows, low + 1] * part) - cost
        )
        return cost, profit

    def budget(self) -> float:
        """Return the daily budget, money."""
        return float(self.settings.budget_share * self.expected(self.value)[0].sum())

    def bound(self) -> tuple[NDArray[np.float64], float]:
        """Return the best bids within the budget in expectation, float64[keyword], and their profit per day.

        At the budget's shadow price w a click is worth value ÷ (1 + w), and that is the bid: no way of bidding that
        keeps the budget every day earns more in expectation.
        """
        weight = money_weight(lambda w: float(self.expected(self.value / (1 + w))[0].sum()), self.budget())
        bid = self.value / (1 + weight)
        return bid, float(self.expected(bid)[1].sum())


def _law(
    price: NDArray[np.float64], location: NDArray[np.float64], scale: NDArray[np.float64], laplace: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """Return the chance that the absolute value of one rival's draw is below a price."""
    from scipy.special import ndtr

    def below(x: NDArray[np.float64]) -> NDArray[np.float64]:
        z = (x - location) / scale
        tail = 0.5 * np.exp(-np.abs(z))
        return np.where(laplace, np.where(z < 0, tail, 1 - tail), ndtr(z))

    return below(price) - below(-price)


def draw_ad_stream(settings: AdStreamSettings, rng: np.random.Generator) -> AdStream:
    """Draw keywords; the same generator state gives the same ones."""
    count = settings.keywords
    volume = settings.volume * np.exp(rng.normal(-0.125, 0.5, count))
    rate = settings.conversion_rate * np.exp(rng.normal(-0.08, 0.4, count))
    return AdStream(
        settings=settings,
        volume=volume,
        volume_spread=volume * rng.uniform(0.0, 0.5, count),
        rivals=rng.integers(1, settings.rivals + 1, count),
        laplace=rng.random(count) < 0.5,
        location=rng.uniform(*settings.location, count),
        scale=rng.uniform(*settings.scale, count),
        click_rate=rng.uniform(*settings.click_rate, count),
        conversion_rate=np.minimum(rate, 0.95),
        revenue=rng.uniform(*settings.revenue, count),
    )


@dataclass(frozen=True, kw_only=True, eq=False)
class AdDay:
    """What one day brought, float64[keyword] each.

    Parameters
    ----------
    bid : float64[keyword]
        Mean bid of the auctions held.
    impressions, clicks, conversions : float64[keyword]
        Counts.
    cost, revenue : float64[keyword]
        Money.
    """

    bid: NDArray[np.float64]
    impressions: NDArray[np.float64]
    clicks: NDArray[np.float64]
    cost: NDArray[np.float64]
    conversions: NDArray[np.float64]
    revenue: NDArray[np.float64]

    def profit(self, stream: AdStream) -> float:
        """Return clicks at their true worth less cost, money: conversions' luck is left out."""
        return float((self.clicks * stream.value).sum() - self.cost.sum())


class Bidder(Protocol):
    """Who bids within a day."""

    def bids(self, keyword: NDArray[np.int64], elapsed: float) -> NDArray[np.float64]:
        """Return a bid for each auction of a part of the day, money per click; `elapsed` is the share of the day gone."""
        ...

    def learn(self, keyword: NDArray[np.int64], bid: NDArray[np.float64], cost: NDArray[np.float64]) -> None:
        """Take in what the auctions of the part cost, money; 0 where lost or not clicked."""
        ...


@dataclass(frozen=True, kw_only=True, eq=False)
class FixedBids:
    """One bid per keyword all day.

    Parameters
    ----------
    bid : float64[keyword]
        Money per click.
    """

    bid: NDArray[np.float64]

    def bids(self, keyword: NDArray[np.int64], elapsed: float) -> NDArray[np.float64]:
        """Return the keyword's bid, whatever the time."""
        del elapsed
        return self.bid[keyword]

    def learn(self, keyword: NDArray[np.int64], bid: NDArray[np.float64], cost: NDArray[np.float64]) -> None:
        """Ignore what happened."""


def play_stream_day(stream: AdStream, bidder: Bidder, budget: float, rng: np.random.Generator) -> AdDay:
    """Hold one day of auctions in random order; the day ends with the first click that would cost more than is left.

    Parameters
    ----------
    stream : AdStream
        How auctions come about.
    bidder : Bidder
        Who bids, part by part.
    budget : float
        Money for the day.
    rng : numpy.random.Generator
        Source of all randomness; the auctions held are the same whatever is bid.
    """
    auctions = np.maximum(np.round(rng.normal(stream.volume, stream.volume_spread)), 0).astype(np.int64)
    keyword = rng.permutation(np.repeat(np.arange(len(stream)), auctions))
    price, click, converts, money = _auctions(stream, keyword, rng)
    time = np.sort(rng.random(len(keyword)))
    parts = np.searchsorted(time, np.arange(1, stream.settings.parts) / stream.settings.parts)
    held = np.zeros(len(keyword), dtype=bool)
    paid, bid = np.zeros(len(keyword)), np.zeros(len(keyword))
    left = budget
    for part in np.split(np.arange(len(keyword)), parts):
        if not len(part):
            continue
        bid[part] = bidder.bids(keyword[part], float(time[part[0]]))
        paid[part] = np.where(click[part] & (price[part] < bid[part]), price[part], 0.0)
        over = np.flatnonzero(np.cumsum(paid[part]) > left)
        cut = part[: over[0]] if len(over) else part
        held[cut] = True
        left -= paid[cut].sum()
        bidder.learn(keyword[cut], bid[cut], paid[cut])
        if len(over):
            break
    won = held & (price < bid)
    return _day_of(
        stream, keyword, _Held(held=held, won=won, clicked=won & click, bid=bid, paid=paid), converts * money
    )


@dataclass(frozen=True, kw_only=True)
class _Held:
    """Auctions of a day, one entry each."""

    held: NDArray[np.bool_]
    won: NDArray[np.bool_]
    clicked: NDArray[np.bool_]
    bid: NDArray[np.float64]
    paid: NDArray[np.float64]


def _auctions(
    stream: AdStream, keyword: NDArray[np.int64], rng: np.random.Generator
) -> tuple[NDArray[np.float64], NDArray[np.bool_], NDArray[np.bool_], NDArray[np.float64]]:
    """Draw highest rival bids, whether a click and a conversion would follow, and the conversion's money."""
    most = int(stream.rivals.max())
    shape = (most, len(keyword))
    draws = np.where(stream.laplace[keyword], rng.laplace(0.0, 1.0, shape), rng.normal(0.0, 1.0, shape))
    bids = np.abs(stream.location[keyword] + stream.scale[keyword] * draws)
    price = np.where(np.arange(most)[:, None] < stream.rivals[keyword], bids, 0.0).max(axis=0)
    click = rng.random(len(keyword)) < stream.click_rate[keyword]
    converts = rng.random(len(keyword)) < stream.conversion_rate[keyword]
    return price, click, converts, stream.revenue[keyword] * rng.gamma(10.0, 0.1, len(keyword))


def _day_of(stream: AdStream, keyword: NDArray[np.int64], part: _Held, money: NDArray[np.float64]) -> AdDay:
    def total(weights: NDArray[np.float64]) -> NDArray[np.float64]:
        added: NDArray[np.float64] = np.bincount(keyword, weights, len(stream)).astype(np.float64)
        return added

    held = total(part.held.astype(np.float64))
    return AdDay(
        bid=total(np.where(part.held, part.bid, 0.0)) / np.maximum(held, 1.0),
        impressions=total(part.won.astype(np.float64)),
        clicks=total(part.clicked.astype(np.float64)),
        cost=total(np.where(part.clicked, part.paid, 0.0)),
        conversions=total((part.clicked & (money > 0)).astype(np.float64)),
        revenue=total(np.where(part.clicked, money, 0.0)),
    )
