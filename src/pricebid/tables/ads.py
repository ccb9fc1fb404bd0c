"""The advertising tables as frozen arrays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True, eq=False)
class KeywordAxis:
    """The series of an ad report: one per campaign x keyword x match type (x sku x region x segment x device).

    Parameters
    ----------
    columns : tuple of str
        ``campaign``, ``keyword``, ``match_type``, then those of ``sku``, ``region``, ``segment``, ``device`` that the table has.
    labels : tuple of object[series]
        One array of str per column; ``""`` where a cell is empty.
    """

    columns: tuple[str, ...]
    labels: tuple[NDArray[np.object_], ...]

    def __len__(self) -> int:
        return len(self.labels[0])

    def label(self, name: str) -> NDArray[np.object_]:
        """Return the labels of one column, object[series]; KeyError where the axis has no such column."""
        if name not in self.columns:
            raise KeyError(name)
        return self.labels[self.columns.index(name)]
