"""Slots, quiet hours and platform days."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contentcenter.domain.errors import InvalidInput
from distribute.timing import (
    Habit,
    QuietHours,
    expand,
    in_quiet_hours,
    local_day,
    next_platform_day,
    next_platform_month,
    next_platform_week,
    platform_day,
    quiet_end,
    wall_time,
    zone,
)

EVERY_DAY = frozenset(range(7))
SHANGHAI, BERLIN = "Asia/Shanghai", "Europe/Berlin"
NIGHT = QuietHours("22:30", "08:00")


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def test_a_daily_habit_in_shanghai() -> None:
    found = expand(
        [Habit(EVERY_DAY, "20:30")], SHANGHAI, utc("2026-11-21T04:00"), utc("2026-11-23T04:00")
    )
    assert found == (utc("2026-11-21T12:30"), utc("2026-11-22T12:30"))


def test_wall_time_stays_through_the_end_of_summer_time() -> None:
    found = expand(
        [Habit(EVERY_DAY, "20:30")], BERLIN, utc("2026-10-24T00:00"), utc("2026-10-26T00:00")
    )
    assert found == (utc("2026-10-24T18:30"), utc("2026-10-25T19:30"))


def test_an_hour_that_does_not_exist_moves_on_and_one_that_comes_twice_counts_once() -> None:
    habit = [Habit(EVERY_DAY, "02:30")]
    spring = expand(habit, BERLIN, utc("2026-03-29T00:00"), utc("2026-03-29T23:00"))
    autumn = expand(habit, BERLIN, utc("2026-10-24T23:00"), utc("2026-10-25T22:00"))
    assert spring == (utc("2026-03-29T01:30"),)
    assert autumn == (utc("2026-10-25T00:30"),)


def test_weekdays_single_dates_and_doubles() -> None:
    habits = [
        Habit(frozenset({5}), "10:00"),
        Habit(frozenset({5, 6}), "10:00"),
        Habit(frozenset(), "09:00", on_date="2026-11-22"),
    ]
    found = expand(habits, SHANGHAI, utc("2026-11-20T16:00"), utc("2026-11-22T16:00"))
    assert found == (utc("2026-11-21T02:00"), utc("2026-11-22T01:00"), utc("2026-11-22T02:00"))


@given(
    start=st.datetimes(datetime(2020, 1, 1), datetime(2035, 1, 1)),  # noqa: DTZ001
    hours=st.integers(1, 400),
    time=st.times(),
    name=st.sampled_from([SHANGHAI, BERLIN, "America/New_York", "Australia/Lord_Howe"]),
)
def test_one_slot_a_day_inside_the_window(
    start: datetime, hours: int, time: object, name: str
) -> None:
    begin = start.replace(tzinfo=UTC)
    end = begin + timedelta(hours=hours)
    found = expand([Habit(EVERY_DAY, f"{time:%H:%M}")], name, begin, end)
    assert all(begin <= moment < end for moment in found)
    days = [local_day(moment, name) for moment in found]
    assert len(set(days)) == len(days)
    assert len(found) >= hours // 24 - 1


@pytest.mark.parametrize(
    ("at", "quiet"),
    [("14:29", False), ("14:30", True), ("23:59", True), ("00:00", False), ("20:00", True)],
)
def test_quiet_hours_pass_midnight(at: str, quiet: bool) -> None:
    # UTC 14:30 is 22:30 in Shanghai, UTC 00:00 is 08:00.
    assert in_quiet_hours(utc(f"2026-11-21T{at}"), SHANGHAI, NIGHT) is quiet


def test_equal_bounds_mean_no_quiet_hours() -> None:
    assert not in_quiet_hours(utc("2026-11-21T18:00"), SHANGHAI, QuietHours("00:00", "00:00"))


@given(
    moment=st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1)),  # noqa: DTZ001
    start=st.times(),
    end=st.times(),
)
def test_the_end_of_quiet_hours_is_not_quiet(moment: datetime, start: object, end: object) -> None:
    quiet = QuietHours(f"{start:%H:%M}", f"{end:%H:%M}")
    at = moment.replace(tzinfo=UTC)
    opens = quiet_end(at, SHANGHAI, quiet)
    assert at <= opens <= at + timedelta(days=1)
    assert not in_quiet_hours(opens, SHANGHAI, quiet)


def test_platform_periods_turn_at_midnight_in_beijing() -> None:
    at = utc("2026-11-30T15:59")
    assert platform_day(at) == "2026-11-30"
    midnight = utc("2026-11-30T16:00")
    assert next_platform_day(at) == midnight
    assert next_platform_month(at) == midnight
    assert next_platform_week(at) == utc("2026-12-06T16:00")
    assert next_platform_month(utc("2026-12-15T00:00")) == utc("2026-12-31T16:00")


@pytest.mark.parametrize("text", ["24:00", "8", "", "20:30:00", "noon"])
def test_a_wrong_time_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput):
        wall_time(text)


@pytest.mark.parametrize("name", ["Mars/Base", "", "../etc/passwd"])
def test_an_unknown_zone_is_refused(name: str) -> None:
    with pytest.raises(InvalidInput):
        zone(name)
