"""Reading one table of a policy: known keys, their types and ranges, every fault collected and none raised."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from pricebid.errors import Fault
from pricebid.policy.text import Path, line_of, nearest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Kind = Literal["number", "whole", "flag", "text", "texts", "numbers", "pair", "amounts", "table", "tables"]

_WORDS: dict[Kind, str] = {
    "number": "a number",
    "whole": "a whole number",
    "flag": "true or false",
    "text": "a text",
    "texts": "a list of texts",
    "numbers": "a list of numbers",
    "pair": "a list of two numbers [low, high], the low one first",
    "amounts": "a table { name = number }",
    "table": "a table",
    "tables": "a list of tables ([[...]])",
}


@dataclass(frozen=True, kw_only=True)
class PolicyFault(Fault):
    """A fault in a policy or scenario: ``row`` is the line, ``column`` the dotted key."""

    def __str__(self) -> str:
        line = "" if self.row is None else f" line {self.row}"
        key = f" {self.column}:" if self.column else ""
        return f"{self.table}{line}:{key} {self.message}"


@dataclass(frozen=True, kw_only=True)
class Key:
    """What one key of a policy may hold.

    Parameters
    ----------
    name : str
        The key.
    kind : str
        Kind of value.
    low, high : float
        Legal range of the number, or of each number.
    above, below : bool
        The lower, or upper, end itself is not legal.
    choices : tuple of str
        Legal texts, where not empty.
    """

    name: str
    kind: Kind
    low: float = -math.inf
    high: float = math.inf
    above: bool = False
    below: bool = False
    choices: tuple[str, ...] = ()

    @property
    def range(self) -> str:
        """The legal range in words."""
        low = "" if self.low == -math.inf else f"{'above' if self.above else 'at least'} {self.low:g}"
        high = "" if self.high == math.inf else f"{'below' if self.below else 'at most'} {self.high:g}"
        return " and ".join(part for part in (low, high) if part)

    def holds(self, number: float) -> bool:
        """Tell whether a number is in the legal range."""
        low = number > self.low if self.above else number >= self.low
        high = number < self.high if self.below else number <= self.high
        return math.isfinite(number) and low and high


@dataclass(frozen=True, kw_only=True)
class Reader:
    """Reads tables of one policy and keeps the faults.

    Parameters
    ----------
    source : str
        Name of the file, or of what stands for it.
    lines : dict of path to int
        Where the keys stand; empty where the policy is no file.
    faults : list of PolicyFault
        Filled while reading.
    """

    source: str
    lines: dict[Path, int] = field(default_factory=dict)
    faults: list[PolicyFault] = field(default_factory=list)

    def fault(self, path: Path, message: str) -> None:
        """Note a fault at a key."""
        dotted = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).lstrip(".")
        self.faults.append(
            PolicyFault(table=self.source, column=dotted, row=line_of(self.lines, path), message=message)
        )

    def table(self, value: object, path: Path) -> Mapping[str, Any]:
        """Return a table as given; an empty one, with a fault, where the value is none."""
        if isinstance(value, dict):
            return value
        if value is not None:
            self.fault(path, f"{value!r:.80} must be a table")
        return {}

    def tables(self, value: object, path: Path) -> list[Any]:
        """Return a list of tables as given; an empty one, with a fault, where the value is none."""
        if isinstance(value, list | tuple):
            return list(value)
        if value is not None:
            self.fault(path, f"{value!r:.80} must be {_WORDS['tables']}")
        return []

    def values(self, mapping: Mapping[str, Any], keys: Sequence[Key], path: Path) -> dict[str, Any]:
        """Return the sound values by key; unknown keys, wrong types and values out of range become faults."""
        known = {key.name: key for key in keys}
        sound = {}
        for name, value in mapping.items():
            key = known.get(name)
            if key is None:
                listed = ", ".join(known)
                self.fault((*path, name), f"unknown key{nearest(name, known)}; known here are {listed}")
            elif key.kind in ("table", "tables"):
                continue
            elif self._sound((*path, name), key, value):
                sound[name] = _plain(key, value)
        return sound

    def _sound(self, path: Path, key: Key, value: Any) -> bool:  # noqa: ANN401 - whatever the file holds
        problem = _problem(key, value)
        if problem:
            self.fault(path, problem)
        return not problem


def _problem(key: Key, value: Any) -> str:  # noqa: ANN401 - whatever the file holds
    if not _of_kind(key.kind, value):
        return f"{value!r:.80} must be {_WORDS[key.kind]}"
    if key.kind in ("text", "texts"):
        texts = [value] if key.kind == "text" else value
        wrong = [text for text in texts if not text or (key.choices and text not in key.choices)]
        choices = f"one of {', '.join(key.choices)}" if key.choices else "not empty"
        return f"{wrong[0]!r:.80} must be {choices}{nearest(wrong[0], key.choices)}" if wrong else ""
    if key.kind == "flag":
        return ""
    numbers = list(value.values()) if key.kind == "amounts" else value if isinstance(value, list | tuple) else [value]
    wrong_numbers = [number for number in numbers if not key.holds(number)]
    if wrong_numbers:
        return f"{wrong_numbers[0]!r} must be {key.range or 'finite'}"
    if key.kind == "pair" and value[0] > value[1]:
        return f"{list(value)} must be {_WORDS['pair']}"
    return ""


def _of_kind(kind: Kind, value: Any) -> bool:  # noqa: ANN401 - whatever the file holds
    if kind == "number":
        return _is_number(value)
    if kind == "whole":
        return _is_number(value) and not isinstance(value, float)
    if kind in ("flag", "text"):
        return isinstance(value, bool if kind == "flag" else str)
    if kind == "amounts":
        return isinstance(value, dict) and all(isinstance(name, str) and _is_number(one) for name, one in value.items())
    return isinstance(value, list | tuple) and bool(value) and _items_of_kind(kind, value)


def _items_of_kind(kind: Kind, values: Sequence[Any]) -> bool:
    if kind == "texts":
        return all(isinstance(one, str) for one in values)
    return all(_is_number(one) for one in values) and (kind == "numbers" or len(values) == 2)


def _is_number(value: object) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return isinstance(value, float) or abs(value) < 2**63


def _plain(key: Key, value: Any) -> Any:  # noqa: ANN401 - the value in the type of its field
    if key.kind == "number":
        return float(value)
    if key.kind in ("numbers", "pair"):
        return tuple(float(one) for one in value)
    if key.kind == "texts":
        return tuple(value)
    if key.kind == "amounts":
        return tuple((name, float(one)) for name, one in value.items())
    return value
