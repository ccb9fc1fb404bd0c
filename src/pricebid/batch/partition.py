"""Work cut into partitions: which there are, in an order and with numbers that do not change from run to run."""

from __future__ import annotations

from dataclasses import dataclass

from pricebid.errors import InputError


@dataclass(frozen=True, kw_only=True)
class Partition:
    """One piece of a larger piece of work.

    Parameters
    ----------
    part : int
        Its number: names its checkpoint, so it must mean the same in every run.
    name : str
        What it is, for people.
    start, stop : int
        The rows (offers, origins, ...) it covers: ``start`` to ``stop - 1``.
    """

    part: int
    name: str
    start: int
    stop: int

    def __len__(self) -> int:
        return self.stop - self.start

    @property
    def rows(self) -> slice:
        """The rows as a slice of an axis."""
        return slice(self.start, self.stop)


def blocks(rows: int, *, size: int, first: int = 0, name: str = "block") -> tuple[Partition, ...]:
    """Cut an axis into blocks of neighbouring rows, as even as can be.

    Parameters
    ----------
    rows : int
        Length of the axis.
    size : int
        Rows of a block, at most.
    first : int
        Number of the first partition.
    name : str
        What a block is called.

    Returns
    -------
    tuple of Partition
        In order; together they cover each row once.

    Raises
    ------
    InputError
        The size is below 1, or the axis shorter than 0.

    Examples
    --------
    >>> [(one.name, one.start, one.stop) for one in blocks(5, size=2, name="offers")]
    [('offers 1 of 3', 0, 2), ('offers 2 of 3', 2, 4), ('offers 3 of 3', 4, 5)]
    """
    if size < 1 or rows < 0:
        raise InputError(f"{rows} rows in blocks of {size}: rows are at least 0, the size of a block at least 1")
    count = -(-rows // size)
    wide, extra = divmod(rows, count) if count else (0, 0)
    cuts = [at * wide + min(at, extra) for at in range(count + 1)]
    return tuple(
        Partition(part=first + at, name=f"{name} {at + 1} of {count}", start=cuts[at], stop=cuts[at + 1])
        for at in range(count)
    )
