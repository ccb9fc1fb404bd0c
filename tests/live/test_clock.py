"""Local hours and days, however clocks are set."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pricebid.live import Clock, microseconds
from pricebid.live.clock import horizon_end

ZONES = [
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",
    "Asia/Kathmandu",
    "America/Santiago",
    "Africa/Cairo",
]
instants = st.integers(microseconds(datetime(1975, 1, 1, tzinfo=UTC)), microseconds(datetime(2037, 1, 1, tzinfo=UTC)))


@given(st.sampled_from(ZONES), st.lists(instants, min_size=1, max_size=30))
def test_hours_are_those_of_the_wall(zone, ats):
    clock, info = Clock(zone), ZoneInfo(zone)
    walls = [datetime.fromtimestamp(at // 1_000_000, info) for at in ats]
    assert clock.hours(np.array(ats)).tolist() == [wall.hour for wall in walls]
    assert [clock.day(at) for at in ats] == [wall.date() for wall in walls]


@given(st.sampled_from(ZONES), instants)
def test_a_day_runs_from_its_first_moment_to_the_next_days(zone, at):
    clock = Clock(zone)
    day = clock.day(at)
    begin = clock.midnight(day)
    assert begin <= at < clock.midnight(day + timedelta(days=1))
    assert clock.day(begin) == day
    assert clock.day(begin - 1) < day
    assert 0 <= clock.gone(at) < 1


@pytest.mark.parametrize(("day", "hours"), [(date(2026, 3, 29), 23), (date(2026, 10, 25), 25), (date(2026, 5, 1), 24)])
def test_days_have_the_hours_that_they_have(day, hours):
    clock = Clock("Europe/Berlin")
    assert clock.midnight(day + timedelta(days=1)) - clock.midnight(day) == hours * 3_600_000_000


def test_a_skipped_midnight_begins_the_day_with_its_first_moment():
    clock = Clock("America/Santiago")  # 2024-09-08: clocks went from 00:00 to 01:00
    assert clock.local(clock.midnight(date(2024, 9, 8))).hour == 1


def test_a_repeated_midnight_begins_the_day_once():
    clock = Clock("America/Havana")  # 2026-11-01: 01:00 goes back to 00:00
    day = date(2026, 11, 1)
    assert clock.midnight(date(2026, 11, 2)) - clock.midnight(day) == 25 * 3_600_000_000


@pytest.mark.parametrize(
    ("period", "count", "end"),
    [("day", 1, date(2026, 12, 2)), ("week", 2, date(2026, 12, 15)), ("month", 2, date(2027, 2, 1))],
)
def test_a_horizon_ends_after_its_last_period(period, count, end):
    assert horizon_end(date(2026, 12, 1), count, period) == end
