"""Partitions are each done once, in any process, and work that was broken off goes on after the last checkpoint."""

import functools
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pricebid.batch import Checkpoints, Here, InFolder, InMemory, Partition, Processes, blocks, run
from pricebid.errors import InputError


def square(base: int, one: Partition) -> bytes:
    """Work that other processes can import."""
    return b",".join(str(base + row * row).encode() for row in range(one.start, one.stop))


def whose(_: Partition) -> bytes:
    return str(os.getpid()).encode()


@pytest.fixture(params=["memory", "folder"])
def checkpoints(request: pytest.FixtureRequest, tmp_path: Path) -> Checkpoints:
    return InMemory() if request.param == "memory" else InFolder(folder=tmp_path / "parts")


@given(st.integers(0, 500), st.integers(1, 60), st.integers(0, 5))
def test_blocks_cover_every_row_once_in_order_and_are_even(rows: int, size: int, first: int) -> None:
    cut = blocks(rows, size=size, first=first)
    assert [row for one in cut for row in range(one.start, one.stop)] == list(range(rows))
    assert [one.part for one in cut] == list(range(first, first + len(cut)))
    assert all(1 <= len(one) <= size for one in cut)
    assert not cut or max(map(len, cut)) - min(map(len, cut)) <= 1


def test_blocks_of_nothing_are_refused() -> None:
    with pytest.raises(InputError, match="5 rows in blocks of 0"):
        blocks(5, size=0)
    with pytest.raises(InputError, match="0 processes"):
        Processes(count=0)


def test_every_partition_is_done_once_and_progress_rises(checkpoints: Checkpoints) -> None:
    cut, told = blocks(10, size=3), []
    run(functools.partial(square, 1), cut, checkpoints=checkpoints, progress=lambda _, share: told.append(share))
    assert b",".join(checkpoints.load(one.part) for one in cut) == square(
        1, Partition(part=0, name="", start=0, stop=10)
    )
    assert told == sorted(told)
    assert (told[0], told[-1]) == (0.0, 1.0)


def test_work_that_broke_off_goes_on_after_the_last_checkpoint(checkpoints: Checkpoints) -> None:
    cut, seen = blocks(6, size=1), []

    def work(one: Partition) -> bytes:
        seen.append(one.part)
        if seen == [0, 1, 2]:
            raise RuntimeError("the power went")
        return bytes([one.part])

    with pytest.raises(RuntimeError):
        run(work, cut, checkpoints=checkpoints)
    assert set(checkpoints.done()) == {0, 1}
    run(work, cut, checkpoints=checkpoints)
    assert seen == [0, 1, 2, 2, 3, 4, 5]
    run(work, cut, checkpoints=checkpoints)
    assert len(seen) == 7


def test_what_progress_raises_ends_the_run_between_partitions(checkpoints: Checkpoints) -> None:
    def stop(_: str, share: float) -> None:
        if share >= 0.5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(whose, blocks(4, size=1), checkpoints=checkpoints, progress=stop)
    assert set(checkpoints.done()) == {0, 1}


def test_a_checkpoint_that_is_there_stays(checkpoints: Checkpoints) -> None:
    checkpoints.save(3, b"first", name="")
    checkpoints.save(3, b"second", name="")
    assert checkpoints.load(3) == b"first"


def test_a_damaged_checkpoint_is_named(tmp_path: Path) -> None:
    kept = InFolder(folder=tmp_path)
    kept.save(1, b"whole", name="")
    (file,) = tmp_path.iterdir()
    file.write_bytes(b"hole")
    with pytest.raises(InputError, match="damaged"):
        kept.load(1)


def test_two_partitions_of_one_number_are_refused() -> None:
    one = Partition(part=1, name="a", start=0, stop=1)
    with pytest.raises(InputError, match="same number"):
        run(whose, [one, one], checkpoints=InMemory())


def test_other_processes_give_what_this_one_gives() -> None:
    cut = blocks(7, size=2)
    here, there = InMemory(), InMemory()
    run(functools.partial(square, 5), cut, checkpoints=here, executor=Here())
    run(functools.partial(square, 5), cut, checkpoints=there, executor=Processes(count=2))
    assert there.kept == here.kept
    assert list(Processes(count=1).run(whose, [])) == []


def test_an_executor_is_whatever_calls_the_work() -> None:
    class Backwards:
        def run(self, work: Callable[[Partition], bytes], partitions: list[Partition]) -> object:
            return ((one, work(one)) for one in reversed(partitions))

    kept = InMemory()
    run(functools.partial(square, 0), blocks(4, size=2), checkpoints=kept, executor=Backwards())
    assert list(kept.kept) == [1, 0]
