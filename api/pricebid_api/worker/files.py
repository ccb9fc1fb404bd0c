"""Result files of a job, kept as parts of it: a large table is several parts, given out one after the other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pricebid import store
from pricebid.store import NotFound

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pricebid.store import Job, Store
    from pricebid_api.worker.work import Work


@dataclass(frozen=True, kw_only=True)
class ResultFile:
    """One file.

    Parameters
    ----------
    name : str
        Such as ``forecast.csv``.
    parts : tuple of int
        Parts of the job that are its pieces, in order.
    bytes : int
        How large it is.
    """

    name: str
    parts: tuple[int, ...]
    bytes: int

    def told(self) -> dict[str, object]:
        """Return it as a job's result shows it."""
        return {"name": self.name, "parts": list(self.parts), "bytes": self.bytes}


def keep_files(work: Work, files: Mapping[str, bytes], *, first: int) -> tuple[ResultFile, ...]:
    """Keep whole files as parts, numbered from ``first``."""
    kept = []
    for at, name in enumerate(sorted(files)):
        work.checkpoints.save(first + at, files[name], name=name)
        kept.append(ResultFile(name=name, parts=(first + at,), bytes=len(files[name])))
    return tuple(kept)


def result_files(job: Job) -> tuple[ResultFile, ...]:
    """List the result files of a job; none of one that is not done, or whose result is a plan or a model."""
    listed = (job.result or {}).get("files", [])
    return tuple(ResultFile(name=one["name"], parts=tuple(one["parts"]), bytes=one["bytes"]) for one in listed)


def result_pieces(db: Store, job: Job, name: str) -> Iterator[bytes]:
    """Give a result file piece by piece, so that no more than one is in memory.

    Raises
    ------
    NotFound
        The job has no such file (any more).
    """
    found = next((one for one in result_files(job) if one.name == name), None)
    if found is None:
        there = ", ".join(one.name for one in result_files(job)) or "none"
        raise NotFound(f"job {job.id} has no result file {name!r:.80}; its files: {there}")
    return _pieces(db, job.id, found)


def _pieces(db: Store, job_id: str, file: ResultFile) -> Iterator[bytes]:
    for part in file.parts:
        data = store.part_data(db, job_id, part)
        if data is None:
            raise NotFound(f"{file.name} of job {job_id} has been dropped")
        yield data
