"""Run a function on every partition that is not done yet, and keep what each gives."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pricebid.batch.executors import Executor, Here
from pricebid.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pricebid.batch.checkpoints import Checkpoints
    from pricebid.batch.partition import Partition


def run(
    work: Callable[[Partition], bytes],
    partitions: Sequence[Partition],
    *,
    checkpoints: Checkpoints,
    executor: Executor | None = None,
    progress: Callable[[str, float], None] | None = None,
) -> None:
    """Do the partitions whose result is not kept yet; afterwards all of them are in the checkpoints.

    Parameters
    ----------
    work : callable
        Gives the result of a partition, the same whenever and wherever it is called.
    partitions : sequence of Partition
        All of them, done or not.
    checkpoints : Checkpoints
        Where results are kept: one that is there is not computed again.
    executor : Executor, optional
        Who does them; this process unless given.
    progress : callable, optional
        Called as ``progress(name, share)`` before the first and after each partition; what it raises ends the run.

    Raises
    ------
    InputError
        Two partitions have one number.

    Examples
    --------
    >>> from pricebid.batch import InMemory, blocks
    >>> kept = InMemory(kept={0: b"0-2"})
    >>> run(lambda one: f"{one.start}-{one.stop}".encode(), blocks(4, size=2), checkpoints=kept)
    >>> kept.kept
    {0: b'0-2', 1: b'2-4'}
    """
    numbers = [one.part for one in partitions]
    if len(set(numbers)) < len(numbers):
        raise InputError("two partitions have the same number; each names its own checkpoint")
    done = checkpoints.done()
    left = [one for one in partitions if one.part not in done]
    finished = len(partitions) - len(left)
    if progress is not None and left:
        progress(left[0].name, finished / len(partitions))
    for one, data in (executor or Here()).run(work, left):
        checkpoints.save(one.part, data, name=one.name)
        finished += 1
        if progress is not None:
            progress(one.name, finished / len(partitions))
