"""Means over the offers of a sku and over the skus of a category, and the shop's clock."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.sparse import csr_matrix

from pricebid.demand.features import season_columns

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pricebid.demand.hierarchy import Tree
    from pricebid.tables.arrays import Frequency

_YEAR = 365.2425
_TREND_ENDS = 2.0


def mean_by(
    index: NDArray[np.intp], values: NDArray[np.float64], weight: NDArray[np.float64], n: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Weighted means of rows by index.

    Parameters
    ----------
    index : int[row]
        Where each row belongs.
    values : float64[row, period] or float64[column, row, period]
        What to average.
    weight : float64[row, period]
        Weights.
    n : int
        Number of groups.

    Returns
    -------
    means : float64[n, period] or float64[column, n, period]
        0 where no row has weight.
    total : float64[n, period]
        Sums of the weights.
    """
    rows = csr_matrix((np.ones(len(index)), (index, np.arange(len(index)))), shape=(n, len(index)))
    total = np.asarray(rows @ weight)
    safe = np.where(total > 0, total, 1.0)
    if values.ndim == 2:
        return np.asarray(rows @ (values * weight)) / safe, total
    return np.stack([np.asarray(rows @ (v * weight)) / safe for v in values]), total


@dataclass(frozen=True, kw_only=True)
class Tiers:
    """Skus and categories above the offers.

    Parameters
    ----------
    tree : Tree
        Who belongs to whom.
    share : float64[offer]
        Weight of each offer in the means of its sku and category, the same in every period.
    """

    tree: Tree
    share: NDArray[np.float64]

    @property
    def category_of(self) -> NDArray[np.intp]:
        """Category of each offer, int[offer]."""
        return self.tree.category_of[self.tree.sku_of]

    def means(self, columns: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Means of float64[column, offer, period] by sku and by category."""
        weight = np.broadcast_to(self.share[:, None], columns.shape[1:])
        of_sku, _ = mean_by(self.tree.sku_of, columns, weight, self.tree.skus)
        of_category, _ = mean_by(self.category_of, columns, weight, self.tree.categories)
        return of_sku, of_category

    def extras(
        self,
        names: tuple[str, ...],
        columns: NDArray[np.float64],
        waves: NDArray[np.float64],
        years: NDArray[np.float64],
    ) -> NDArray[np.float64]:
        """Columns of the sku's tier only: the category's prices and promotions, season, trend: [extra, sku, period]."""
        _, of_category = self.means(columns)
        wide = [i for i, name in enumerate(names) if name.startswith("cross")]
        shape = (self.tree.skus, columns.shape[2])
        common = np.stack([np.broadcast_to(row, shape) for row in (*waves, years)])
        return np.concatenate([of_category[wide][:, self.tree.category_of], common])


def years_of(periods: NDArray[np.datetime64]) -> float:
    """Years from the first to the last of some periods."""
    return float((periods[-1] - periods[0]).astype("timedelta64[D]").astype(np.float64) / _YEAR)


@dataclass(frozen=True, kw_only=True)
class Clock:
    """Turns dates into what the model counts in.

    Parameters
    ----------
    frequency : {"day", "week", "month"}
        Length of a period.
    first, last : datetime64[D]
        First days of the first and last period of the history.
    span : float
        Years of history by which it is judged what waves can be told.
    """

    frequency: Frequency
    first: np.datetime64
    last: np.datetime64
    span: float

    def years(self, periods: NDArray[np.datetime64]) -> NDArray[np.float64]:
        """Years after the last period of the history (negative before it), float64[period]; trends end after two."""
        return np.minimum(self._days(periods) / _YEAR, _TREND_ENDS)

    def _days(self, periods: NDArray[np.datetime64]) -> NDArray[np.float64]:
        return np.asarray((periods.astype("datetime64[D]") - self.last.astype("datetime64[D]")).astype(np.float64))

    def waves(self, periods: NDArray[np.datetime64]) -> NDArray[np.float64]:
        """Yearly and weekly waves that this history can tell, float64[wave, period]."""
        return season_columns(periods, self.frequency, self.span)

    def steps(self, periods: NDArray[np.datetime64]) -> NDArray[np.intp]:
        """Periods after the last of the history, int[period]."""
        if self.frequency == "month":
            months = periods.astype("datetime64[M]") - self.last.astype("datetime64[M]")
            return np.asarray(months.astype(np.intp))
        days = self._days(periods)
        return np.round(days / (7.0 if self.frequency == "week" else 1.0)).astype(np.intp)


@dataclass(frozen=True, kw_only=True)
class Upper:
    """What the sku's mean columns over time add to the slopes within periods.

    Parameters
    ----------
    over_time : float64[sku, column]
        Slopes of the sku's mean columns.
    extra : float64[sku, extra]
        Slopes of the sku's further columns.
    relative : bool
        The mean columns count as deviations from the category's means.
    """

    over_time: NDArray[np.float64]
    extra: NDArray[np.float64]
    relative: bool

    def effect(
        self, tree: Tree, means: tuple[NDArray[np.float64], NDArray[np.float64]], extras: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Effect on each sku's log demand, float64[sku, period]; ``means`` are the columns' means by sku and category."""
        x_sku, x_cat = means
        x = x_sku - x_cat[:, tree.category_of] if self.relative else x_sku
        effect = np.einsum("sk,kst->st", self.over_time, x) + np.einsum("se,est->st", self.extra, extras)
        return np.asarray(effect)
