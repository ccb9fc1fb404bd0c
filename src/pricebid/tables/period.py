"""The period of a sales table: inferring it, and stepping from period to period."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from pricebid.errors import Fault, InputError, TableError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pricebid.tables.arrays import Frequency

MAX_GAP_DAYS = 1100  # three years without any sale is a mistyped date
_DAYS = {"day": 1, "week": 7}
_ONE_DAY = np.timedelta64(1, "D")


@dataclass(frozen=True, kw_only=True)
class Period:
    """A regular grid of days, weeks or months.

    Parameters
    ----------
    frequency : {"day", "week", "month"}
        Length of a period.
    origin : datetime64[D]
        First day of some period: fixes the weekday on which weeks begin. Months begin on the first.
    """

    frequency: Frequency
    origin: np.datetime64

    def index(self, dates: NDArray[np.datetime64]) -> NDArray[np.int64]:
        """Return the number of the period that contains each date, int64[...]; 0 for the one that contains ``origin``."""
        unit = "M" if self.frequency == "month" else "D"
        origin = self.origin.astype(f"datetime64[{unit}]")
        steps: NDArray[np.int64] = (dates.astype(f"datetime64[{unit}]") - origin).astype(np.int64)
        return steps // _DAYS.get(self.frequency, 1)

    def start(self, index: NDArray[np.int64] | int) -> Any:  # noqa: ANN401 - datetime64, scalar in, scalar out
        """First day of numbered periods, datetime64[D] in the shape of ``index``."""
        if self.frequency == "month":
            return (self.origin.astype("datetime64[M]") + np.asarray(index)).astype("datetime64[D]")
        return self.origin.astype("datetime64[D]") + np.asarray(index) * _DAYS[self.frequency] * _ONE_DAY

    def steps(self, first: np.datetime64, count: int) -> NDArray[np.datetime64]:
        """First days of ``count`` periods from the one that contains ``first`` on, datetime64[D][count].

        Examples
        --------
        >>> Period(frequency="month", origin=np.datetime64("2024-01-01")).steps(np.datetime64("2024-12-05"), 2)
        array(['2024-12-01', '2025-01-01'], dtype='datetime64[D]')
        """
        at = int(self.index(np.asarray(first)))
        found: NDArray[np.datetime64] = self.start(np.arange(at, at + count))
        return found

    def after(self, last: np.datetime64, count: int) -> NDArray[np.datetime64]:
        """First days of the ``count`` periods after the one that contains ``last``, datetime64[D][count]."""
        at = int(self.index(np.asarray(last))) + 1
        found: NDArray[np.datetime64] = self.start(np.arange(at, at + count))
        return found


def infer_period(dates: NDArray[np.datetime64], *, given: Frequency | None = None) -> Period:
    """Tell whether dates are days, weeks or months.

    Parameters
    ----------
    dates : datetime64[D][row]
        Dates of the sales table; NaT is ignored.
    given : {"day", "week", "month"}, optional
        The period, where the shop's settings say it.

    Returns
    -------
    Period
        With the first date as origin.

    Raises
    ------
    TableError
        Periods are mixed, irregular, cannot be told from a single date, or three years lie between two dates.
    """
    distinct = np.unique(dates[~np.isnat(dates)]).astype("datetime64[D]")
    if len(distinct) == 0:
        raise _refused("has no date; it needs at least one row")
    gaps = np.diff(distinct).astype(np.int64)
    frequency = given or _frequency(gaps, distinct)
    if len(gaps) and gaps.max() > MAX_GAP_DAYS:
        at = int(np.argmax(gaps))
        raise _refused(
            f"nothing lies between {distinct[at]} and {distinct[at + 1]}; one of them is mistyped, or the rows "
            "before the gap are too old to be of use: leave them out"
        )
    _no_strays(dates, distinct, gaps, frequency)
    return Period(frequency=frequency, origin=distinct[0])


def _frequency(gaps: NDArray[np.int64], distinct: NDArray[np.datetime64]) -> Frequency:
    if len(gaps) == 0:
        raise _refused(
            f'has the one date {distinct[0]}, from which its period cannot be told; write period = "week" '
            "(or day, month) into shop.toml"
        )
    values, counts = np.unique(gaps, return_counts=True)
    usual = int(values[np.argmax(counts)])
    months = bool(np.all(distinct == distinct.astype("datetime64[M]").astype("datetime64[D]")))
    common = int(np.gcd.reduce(gaps))
    if usual < 7:
        return "day"
    if usual == 7 or (not months and common % 7 == 0 and (common == 7 or len(gaps) <= 2)):
        return "week"
    if months or (28 <= usual <= 31 and common < 28):
        return "month"
    raise _refused(
        f"its dates are mostly {usual} days apart: no days, weeks or months; sum the rows up to one of these, or write "
        'period = "day" into shop.toml'
    )


def _no_strays(
    dates: NDArray[np.datetime64], distinct: NDArray[np.datetime64], gaps: NDArray[np.int64], frequency: Frequency
) -> None:
    if frequency == "day":
        run = _longest_run(gaps == 7)
        if run >= 6 and np.mean(gaps == 1) > 0.1:
            raise _refused(f"mixes periods: mostly days, but {run + 1} dates in a row are 7 days apart")
        return
    if frequency == "week":
        weekday = distinct.astype(np.int64) % 7
        usual = np.bincount(weekday, minlength=7).argmax()
        stray, should = dates.astype(np.int64) % 7 != usual, distinct[weekday == usual][0]
        rule = f"its weeks begin every 7 days, as on {should}"
    else:
        stray = dates != dates.astype("datetime64[M]").astype("datetime64[D]")
        rule = "its months begin on the first"
    stray &= ~np.isnat(dates)
    if stray.any():
        at = int(np.argmax(stray))
        message = f"{dates[at]} is not the first day of a period: {rule}; do not mix periods"
        raise TableError([Fault(table="sales", column="date", row=at + 1, message=message, count=int(stray.sum()))])


def _longest_run(flags: NDArray[np.bool_]) -> int:
    edges = np.flatnonzero(np.diff(np.concatenate(([False], flags, [False])).astype(np.int8)))
    return int(np.max(edges[1::2] - edges[::2], initial=0))


def _refused(message: str) -> TableError:
    return TableError([Fault(table="sales", column="date", message=message)])


def day_given(start: date | str | np.datetime64) -> np.datetime64:
    """Return the day that a caller names as a start, datetime64[D].

    NumPy would take ``""``, ``"today"`` and ``"2024"`` for days too.

    Raises
    ------
    InputError
        It is no date.

    Examples
    --------
    >>> str(day_given("2024-12-31"))
    '2024-12-31'
    """
    try:
        return np.datetime64(datetime.fromisoformat(str(start)).date(), "D")
    except ValueError:
        raise InputError(f"start {str(start)!r} is no date; write it as 2024-12-31") from None
