"""A checked table as frozen, typed columns."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

T = TypeVar("T", bound=np.generic)


@dataclass(frozen=True, kw_only=True, eq=False)
class Text:
    """A column of text, coded.

    Parameters
    ----------
    codes : int32[row]
        Position of each row's text in ``labels``.
    labels : object[label]
        Distinct texts (str), sorted; ``""`` stands for an empty cell.
    """

    codes: NDArray[np.int32]
    labels: NDArray[np.object_]

    def __len__(self) -> int:
        return len(self.codes)

    @classmethod
    def of(cls, values: NDArray[np.object_]) -> Text:
        """Code an array of str, object[row]."""
        labels, codes = np.unique(np.asarray(values, dtype=object), return_inverse=True)
        return cls(codes=freeze(codes.astype(np.int32)), labels=freeze(labels))

    @cached_property
    def rows(self) -> NDArray[np.object_]:
        """One text per row, object[row]."""
        return freeze(self.labels[self.codes]) if len(self.labels) else np.empty(0, dtype=object)

    def code_in(self, labels: NDArray[np.object_]) -> NDArray[np.int64]:
        """Position of each row's text in other sorted labels, int64[row]; -1 where it is not among them."""
        return positions(self.labels, labels)[self.codes] if len(self.codes) else np.empty(0, dtype=np.int64)


@dataclass(frozen=True, kw_only=True, eq=False)
class Table:
    """One table of a shop folder, typed: text columns are coded, numbers float64 (NaN: empty), dates datetime64 (NaT: empty).

    Parameters
    ----------
    name : str
        Table name, as in the folder.
    columns : tuple of str
        Column names in the order of the file.
    data : tuple of Text or array[row]
        One entry per column.
    """

    name: str
    columns: tuple[str, ...]
    data: tuple[Text | NDArray[Any], ...] = field(repr=False)

    def __len__(self) -> int:
        return len(self.data[0]) if self.data else 0

    def has(self, column: str) -> bool:
        """Tell whether the table has the column."""
        return column in self.columns

    def column(self, name: str) -> Text | NDArray[Any]:
        """Return a column as stored; KeyError where the table has none of that name."""
        if name not in self.columns:
            raise KeyError(name)
        return self.data[self.columns.index(name)]

    def text(self, name: str) -> Text:
        """Return a text column, coded; KeyError where the table has no text column of that name."""
        found = self.column(name)
        if not isinstance(found, Text):
            raise KeyError(name)
        return found

    def array(self, name: str) -> NDArray[Any]:
        """Return a column as an array[row]: object (str), float64 or datetime64; KeyError where there is none."""
        found = self.column(name)
        return found.rows if isinstance(found, Text) else found

    def numbers(self, name: str, *, empty: float = np.nan) -> NDArray[np.float64]:
        """Return a numeric column, float64[row], with ``empty`` in empty cells or where the table lacks the column."""
        if not self.has(name):
            return np.full(len(self), empty)
        found: NDArray[np.float64] = self.array(name)
        return found if np.isnan(empty) else np.where(np.isnan(found), empty, found)

    def labels(self, name: str, *, empty: str = "") -> Text:
        """Return a text column, coded; where the table lacks the column, every row is ``empty``."""
        if self.has(name):
            return self.text(name)
        return Text(codes=np.zeros(len(self), dtype=np.int32), labels=np.array([empty], dtype=object))

    def replace(self, name: str, values: Text | NDArray[Any]) -> Table:
        """Return a table with one column replaced or added."""
        if self.has(name):
            at = self.columns.index(name)
            return Table(name=self.name, columns=self.columns, data=(*self.data[:at], values, *self.data[at + 1 :]))
        return Table(name=self.name, columns=(*self.columns, name), data=(*self.data, values))

    def to_frame(self) -> pd.DataFrame:
        """Return the table as a pandas DataFrame."""
        import pandas as pd

        return pd.DataFrame({name: self.array(name) for name in self.columns})


def freeze(array: NDArray[T]) -> NDArray[T]:
    """Make an array read-only and return it."""
    array.setflags(write=False)
    return array


def positions(values: NDArray[np.object_], labels: NDArray[np.object_]) -> NDArray[np.int64]:
    """Position of each value in ``labels``, int64; -1 where it is not among them."""
    where = {label: at for at, label in enumerate(labels)}
    return np.fromiter((where.get(value, -1) for value in values), dtype=np.int64, count=len(values))
