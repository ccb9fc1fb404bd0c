"""Who does the partitions: this process, several local ones, or anything else that can call a function on a value.

A distributed engine is a class with the one method of `Executor`, which sends function and partition elsewhere and
yields what comes back.
"""

from __future__ import annotations

from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass
from multiprocessing import get_context
from typing import TYPE_CHECKING, Protocol

from pricebid.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from pricebid.batch.partition import Partition

    Work = Callable[[Partition], bytes]


class Executor(Protocol):
    """Does partitions somewhere."""

    def run(self, work: Work, partitions: Sequence[Partition]) -> Iterator[tuple[Partition, bytes]]:
        """Yield each partition with its result as it comes, in any order.

        What ``work`` raises is raised here; closing the iterator gives up what has not begun.
        """
        ...


@dataclass(frozen=True, kw_only=True)
class Here:
    """One partition after the other, in this process."""

    def run(self, work: Work, partitions: Sequence[Partition]) -> Iterator[tuple[Partition, bytes]]:
        """Yield each partition with its result, in order."""
        for one in partitions:
            yield one, work(one)


@dataclass(frozen=True, kw_only=True)
class Processes:
    """Several local processes at once. The work must be a function of a module, or a partial of one.

    Parameters
    ----------
    count : int
        Processes; each holds its own copy of what the work needs.

    Raises
    ------
    InputError
        The count is below 1.
    """

    count: int

    def __post_init__(self) -> None:
        if self.count < 1:
            raise InputError(f"{self.count} processes: at least 1 is needed")

    def run(self, work: Work, partitions: Sequence[Partition]) -> Iterator[tuple[Partition, bytes]]:
        """Yield each partition with its result as it comes."""
        if not partitions:
            return
        # A fork of a process with threads may hang; a fresh interpreter does not.
        pool = ProcessPoolExecutor(min(self.count, len(partitions)), mp_context=get_context("spawn"))
        try:
            pending: dict[Future[bytes], Partition] = {pool.submit(work, one): one for one in partitions}
            while pending:
                ready, _ = wait(pending, return_when=FIRST_COMPLETED)
                for future in ready:
                    yield pending.pop(future), future.result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
