import numpy as np
import pytest

from pricebid import TableError
from pricebid.tables import Period, infer_period


def days(start: str, count: int, step: int = 1) -> np.ndarray:
    return np.datetime64(start) + np.arange(count) * np.timedelta64(step, "D")


MONTHS = np.arange("2023-01", "2024-01", dtype="datetime64[M]").astype("datetime64[D]")


@pytest.mark.parametrize(
    ("dates", "frequency"),
    [
        (days("2024-01-01", 10), "day"),
        (days("2024-01-01", 10)[[0, 1, 2, 5, 6, 9]], "day"),
        (days("2024-01-01", 12, 7), "week"),
        (days("2024-01-04", 12, 7)[[0, 1, 2, 5, 6, 11]], "week"),
        (days("2024-01-01", 12, 14)[[0, 1, 2]], "week"),
        (MONTHS, "month"),
        (MONTHS[[0, 1, 4, 5, 11]], "month"),
        (MONTHS[[0, 1]], "month"),
        (np.repeat(days("2024-01-01", 12, 7), 3), "week"),
    ],
)
def test_the_period_is_told_from_the_dates(dates: np.ndarray, frequency: str) -> None:
    period = infer_period(dates)
    assert period.frequency == frequency
    assert np.all(period.start(period.index(dates)) == dates)


@pytest.mark.parametrize(
    ("dates", "words"),
    [
        (days("2024-01-01", 1), "cannot be told"),
        (np.array([], dtype="datetime64[D]"), "no date"),
        (np.append(days("2024-01-01", 20, 7), np.datetime64("2024-02-07")), "not the first day"),
        (np.append(MONTHS, np.datetime64("2023-06-15")), "months begin on the first"),
        (MONTHS + np.timedelta64(14, "D"), "months begin on the first"),
        (np.append(days("2024-01-01", 30), days("2024-01-31", 12, 7)), "mixes periods"),
        (np.append(days("2024-01-01", 30), np.datetime64("2014-01-01")), "nothing lies between"),
        (days("2024-01-03", 9, 10), "days apart"),
        (days("2024-01-01", 9, 28), "days apart"),
    ],
)
def test_dates_that_are_no_regular_period_are_refused(dates: np.ndarray, words: str) -> None:
    with pytest.raises(TableError, match=words):
        infer_period(dates)


def test_a_given_period_settles_what_the_dates_cannot() -> None:
    assert infer_period(days("2024-01-01", 1), given="week").frequency == "week"
    assert infer_period(days("2024-01-01", 9, 7), given="day").frequency == "day"


def test_periods_after_a_date_cross_the_year() -> None:
    month = Period(frequency="month", origin=np.datetime64("2020-01-01"))
    assert month.after(np.datetime64("2023-11-20"), 3).astype(str).tolist() == [
        "2023-12-01",
        "2024-01-01",
        "2024-02-01",
    ]
    week = Period(frequency="week", origin=np.datetime64("2024-01-04"))
    assert week.after(np.datetime64("2023-12-28"), 2).astype(str).tolist() == ["2024-01-04", "2024-01-11"]
    assert week.steps(np.datetime64("2023-12-30"), 1).astype(str).tolist() == ["2023-12-28"]
    day = Period(frequency="day", origin=np.datetime64("2024-01-04"))
    assert day.after(np.datetime64("2024-02-28"), 2).astype(str).tolist() == ["2024-02-29", "2024-03-01"]


def test_dates_inside_a_period_belong_to_it() -> None:
    week = Period(frequency="week", origin=np.datetime64("2024-01-01"))
    assert week.index(days("2023-12-30", 4)).tolist() == [-1, -1, 0, 0]
