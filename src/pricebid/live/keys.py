"""The offers a shop quotes, and how a request finds its row: one dictionary per region, no scan."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from pricebid.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pyarrow as pa
    from numpy.typing import NDArray

HOURS = 24
Group = tuple[str, str, str]  # region, segment, channel; "" where the offer has none
COLUMNS = ("sku", "region", "segment", "channel", "hour")
REGION = "all"  # the region of offers whose tables name none


@dataclass(frozen=True, kw_only=True, eq=False)
class OfferKeys:
    """Labels of offers, one row each.

    Parameters
    ----------
    sku : sequence of str
        One per row.
    group : int64[row]
        Place in ``groups``.
    groups : tuple of (region, segment, channel)
        Empty texts where the offer has no segment or channel.
    hour : int64[row], optional
        Local hour for which the row's price holds; None where no price depends on the hour.
    """

    sku: Sequence[str]
    group: NDArray[np.int64]
    groups: tuple[Group, ...]
    hour: NDArray[np.int64] | None = None

    def __len__(self) -> int:
        return len(self.sku)

    @classmethod
    def of(cls, columns: Mapping[str, Sequence[Any] | NDArray[Any]]) -> OfferKeys:
        """Make keys of columns: ``sku`` and, where given, ``region``, ``segment``, ``channel``, ``hour``.

        Raises
        ------
        InputError
            A column is unknown, or ``sku`` is missing.
        """
        import pyarrow as pa

        arrays = {}
        for name, column in columns.items():
            plain = column.tolist() if isinstance(column, np.ndarray) else column
            arrays[name] = pa.array(plain, type=pa.int64() if name == "hour" and _whole(plain) else pa.string())
        return cls.from_table(pa.table(arrays))

    @classmethod
    def from_table(cls, table: pa.Table) -> OfferKeys:
        """Make keys of the key columns of an Arrow table; see `of`."""
        import pyarrow as pa

        names = set(table.column_names)
        if "sku" not in names or not names <= set(COLUMNS):
            raise InputError(
                f"key columns {', '.join(table.column_names)}: sku is needed, the others may be {', '.join(COLUMNS[1:])}"
            )
        code = np.zeros(len(table), dtype=np.int64)
        names_of: list[list[str]] = []
        for name in COLUMNS[1:4]:
            if name not in names:
                names_of.append([REGION if name == "region" else ""])
                continue
            column = table.column(name).cast(pa.string()).combine_chunks().fill_null("").dictionary_encode()
            names_of.append(column.dictionary.to_pylist())
            code = code * len(names_of[-1]) + column.indices.to_numpy(zero_copy_only=False).astype(np.int64)
        seen, group = np.unique(code, return_inverse=True)
        _, segments, channels = (len(one) for one in names_of)
        groups = tuple(
            (
                names_of[0][at // (segments * channels)],
                names_of[1][at // channels % segments],
                names_of[2][at % channels],
            )
            for at in seen.tolist()
        )
        hour = table.column("hour").cast(pa.int64()).to_numpy() if "hour" in names else None
        return cls(
            sku=table.column("sku").cast(pa.string()).to_pylist(),
            group=group.astype(np.int64),
            groups=groups,
            hour=hour,
        )


def _whole(values: Sequence[Any]) -> bool:
    return bool(values) and isinstance(values[0], int)


@dataclass(frozen=True, kw_only=True, eq=False)
class OfferIndex:
    """Where each offer stands in a snapshot's arrays.

    A *slot* is an offer without its hour; its *rows* are ``slot * hours`` up to ``slot * hours + hours - 1``. After all rows come
    ``hours`` more that belong to no offer: slot -1, which is what an unknown offer gets, leads there.

    Parameters
    ----------
    slots : mapping of (region, segment, channel) to mapping of sku to int
        The dictionaries.
    sku : list of str
        By slot.
    group : int32[slot]
        Place in ``groups``.
    groups : tuple of (region, segment, channel)
        In the order first seen.
    hours : int
        24 where a price depends on the local hour, else 1.
    """

    slots: Mapping[Group, Mapping[str, int]] = field(repr=False)
    sku: list[str] = field(repr=False)
    group: NDArray[np.int32] = field(repr=False)
    groups: tuple[Group, ...] = field(repr=False)
    hours: int

    @property
    def rows(self) -> int:
        """How many rows arrays have, those of no offer among them."""
        return (len(self.sku) + 1) * self.hours

    @classmethod
    def build(cls, *axes: OfferKeys) -> OfferIndex:
        """Index the offers of all the axes, each once, in the order first seen."""
        hours = HOURS if any(keys.hour is not None for keys in axes) else 1
        slots: dict[Group, dict[str, int]] = {}
        sku: list[str] = []
        codes: list[NDArray[np.int32]] = []
        number: dict[Group, int] = {}
        for keys in axes:
            order = np.argsort(keys.group, kind="stable")
            ends = np.searchsorted(keys.group[order], np.arange(len(keys.groups) + 1)).tolist()
            for at, group in enumerate(keys.groups):
                inner = slots.setdefault(group, {})
                here = map(keys.sku.__getitem__, order[ends[at] : ends[at + 1]].tolist())
                new = [one for one in dict.fromkeys(here) if one not in inner]
                inner.update(zip(new, range(len(sku), len(sku) + len(new)), strict=True))
                sku += new
                codes.append(np.full(len(new), number.setdefault(group, len(number)), dtype=np.int32))
        code = np.concatenate(codes) if codes else np.zeros(0, dtype=np.int32)
        return cls(slots=slots, sku=sku, group=code, groups=tuple(number), hours=hours)

    @cached_property
    def plain(self) -> dict[str, Mapping[str, int]]:
        """The dictionaries of offers without segment and channel, by region."""
        return {group[0]: inner for group, inner in self.slots.items() if group[1:] == ("", "")}

    def slots_of(self, keys: OfferKeys) -> NDArray[np.int64]:
        """Return the slot of each row of an axis that was indexed, int64[row]; -1 where it was not."""
        found = np.full(len(keys), -1, dtype=np.int64)
        order = np.argsort(keys.group, kind="stable")
        ends = np.searchsorted(keys.group[order], np.arange(len(keys.groups) + 1)).tolist()
        for at, group in enumerate(keys.groups):
            rows = order[ends[at] : ends[at + 1]]
            inner = self.slots.get(group, {})
            skus = map(keys.sku.__getitem__, rows.tolist())
            found[rows] = np.fromiter((inner.get(sku, -1) for sku in skus), dtype=np.int64, count=len(rows))
        return found

    def spread(
        self, keys: OfferKeys, values: NDArray[Any], empty: float, slot: NDArray[np.int64] | None = None
    ) -> NDArray[Any]:
        """Return values of an axis by row, with ``empty`` elsewhere; without an hour they hold for all hours.

        Parameters
        ----------
        keys : OfferKeys
            The axis.
        values : array[key]
            One per row of the axis.
        empty : float
            What rows get that the axis does not speak of.
        slot : int64[key], optional
            `slots_of` the axis, where the caller has it.
        """
        out = np.full((len(self.sku) + 1, self.hours), empty, dtype=values.dtype)
        slot = self.slots_of(keys) if slot is None else slot
        if keys.hour is None:
            out[slot] = values[:, None]
        else:
            out[slot, keys.hour] = values
        out[-1] = empty
        return out.reshape(-1)

    @cached_property
    def digest(self) -> NDArray[np.uint64]:
        """64-bit digest of each row's labels, uint64[row]: the same in every snapshot and for every plan."""
        found = bytearray()
        bases = []
        for group in self.groups:
            base = hashlib.blake2b(digest_size=8, person=b"pricebid offer")
            base.update("\0".join(group).encode() + b"\0")
            bases.append(base)
        tails = [b""] if self.hours == 1 else [f"\0{hour}".encode() for hour in range(HOURS)]
        for sku, code in zip(self.sku, self.group.tolist(), strict=True):
            raw = sku.encode()
            for tail in tails:
                hasher = bases[code].copy()
                hasher.update(raw + tail)
                found += hasher.digest()
        return np.append(np.frombuffer(bytes(found), dtype="<u8"), np.zeros(self.hours, dtype=np.uint64))

    @cached_property
    def _order(self) -> NDArray[np.int32]:
        return np.argsort(self.digest).astype(np.int32)

    def find(self, digest: NDArray[np.uint64]) -> NDArray[np.int64]:
        """Return the rows of digests, as decision tokens carry them, int64[digest]; -1 where no offer has one."""
        order = self._order
        at = np.minimum(np.searchsorted(self.digest, digest, sorter=order), len(order) - 1)
        row = order[at].astype(np.int64)
        known = (self.digest[row] == digest) & (row < len(self.sku) * self.hours)
        return np.where(known, row, -1)

    def labels(self, row: int) -> dict[str, str | int]:
        """Return the labels of a row, those that it has."""
        slot, hour = divmod(row, self.hours)
        region, segment, channel = self.groups[int(self.group[slot])]
        labels: dict[str, str | int] = {"sku": self.sku[slot], "region": region}
        labels |= {name: label for name, label in (("segment", segment), ("channel", channel)) if label}
        return labels | ({"hour": hour} if self.hours == HOURS else {})
