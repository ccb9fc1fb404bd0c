"""A changed copy of a frozen value, for values that are copied at every auction."""

from __future__ import annotations

from typing import TypeVar

Value = TypeVar("Value")


def altered(value: Value, /, **changes: object) -> Value:
    """Give a copy of a frozen dataclass with some fields changed.

    What `dataclasses.replace` does where nothing is validated, in a tenth of its time: a pacer's state changes hands
    several times per auction.

    Parameters
    ----------
    value : Value
        A dataclass without slots and without a ``__post_init__``.
    **changes : object
        New values of fields.
    """
    copy = object.__new__(type(value))
    copy.__dict__.update(value.__dict__)
    copy.__dict__.update(changes)
    return copy
