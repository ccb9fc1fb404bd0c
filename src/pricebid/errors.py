"""Every error pricebid raises on purpose.

PricebidError
├── InputError          the caller's files, tables, policy or arguments are wrong (exit code 2)
│   ├── TableError      one or more faults in a shop folder, all listed
│   ├── PolicyError     one or more faults in a policy or scenario file
│   └── ModelError      a saved model that is damaged, or does not fit the shop
└── Infeasible          the limits cannot all hold together (exit code 3)
"""

from __future__ import annotations

from dataclasses import dataclass


class PricebidError(Exception):
    """Base of all errors that pricebid raises on purpose."""


class InputError(PricebidError):
    """What was given cannot be used; the message says what, why and the remedy."""


@dataclass(frozen=True, kw_only=True)
class Fault:
    """One thing wrong with an input.

    Parameters
    ----------
    table : str
        Table or file in which the fault is.
    message : str
        The value got, the rule it breaks, and the remedy.
    column : str, optional
        Column or key.
    row : int, optional
        First offending row, counted from 1 as a person would count data rows.
    count : int
        How many rows have this fault.
    """

    table: str
    message: str
    column: str = ""
    row: int | None = None
    count: int = 1

    def __str__(self) -> str:
        place = self.table
        if self.row is not None:
            place += f" row {self.row}"
        if self.column:
            place += f" column {self.column}"
        more = f" (and {self.count - 1:,} more rows)" if self.count > 1 else ""
        return f"{place}: {self.message}{more}"


class FaultsError(InputError):
    """An input error that lists every fault found.

    Parameters
    ----------
    faults : sequence of Fault
        All faults, in the order found.
    """

    def __init__(self, faults: tuple[Fault, ...] | list[Fault]) -> None:
        self.faults = tuple(faults)
        super().__init__("\n".join(str(fault) for fault in self.faults))


class TableError(FaultsError):
    """One or more faults in a shop folder."""


class PolicyError(FaultsError):
    """One or more faults in a policy or scenario file."""


class ModelError(InputError):
    """A saved model is damaged, or does not fit the shop."""


@dataclass(frozen=True, kw_only=True)
class Conflict:
    """One limit that would have to give so that the others can hold.

    Parameters
    ----------
    name : str
        The limit, in the caller's words.
    limit : float
        What was asked for.
    reachable : float
        The nearest value at which all limits can hold when only this one gives (or, where no single one is
        enough, when all give together as little as possible).
    relaxation : float
        ``abs(limit - reachable)``.
    """

    name: str
    limit: float
    reachable: float
    relaxation: float

    def __str__(self) -> str:
        return f"{self.name}: {self.limit:,.6g} asked, {self.reachable:,.6g} reachable (give {self.relaxation:,.6g})"


class Infeasible(PricebidError):  # noqa: N818 - the contract's name
    """The limits cannot all hold together.

    Parameters
    ----------
    message : str
        What conflicts, in words.
    conflicts : sequence of Conflict
        The smallest relaxation of each limit involved.
    """

    def __init__(self, message: str, conflicts: tuple[Conflict, ...] | list[Conflict] = ()) -> None:
        self.conflicts = tuple(conflicts)
        super().__init__("\n".join([message, *(f"  {conflict}" for conflict in self.conflicts)]))
