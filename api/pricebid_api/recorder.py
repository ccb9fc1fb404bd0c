"""The quote log on its way to the store: gathered in memory, written in batches, its losses counted.

Each record of this process has a number. The last number given is kept in a small file mapped into memory: the kernel
writes it even where the process is killed, and whoever next finds the file without an owner tells the store, which
counts what never arrived.
"""

from __future__ import annotations

import asyncio
import contextlib
import mmap
import os
import secrets
import socket
import struct
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import uuid4

from pricebid import store
from pricebid.errors import PricebidError
from pricebid_api import logs
from pricebid_api.entries import Entry, encode

try:
    import fcntl
except ImportError:  # pragma: no cover - no such locks there: losses are then seen by the worker's next record only
    fcntl = None  # type: ignore[assignment]

if TYPE_CHECKING:
    from pathlib import Path
    from typing import BinaryIO

    from pricebid_api.metrics import Metrics
    from pricebid_api.writer import Writer

_SUFFIX = ".issued"
_NUMBER = struct.Struct("<Q")
_MOST_WAITING = 200_000  # requests; about 100 MB of single quotes


@dataclass(frozen=True, slots=True)
class _Waiting:
    shop: str
    seq: int
    at: int
    request: str
    entry: Entry


class Recorder:
    """Takes records from requests and writes them.

    Parameters
    ----------
    db : Store
        Where they go.
    folder : Path
        Where the marks of workers lie; shared by the workers of one host.
    writer : Writer
        The thread that writes.
    metrics : Metrics
        Counts losses.
    seconds : float
        Time between two batches.
    """

    def __init__(self, db: store.Store, folder: Path, writer: Writer, metrics: Metrics, seconds: float) -> None:
        self._db = db
        self._folder = folder
        self._writer = writer
        self._metrics = metrics
        self._seconds = seconds
        self._waiting: list[_Waiting] = []
        self._seq = 0
        self._since: float | None = None
        self._task: asyncio.Task[None] | None = None
        self._stopping = asyncio.Event()
        self.worker = f"{socket.gethostname()[:40]}-{os.getpid()}-{uuid4().hex[:12]}"
        self._low = 0x8000000000000000 | secrets.randbits(62)
        self._path = folder
        self._file: BinaryIO | None = None
        self._mark: mmap.mmap | None = None

    def start(self) -> None:
        """Begin to write; tell of workers that were killed before."""
        self._folder.mkdir(parents=True, exist_ok=True)
        mark = self._folder / f"{self.worker}{_SUFFIX}"
        fresh = mark.with_suffix(".new")
        self._file = fresh.open("w+b")
        self._file.write(_NUMBER.pack(0))
        self._file.flush()
        if fcntl is not None:
            fcntl.flock(self._file, fcntl.LOCK_EX)
        fresh.rename(mark)  # locked before it has the name of a mark, or another worker would take it for a dead one's
        self._path = mark
        self._mark = mmap.mmap(self._file.fileno(), _NUMBER.size)
        self._task = asyncio.create_task(self._forever())

    def add(self, shop: str, request: str, at: int, entry: Entry) -> None:
        """Take one request's record; it is on the disk within a second."""
        self._seq += 1
        if self._mark is not None:
            _NUMBER.pack_into(self._mark, 0, self._seq)
        if len(self._waiting) >= _MOST_WAITING:
            return  # the store has been away for long: its number tells that it is missing
        self._waiting.append(_Waiting(shop, self._seq, at, request, entry))

    @property
    def late_seconds(self) -> float:
        """For how long writing has failed."""
        return 0.0 if self._since is None else time.monotonic() - self._since

    async def stop(self) -> None:
        """Write what is there, and take the mark away: nothing is missing."""
        self._stopping.set()
        if self._task is not None:  # not cancelled: a batch that is being written would be in nobody's hands
            await self._task
        await self._flush()
        if self._mark is not None and self._file is not None:
            self._mark.close()
            if not self._waiting:
                await asyncio.to_thread(self._path.unlink, missing_ok=True)
            self._file.close()

    async def _forever(self) -> None:
        with contextlib.suppress(Exception):
            await self._writer.run(self._tell_of_the_dead)
        while not self._stopping.is_set():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), self._seconds)
            await self._flush()

    async def _flush(self) -> None:
        if not self._waiting:
            return
        batch, self._waiting = self._waiting, []
        try:
            await self._writer.run(self._write, batch)
        except Exception as error:  # noqa: BLE001 - whatever it was, the records are still here
            self._since = self._since or time.monotonic()
            self._waiting = [*batch, *self._waiting]
            logs.log.warning("the quote log could not be written, and will be tried again: %s", error)
        else:
            self._since = None

    def _write(self, batch: list[_Waiting]) -> None:
        shops: dict[str, list[store.DecisionRecord]] = {}
        for one in batch:
            record = store.DecisionRecord(
                id=self._id(one),
                at=one.at,
                worker=self.worker,
                seq=one.seq,
                kind=one.entry.kind,
                request=one.request,
                items=encode(one.entry),
            )
            shops.setdefault(one.shop, []).append(record)
        for shop, records in shops.items():
            with contextlib.suppress(store.NotFound):  # erased meanwhile, and its log with it
                store.add_decisions(self._db, shop, records, since_made=True)

    def _id(self, one: _Waiting) -> str:
        """Give a UUIDv7 of time, number and process: made in a fifth of the time that drawing one takes."""
        low = f"{self._low:016x}"
        return f"{one.at // 1000 >> 16:08x}-{one.at // 1000 & 0xFFFF:04x}-7{one.seq & 0xFFF:03x}-{low[:4]}-{low[4:]}"

    def _tell_of_the_dead(self) -> None:
        """Find marks without an owner, and tell the store how far their numbers went."""
        if fcntl is None:
            return
        before = {one.worker: one.lost for one in store.losses(self._db)}
        for path in self._folder.glob(f"*{_SUFFIX}"):
            with contextlib.suppress(OSError, struct.error, PricebidError), path.open("r+b") as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)  # fails where its owner lives
                (issued,) = _NUMBER.unpack(file.read(_NUMBER.size))
                if issued:
                    store.note_loss(self._db, path.name.removesuffix(_SUFFIX), issued=issued)
                path.unlink()
        lost = sum(
            max(0, one.lost - before.get(one.worker, 0)) for one in store.losses(self._db) if one.worker != self.worker
        )
        self._metrics.lost.inc(lost)
