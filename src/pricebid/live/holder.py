"""One place where the snapshot of a shop is swapped whole: readers see the old one or the new one."""

from __future__ import annotations

from typing import Generic, Protocol, TypeVar


class Serial(Protocol):
    """A snapshot knows which publish it shows."""

    @property
    def serial(self) -> int:
        """Serial of the publish."""
        ...


Snapshot = TypeVar("Snapshot", bound=Serial)


class SnapshotHolder(Generic[Snapshot]):
    """Holds what is quoted now. A reader takes the reference once per request and keeps to it.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> holder = SnapshotHolder()
    >>> holder.swap(SimpleNamespace(serial=2)), holder.swap(SimpleNamespace(serial=1))
    (True, False)
    >>> holder.get().serial
    2
    """

    def __init__(self) -> None:
        self._snapshot: Snapshot | None = None

    def get(self) -> Snapshot | None:
        """Return the snapshot; None before the first."""
        return self._snapshot  # one reference, read in one step: never half of one and half of another

    def swap(self, snapshot: Snapshot) -> bool:
        """Put a snapshot in place; return False, and change nothing, where a later publish is already there."""
        held = self._snapshot
        if held is not None and snapshot.serial < held.serial:
            return False
        self._snapshot = snapshot
        return True
