"""Where the results of partitions are kept, so that work that was broken off goes on after the last of them."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from pricebid.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet
    from pathlib import Path


class Checkpoints(Protocol):
    """Keeps what partitions gave, by their number."""

    def done(self) -> AbstractSet[int]:
        """Give the numbers of the partitions whose result is kept."""
        ...

    def load(self, part: int) -> bytes:
        """Give the result of a partition that is done."""
        ...

    def save(self, part: int, data: bytes, *, name: str) -> None:
        """Keep the result of a partition, whole or not at all; where one is kept already, that one stays."""
        ...


@dataclass(kw_only=True)
class InMemory:
    """Checkpoints that last as long as the process: for work that need not outlive it, and for tests.

    Parameters
    ----------
    kept : dict of int to bytes
        Results by partition.
    """

    kept: dict[int, bytes] = field(default_factory=dict)

    def done(self) -> AbstractSet[int]:
        """Give the numbers of the partitions whose result is kept."""
        return self.kept.keys()

    def load(self, part: int) -> bytes:
        """Give the result of a partition that is done."""
        return self.kept[part]

    def save(self, part: int, data: bytes, *, name: str) -> None:
        """Keep the result of a partition."""
        del name
        self.kept.setdefault(part, data)


@dataclass(frozen=True, kw_only=True)
class InFolder:
    """Checkpoints as files of a folder, each named by its partition and its digest.

    Parameters
    ----------
    folder : Path
        Made where it is not there; of one piece of work only.
    """

    folder: Path

    def done(self) -> AbstractSet[int]:
        """Give the numbers of the partitions whose result is kept."""
        return self._files().keys()

    def load(self, part: int) -> bytes:
        """Give the result of a partition that is done.

        Raises
        ------
        InputError
            The file is damaged.
        """
        file = self._files()[part]
        data = file.read_bytes()
        if file.stem.partition("-")[2] != _digest(data):
            raise InputError(f"{file} is damaged: its digest is not the one in its name; delete it and run again")
        return data

    def save(self, part: int, data: bytes, *, name: str) -> None:
        """Keep the result of a partition: written beside, flushed to the disk, then renamed."""
        del name
        if part in self.done():
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        target = self.folder / f"{part:06d}-{_digest(data)}.part"
        half = target.with_suffix(f".{os.getpid()}")
        with half.open("wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        half.replace(target)

    def _files(self) -> dict[int, Path]:
        return {int(file.name.partition("-")[0]): file for file in sorted(self.folder.glob("*-*.part"), reverse=True)}


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
