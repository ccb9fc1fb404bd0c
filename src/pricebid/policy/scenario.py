"""A scenario: changes to the tables of a shop, and to the policy, for a what-if."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pricebid.errors import PolicyError
from pricebid.policy.keys import Key, Reader
from pricebid.policy.parse import load_toml, parse_mapping, policy_mapping, read_mapping, read_text
from pricebid.policy.text import key_lines

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from pricebid.policy.values import Amounts, Policy

Value = str | float | bool
_CHANGE = (Key(name="table", kind="text"), *(Key(name=name, kind="table") for name in ("where", "set", "multiply")))


@dataclass(frozen=True, kw_only=True)
class Change:
    """One change to one table: the rows where every column equals its value get new values.

    Parameters
    ----------
    table : str
        Table of the shop.
    where : tuple of (column, value)
        All must be equal; empty: every row.
    assign : tuple of (column, value)
        New values (``set`` in the file).
    multiply : tuple of (column, factor)
        Factors on the values that are there.
    """

    table: str
    where: tuple[tuple[str, Value], ...] = ()
    assign: tuple[tuple[str, Value], ...] = ()
    multiply: Amounts = ()


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """What is different in a what-if.

    Parameters
    ----------
    changes : tuple of Change
        Applied in order (``shop.changed(change)``).
    policy_overrides : tuple of (key, value)
        Policy keys that replace the policy's own; tables are merged key by key, ``rules`` as a whole.
    """

    changes: tuple[Change, ...] = ()
    policy_overrides: tuple[tuple[str, Any], ...] = ()

    @classmethod
    def read(cls, path: str | Path) -> Scenario:
        """Read a scenario file (TOML): ``[[change]]`` tables, and ``[policy]`` overrides.

        Raises
        ------
        PolicyError
            With every fault: the line, the key, the value got, the rule and the remedy.
        """
        return cls.from_toml(read_text(path), source=str(path).replace("\\", "/").rsplit("/", maxsplit=1)[-1])

    @classmethod
    def from_toml(cls, text: str, *, source: str = "scenario") -> Scenario:
        """Read a scenario from TOML text.

        Raises
        ------
        PolicyError
            As `read`.
        """
        return _scenario(Reader(source=source, lines=key_lines(text)), load_toml(text, source))

    @classmethod
    def from_mapping(cls, mapping: Mapping[str, Any], *, source: str = "scenario") -> Scenario:
        """Read a scenario from the same keys as a mapping, such as JSON.

        Raises
        ------
        PolicyError
            As `read`, without lines.
        """
        return _scenario(Reader(source=source), mapping)

    def policy(self, policy: Policy) -> Policy:
        """Return the policy with the overrides in place, validated again.

        Raises
        ------
        PolicyError
            The policy and the overrides contradict each other.
        """
        if not self.policy_overrides:
            return policy
        merged = policy_mapping(policy)
        for name, value in self.policy_overrides:
            merged[name] = _merged(merged.get(name), value)
        return parse_mapping(merged, "policy with the scenario's overrides")


def _merged(old: Any, new: Any) -> Any:  # noqa: ANN401 - plain trees
    if not (isinstance(old, dict) and isinstance(new, dict)):
        return new
    kept = {name: value for name, value in old.items() if {"step": "endings", "endings": "step"}.get(name) not in new}
    return kept | {name: _merged(kept.get(name), value) for name, value in new.items()}


def _scenario(reader: Reader, mapping: Mapping[str, Any]) -> Scenario:
    reader.values(mapping, (Key(name="change", kind="tables"), Key(name="policy", kind="table")), ())
    listed = reader.tables(mapping.get("change"), ("change",))
    changes = [_change(reader, reader.table(one, ("change", at)), at) for at, one in enumerate(listed)]
    overrides = reader.table(mapping.get("policy"), ("policy",))
    inner = Reader(
        source=reader.source, lines={key[1:]: line for key, line in reader.lines.items() if key[:1] == ("policy",)}
    )
    read_mapping(inner, overrides)
    if reader.faults or inner.faults:
        raise PolicyError((*reader.faults, *inner.faults))
    return Scenario(changes=tuple(changes), policy_overrides=tuple(overrides.items()))


def _change(reader: Reader, mapping: Mapping[str, Any], at: int) -> Change:
    path = ("change", at)
    values = reader.values(mapping, _CHANGE, path)
    if "table" not in mapping:
        reader.fault(path, 'needs table = "catalog" (or another table of the shop)')
    pairs = {name: _pairs(reader, mapping.get(name), (*path, name)) for name in ("where", "set", "multiply")}
    factors = [(name, value) for name, value in pairs["multiply"] if isinstance(value, float)]
    if len(factors) < len(pairs["multiply"]):
        reader.fault((*path, "multiply"), "must hold numbers: { cost = 1.05 }")
    if not pairs["set"] and not pairs["multiply"]:
        reader.fault(path, "changes nothing: give it set = { column = value } or multiply = { column = factor }")
    table = values.get("table", "")
    return Change(table=table, where=pairs["where"], assign=pairs["set"], multiply=tuple(factors))


def _pairs(reader: Reader, value: object, path: tuple[str | int, ...]) -> tuple[tuple[str, Value], ...]:
    pairs: list[tuple[str, Value]] = []
    for name, one in reader.table(value, path).items():
        if isinstance(one, bool | str):
            pairs.append((name, one))
        elif isinstance(one, int | float) and abs(one) < 1e15:
            pairs.append((name, float(one)))
        elif hasattr(one, "isoformat"):
            pairs.append((name, one.isoformat()))
        else:
            reader.fault((*path, name), f"{one!r:.80} must be a text, a number, a date, true or false")
    return tuple(pairs)
