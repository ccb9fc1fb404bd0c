"""Where bids and multipliers stand: what carries a bid, and which series, hours and dimensions it reaches."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pricebid.tables.ads import DIMENSIONS, ENTITY

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pricebid.landscape import BidLandscape


@dataclass(frozen=True, kw_only=True, eq=False)
class Dimension:
    """One of region, segment and device, in the order of a layout's series.

    Parameters
    ----------
    name : str
        The column.
    names : object[value]
        Its labels, sorted.
    code : int64[series]
        Value of each series.
    """

    name: str
    names: NDArray[np.object_]
    code: NDArray[np.int64]


@dataclass(frozen=True, kw_only=True, eq=False)
class Layout:
    """The series of a landscape sorted by what carries their bid.

    Parameters
    ----------
    rows : int64[series]
        Place in the landscape of each series here; those of one entity stand together, entities of a campaign too.
    entity : int64[series]
        What carries the bid, ascending.
    columns : tuple of str
        ``campaign``, ``keyword``, ``match_type`` and, where the reports have it, ``sku``.
    labels : tuple of object[entity]
        One array per column.
    campaigns : object[campaign]
        Names, sorted.
    campaign : int64[entity]
        Campaign of each entity, ascending.
    hours : int
        24, or 1 where reports are by day.
    dimensions : tuple of Dimension
        Those with more than one value.
    """

    rows: NDArray[np.int64]
    entity: NDArray[np.int64]
    columns: tuple[str, ...]
    labels: tuple[NDArray[np.object_], ...]
    campaigns: NDArray[np.object_]
    campaign: NDArray[np.int64]
    hours: int
    dimensions: tuple[Dimension, ...]

    @classmethod
    def of(cls, landscape: BidLandscape) -> Layout:
        """Sort the series of a landscape."""
        keywords = landscape.keywords
        number = keywords.numbers(ENTITY)
        rows = np.argsort(number, kind="stable")
        entity = number[rows]
        first = rows[np.flatnonzero(np.append(True, entity[1:] != entity[:-1]))] if len(rows) else rows
        columns = tuple(name for name in ENTITY if name in keywords.columns)
        campaigns, campaign = np.unique(keywords.label("campaign")[first], return_inverse=True)
        dimensions = []
        for name in DIMENSIONS:
            if name in keywords.columns:
                names, code = np.unique(keywords.label(name)[rows], return_inverse=True)
                if len(names) > 1:
                    dimensions.append(Dimension(name=name, names=names, code=code))
        return cls(
            rows=rows,
            entity=entity,
            columns=columns,
            labels=tuple(keywords.label(name)[first] for name in columns),
            campaigns=campaigns,
            campaign=campaign,
            hours=landscape.hours,
            dimensions=tuple(dimensions),
        )

    def __len__(self) -> int:
        return len(self.campaign)

    def label(self, name: str) -> NDArray[np.object_]:
        """Return the labels of one column, object[entity]."""
        return self.labels[self.columns.index(name)]

    @property
    def series_campaign(self) -> NDArray[np.int64]:
        """Campaign of each series, int64[series]."""
        return self.campaign[self.entity]

    @property
    def starts(self) -> NDArray[np.int64]:
        """First series of each entity, int64[entity]."""
        return np.searchsorted(self.entity, np.arange(len(self)))

    def total(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Add up float64[series, ...] over the series of each entity: float64[entity, ...]."""
        if len(self) == len(self.entity):
            return values
        return np.asarray(np.add.reduceat(values, self.starts, axis=0), dtype=np.float64)


@dataclass(frozen=True, kw_only=True, eq=False)
class Setting:
    """What can be set: the effective bid is the product of a bid and the multipliers that apply.

    Parameters
    ----------
    bid : float64[entity]
        Money per click; 0: paused.
    times : tuple of float64[campaign, value]
        Multipliers by hour, then by each dimension of the layout.
    """

    bid: NDArray[np.float64]
    times: tuple[NDArray[np.float64], ...]

    @classmethod
    def flat(cls, layout: Layout, bid: NDArray[np.float64]) -> Setting:
        """Return bids with every multiplier 1."""
        sizes = (layout.hours, *(len(one.names) for one in layout.dimensions))
        return cls(bid=bid, times=tuple(np.ones((len(layout.campaigns), size)) for size in sizes))

    def over(self, layout: Layout, part: slice, *, without: int | None = None) -> NDArray[np.float64]:
        """Return the product of the multipliers on some series, float64[n, hour], one kind left out where asked."""
        campaign = layout.series_campaign[part]
        times = np.ones((len(campaign), layout.hours)) if without == 0 else self.times[0][campaign].copy()
        for at, dimension in enumerate(layout.dimensions, start=1):
            if at != without:
                times *= self.times[at][campaign, dimension.code[part]][:, None]
        return times

    def effective(self, layout: Layout, part: slice = slice(None)) -> NDArray[np.float64]:
        """Return effective bids of some series, float64[n, hour], money per click."""
        return self.bid[layout.entity[part]][:, None] * self.over(layout, part)
