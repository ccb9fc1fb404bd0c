"""Shop-local days and hours of instants, daylight saving time included.

Instants are whole microseconds since 1970-01-01T00:00Z.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Literal
from zoneinfo import ZoneInfo

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

SECOND = 1_000_000
# Clocks are set on quarters of an hour and by whole quarters everywhere since 1972, so that all of a quarter lies in one hour.
_QUARTER = 900 * SECOND
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def microseconds(moment: datetime) -> int:
    """Return an aware datetime as an instant.

    Examples
    --------
    >>> microseconds(datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC))
    1000000
    """
    return (moment - _EPOCH) // timedelta(microseconds=1)


@dataclass(frozen=True)
class Clock:
    """Local time of a shop.

    Parameters
    ----------
    zone : str
        IANA name.

    Examples
    --------
    >>> clock = Clock("Europe/Berlin")
    >>> noon = microseconds(datetime(2026, 3, 29, 10, 0, tzinfo=UTC))  # the day on which summer time begins
    >>> clock.hour(noon), clock.day(noon), round(clock.gone(noon) * 23)
    (12, datetime.date(2026, 3, 29), 11)
    """

    zone: str = "UTC"

    @cached_property
    def _info(self) -> ZoneInfo:
        return ZoneInfo(self.zone)

    def local(self, at: int) -> datetime:
        """Return the local time of an instant."""
        return (_EPOCH + timedelta(microseconds=at)).astimezone(self._info)

    @cached_property
    def _wall(self) -> Callable[[int], tuple[date, int]]:
        """Local day and hour of a quarter of an hour, remembered: nearly all requests are about now."""

        def wall(quarter: int) -> tuple[date, int]:
            local = self.local(quarter * _QUARTER)
            return local.date(), local.hour

        return lru_cache(maxsize=1024)(wall)

    def hour(self, at: int) -> int:
        """Return the local hour of an instant, 0 to 23."""
        return self._wall(at // _QUARTER)[1]

    def hours(self, at: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the local hours of instants, int64[instant]."""
        quarter, where = np.unique(at // _QUARTER, return_inverse=True)
        hour = [self._wall(one)[1] for one in quarter.tolist()]
        return np.array(hour, dtype=np.int64)[where]

    def day(self, at: int) -> date:
        """Return the local day of an instant."""
        return self._wall(at // _QUARTER)[0]

    def midnight(self, day: date) -> int:
        """Return the instant at which a local day begins.

        Where clocks skip midnight, the day begins with the first minute there is.
        """
        begin = datetime(day.year, day.month, day.day, tzinfo=self._info)
        at = microseconds(begin.astimezone(UTC))
        while self.day(at) < day:  # skipped: the wall time, read with the old offset, lies in the day before
            at += _QUARTER
        while self.day(at - _QUARTER) == day:
            at -= _QUARTER
        return at

    def gone(self, at: int) -> float:
        """Return the share of the local day that is gone at an instant, 0 to 1."""
        day = self.day(at)
        begin, end = self.midnight(day), self.midnight(day + timedelta(days=1))
        return (at - begin) / (end - begin)


def horizon_end(start: date, periods: int, period: Literal["day", "week", "month"]) -> date:
    """Return the first day after a horizon.

    Parameters
    ----------
    start : date
        First day of its first period.
    periods : int
        How many periods it has.
    period : {"day", "week", "month"}
        Their length.

    Examples
    --------
    >>> horizon_end(date(2026, 11, 1), 3, "month")
    datetime.date(2027, 2, 1)
    """
    if period == "month":
        months = start.year * 12 + start.month - 1 + periods
        return date(months // 12, months % 12 + 1, 1)
    return start + timedelta(days=periods * (7 if period == "week" else 1))
