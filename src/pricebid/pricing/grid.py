"""The prices an offer may take: a grid of steps or endings between bounds, and samples of it for the search."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from pricebid.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

_ROUNDING = 1e-9


@dataclass(frozen=True, kw_only=True)
class Grid:
    """Allowed price points, numbered by whole numbers in ascending order.

    Parameters
    ----------
    period : float
        The pattern repeats after this much money: the step, or 1 for endings.
    points : tuple of float
        Ascending offsets within the period.
    decimals : int
        Prices are rounded to this many decimals (whole minor units).

    Raises
    ------
    InputError
        An empty pattern, or a period that is not positive.

    Examples
    --------
    >>> grid = Grid(period=1.0, points=(0.49, 0.99), decimals=2)
    >>> grid.price(grid.first(2.0) + np.arange(3))
    array([2.49, 2.99, 3.49])
    """

    period: float
    points: tuple[float, ...]
    decimals: int

    def __post_init__(self) -> None:
        if not self.points or not self.period > 0:
            raise InputError(f"price grid: a positive step or at least one ending needed, got {self}")

    @classmethod
    def of_step(cls, step: float, decimals: int) -> Grid:
        """Return the multiples of ``step``, no finer than the minor unit."""
        return cls(period=max(step, 10.0**-decimals), points=(0.0,), decimals=decimals)

    @classmethod
    def of_endings(cls, endings: tuple[float, ...], decimals: int) -> Grid:
        """Return the prices whose fraction is one of ``endings``."""
        points = {round(ending, decimals) % 1.0 for ending in endings}
        return cls(period=1.0, points=tuple(sorted(points)), decimals=decimals)

    def price(self, number: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return the price of each grid point, the shape of ``number``."""
        block, at = np.divmod(number, len(self.points))
        return np.asarray(np.round(block * self.period + np.asarray(self.points)[at], self.decimals))

    def first(self, at_least: NDArray[np.float64] | float) -> NDArray[np.int64]:
        """Return the number of the lowest point >= ``at_least`` (to rounding)."""
        bound = np.asarray(at_least, dtype=np.float64)
        low = self._below(bound)
        for _ in range(len(self.points) + 1):
            low = np.where(self.price(low) >= bound - _ROUNDING * np.maximum(1.0, np.abs(bound)), low, low + 1)
        return np.asarray(low, dtype=np.int64)

    def last(self, at_most: NDArray[np.float64] | float) -> NDArray[np.int64]:
        """Return the number of the highest point <= ``at_most`` (to rounding)."""
        bound = np.asarray(at_most, dtype=np.float64)
        high = self._below(bound) + len(self.points) + 1
        for _ in range(2 * len(self.points) + 3):
            high = np.where(self.price(high) <= bound + _ROUNDING * np.maximum(1.0, np.abs(bound)), high, high - 1)
        return np.asarray(high, dtype=np.int64)

    def _below(self, bound: NDArray[np.float64]) -> NDArray[np.int64]:
        """Return a point at most one period and one rounding below the bound."""
        block = np.floor(bound / self.period - _ROUNDING).astype(np.int64)
        return np.asarray((block - 1) * len(self.points) + (len(self.points) - 1), dtype=np.int64)


@dataclass(frozen=True, kw_only=True, eq=False)
class Ladder:
    """Every option of every offer, without spelling them out: a run of grid points, and perhaps the current price.

    Parameters
    ----------
    grids : tuple of Grid
        The grids in use.
    grid_of : int[offer]
        Which one is the offer's.
    first, last : int64[offer]
        Run of grid points that break no rule; empty where first > last.
    current : float64[offer]
        Current price.
    keep : bool[offer]
        The current price is an option, be it on the grid or not.
    """

    grids: tuple[Grid, ...]
    grid_of: NDArray[np.intp]
    first: NDArray[np.int64]
    last: NDArray[np.int64]
    current: NDArray[np.float64]
    keep: NDArray[np.bool_]

    @property
    def sizes(self) -> NDArray[np.int64]:
        """Number of grid points of each offer, int64[offer]."""
        return np.asarray(np.maximum(self.last - self.first + 1, 0), dtype=np.int64)

    @property
    def empty(self) -> NDArray[np.bool_]:
        """Offers without any option, bool[offer]."""
        return np.asarray((self.sizes == 0) & ~self.keep)

    def price(self, number: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return the prices of grid points, int64[offer, option] -> float64[offer, option]."""
        if len(self.grids) == 1:
            return self.grids[0].price(number)
        prices = np.empty(number.shape)
        for at, grid in enumerate(self.grids):
            rows = self.grid_of == at
            prices[rows] = grid.price(number[rows])
        return prices

    def number(self, price: NDArray[np.float64]) -> NDArray[np.int64]:
        """Return the highest grid point at or below each price, int64[offer]."""
        numbers = np.empty(len(price), dtype=np.int64)
        for at, grid in enumerate(self.grids):
            rows = self.grid_of == at
            numbers[rows] = grid.last(price[rows])
        return numbers

    def spacing(self, half: int) -> NDArray[np.int64]:
        """Return a spacing with which ``half`` options each way reach the whole run, int64[offer]."""
        return np.maximum(1, -(-self.sizes // max(half, 1)))

    def around(self, price: NDArray[np.float64], spacing: NDArray[np.int64], half: int) -> Options:
        """Return up to ``2 half + 5`` options of each offer: spaced around its price, both ends, and the price kept."""
        offsets = np.arange(-half, half + 1) * spacing[:, None]
        middle = (self.number(price) // spacing * spacing)[:, None]  # multiples: tied offers then share their options
        numbers = np.hstack([self.first[:, None], middle + offsets, self.last[:, None]])
        return self._options(np.clip(numbers, self.first[:, None], self.last[:, None]), price)

    def chunk(self, start: int, width: int) -> Options:
        """Return the options ``start`` to ``start + width`` of each run (its last where the run is shorter)."""
        numbers = self.first[:, None] + np.minimum(
            np.arange(start, start + max(width, 1)), np.maximum(self.sizes - 1, 0)[:, None]
        )
        return self._options(numbers, None)

    def _options(self, numbers: NDArray[np.int64], price: NDArray[np.float64] | None) -> Options:
        some = self.sizes > 0
        prices = self.price(np.where(some[:, None], numbers, 0))
        prices[~some] = self.current[~some, None]
        columns = [prices, np.where(self.keep, self.current, prices[:, 0])[:, None]]
        if price is not None:
            columns.append(np.where(self.allows(price), price, columns[1][:, 0])[:, None])
        return Options.of(np.hstack(columns))

    def ends(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the lowest and the highest option of each offer, float64[offer] each; the current price where empty."""
        some = self.sizes > 0
        first = np.where(some, self.price(np.where(some, self.first, 0)[:, None])[:, 0], self.current)
        last = np.where(some, self.price(np.where(some, self.last, 0)[:, None])[:, 0], self.current)
        return (
            np.where(self.keep, np.minimum(first, self.current), first),
            np.where(self.keep, np.maximum(last, self.current), last),
        )

    def within(self, low: NDArray[np.float64], high: NDArray[np.float64]) -> Ladder:
        """Return the ladder without the options below ``low`` or above ``high``, float64[offer]."""
        first, last = self.first.copy(), self.last.copy()
        for at, grid in enumerate(self.grids):
            rows = self.grid_of == at
            first[rows] = np.maximum(first[rows], grid.first(low[rows]))
            last[rows] = np.minimum(last[rows], grid.last(np.minimum(high[rows], 1e15)))
        return replace(self, first=first, last=last, keep=self.keep & (self.current >= low) & (self.current <= high))

    def allows(self, price: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Return whether each price is an option of its offer, bool[offer]."""
        numbers = self.number(price)
        close = np.abs(self.price(numbers[:, None])[:, 0] - price) <= _ROUNDING * np.maximum(1.0, price)
        on_grid = close & (numbers >= self.first) & (numbers <= self.last)
        same = np.abs(price - self.current) <= _ROUNDING * np.maximum(1.0, price)
        return np.asarray(on_grid | (self.keep & same))

    def nearest(self, price: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the option nearest to each price, float64[offer]; an offer without options keeps its current price."""
        some = self.sizes > 0
        last = np.maximum(self.last, self.first)
        below = np.clip(self.number(price), self.first, last)
        numbers = np.where(some[:, None], np.stack([below, np.minimum(below + 1, last)], axis=1), 0)
        lower, upper = self.price(numbers).T
        best = np.where(price - lower <= upper - price, lower, upper)
        stay = ~some | (self.keep & (np.abs(self.current - price) < np.abs(best - price)))
        return np.asarray(np.where(stay, self.current, best))


@dataclass(frozen=True, kw_only=True, eq=False)
class Options:
    """A dense sample of a ladder.

    Parameters
    ----------
    prices : float64[offer, option]
        Ascending; some are repeated.
    allowed : bool[offer, option]
        False where a price repeats the one before.
    """

    prices: NDArray[np.float64]
    allowed: NDArray[np.bool_]

    @classmethod
    def of(cls, prices: NDArray[np.float64]) -> Options:
        """Sort each offer's prices and mask repeats."""
        prices = np.sort(prices, axis=1)
        allowed = np.ones(prices.shape, dtype=bool)
        np.greater(prices[:, 1:], prices[:, :-1] + _ROUNDING, out=allowed[:, 1:])
        return cls(prices=prices, allowed=allowed)

    def pick(self, option: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return the price of one option per offer, float64[offer]."""
        return np.asarray(np.take_along_axis(self.prices, option[:, None], axis=1)[:, 0])

    def index(self, price: NDArray[np.float64]) -> NDArray[np.int64]:
        """Return the allowed option nearest to each price, int64[offer]."""
        return np.asarray(np.where(self.allowed, np.abs(self.prices - price[:, None]), np.inf).argmin(axis=1))
