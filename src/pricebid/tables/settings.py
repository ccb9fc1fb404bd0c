"""``shop.toml``: currency, decimals, timezone, what an absent row means."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Literal
from zoneinfo import ZoneInfo

from pricebid.errors import Fault, TableError
from pricebid.policy import nearest

if TYPE_CHECKING:
    from pathlib import Path

    from pricebid.tables.arrays import Frequency

FILE = "shop.toml"


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What holds for a whole shop.

    Parameters
    ----------
    currency : str
        Printed beside money; never used to calculate.
    decimals : int
        Decimals of the smallest unit of money, 0 to 6. Prices given out are whole minor units.
    timezone : str
        IANA name. Dates and hours of every table are local to it.
    absent : {"zero", "missing"}, optional
        What a sales row that is not there means. None: told from the data (see ``docs/tables.md``).
    period : {"day", "week", "month"}, optional
        Length of a period of ``sales``. None: told from the dates.

    Raises
    ------
    TableError
        A value is outside its range.
    """

    currency: str = ""
    decimals: int = 2
    timezone: str = "UTC"
    absent: Literal["zero", "missing"] | None = None
    period: Frequency | None = None

    def __post_init__(self) -> None:
        faults = [Fault(table=FILE, column=key, message=message) for key, message in self._faults()]
        if faults:
            raise TableError(faults)

    def _faults(self) -> list[tuple[str, str]]:
        faults = []
        if not isinstance(self.currency, str):
            faults.append(("currency", f'{self.currency!r} is no text; write currency = "EUR"'))
        if type(self.decimals) is not int or not 0 <= self.decimals <= 6:
            faults.append(("decimals", f"{self.decimals!r} is not a whole number from 0 to 6; write decimals = 2"))
        if not _is_zone(self.timezone):
            faults.append(("timezone", f'{self.timezone!r} is no IANA time zone; write timezone = "Europe/Berlin"'))
        if self.absent not in ("zero", "missing", None):
            faults.append(("absent", f'{self.absent!r} is neither "zero" nor "missing"'))
        if self.period not in ("day", "week", "month", None):
            faults.append(("period", f'{self.period!r} is none of "day", "week", "month"'))
        return faults


def read_settings(path: Path) -> Settings:
    """Read ``shop.toml``.

    Raises
    ------
    TableError
        The file is not TOML, has unknown keys, or a value is outside its range.
    """
    try:
        mapping: dict[str, Any] = tomllib.loads(path.read_bytes().decode("utf-8-sig"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        raise TableError([Fault(table=FILE, message=f"cannot be read as TOML: {error}")]) from None
    known = tuple(field.name for field in fields(Settings))
    unknown = [
        Fault(table=FILE, column=key, message=f"unknown key{nearest(key, known)}; known are {', '.join(known)}")
        for key in mapping
        if key not in known
    ]
    try:
        settings = Settings(**{key: value for key, value in mapping.items() if key in known})
    except TableError as error:
        raise TableError([*unknown, *error.faults]) from None
    if unknown:
        raise TableError(unknown)
    return settings


def _is_zone(name: object) -> bool:
    try:
        return isinstance(name, str) and bool(ZoneInfo(name))
    except (KeyError, ValueError, OSError):  # ZoneInfoNotFoundError is a KeyError; a path as a name is the others
        return False
