"""Pure time arithmetic: slots in local wall-clock time, quiet hours, platform days.

A habit of 20:30 stays 20:30 on the wall through every change of summer time.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from contentcenter.domain.errors import InvalidInput

# Both platforms count their days, weeks and months in Beijing time (official-account.md 6.1).
PLATFORM_ZONE = ZoneInfo("Asia/Shanghai")


@dataclass(frozen=True)
class Habit:
    """Weekdays (Monday = 0) at a local wall-clock "HH:MM", or one single date."""

    weekdays: frozenset[int]
    local_time: str
    on_date: str = ""


@dataclass(frozen=True)
class QuietHours:
    """Local "HH:MM" bounds; the window may pass midnight; equal bounds mean none."""

    start: str
    end: str


def zone(name: str) -> ZoneInfo:
    """The named time zone; `InvalidInput` when nobody knows it."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise InvalidInput(f"Unknown time zone {name!r}", field="timezone") from error


@lru_cache(maxsize=1_440)
def wall_time(text: str) -> time:
    """ "HH:MM" as a time of day; `InvalidInput` for anything else."""
    try:
        return datetime.strptime(text, "%H:%M").time()  # noqa: DTZ007 - a wall-clock time
    except (ValueError, TypeError) as error:
        raise InvalidInput(f"{text!r} is not a time like 20:30", value=text) from error


def expand(
    habits: Iterable[Habit], zone_name: str, start: datetime, end: datetime
) -> tuple[datetime, ...]:
    """All slot instants (UTC, ascending, distinct) of the habits in [start, end)."""
    local_zone = zone(zone_name)
    first = start.astimezone(local_zone).date()
    last = end.astimezone(local_zone).date()
    found: set[datetime] = set()
    for habit in habits:
        for day in _days_of(habit, first, last):
            # A wall time that summer time skips moves to the same distance after the gap; one
            # that comes twice means its first coming (fold = 0).
            local = datetime.combine(day, wall_time(habit.local_time), tzinfo=local_zone)
            instant = local.astimezone(UTC)
            if start <= instant < end:
                found.add(instant)
    return tuple(sorted(found))


def _days_of(habit: Habit, first: date, last: date) -> list[date]:
    if habit.on_date:
        day = date.fromisoformat(habit.on_date)
        return [day] if first <= day <= last else []
    count = (last - first).days + 1
    days = [first + timedelta(days=number) for number in range(count)]
    return [day for day in days if day.weekday() in habit.weekdays]


def in_quiet_hours(moment: datetime, zone_name: str, quiet: QuietHours) -> bool:
    start, end = wall_time(quiet.start), wall_time(quiet.end)
    now = moment.astimezone(zone(zone_name)).time().replace(second=0, microsecond=0)
    if start == end:
        return False
    if start < end:
        return start <= now < end
    return now >= start or now < end


def quiet_end(moment: datetime, zone_name: str, quiet: QuietHours) -> datetime:
    """The first instant at or after `moment` outside the quiet hours."""
    if not in_quiet_hours(moment, zone_name, quiet):
        return moment
    local = moment.astimezone(zone(zone_name))
    end = wall_time(quiet.end)
    opens = datetime.combine(local.date(), end, tzinfo=local.tzinfo)
    if opens <= local:
        opens = datetime.combine(local.date() + timedelta(days=1), end, tzinfo=local.tzinfo)
    return opens.astimezone(UTC)


def local_day(moment: datetime, zone_name: str) -> str:
    """The audience's calendar day, YYYY-MM-DD."""
    return moment.astimezone(zone(zone_name)).date().isoformat()


def local_week(moment: datetime, zone_name: str) -> str:
    """The audience's ISO week, YYYY-Www."""
    year, week, _ = moment.astimezone(zone(zone_name)).isocalendar()
    return f"{year}-W{week:02d}"


def platform_day(moment: datetime) -> str:
    return moment.astimezone(PLATFORM_ZONE).date().isoformat()


def next_platform_day(moment: datetime) -> datetime:
    """The next midnight in Beijing, in UTC."""
    day = moment.astimezone(PLATFORM_ZONE).date() + timedelta(days=1)
    return datetime.combine(day, time(), tzinfo=PLATFORM_ZONE).astimezone(UTC)


def next_platform_month(moment: datetime) -> datetime:
    """The first instant of the next month in Beijing, in UTC."""
    local = moment.astimezone(PLATFORM_ZONE).date().replace(day=1)
    following = (local + timedelta(days=32)).replace(day=1)
    return datetime.combine(following, time(), tzinfo=PLATFORM_ZONE).astimezone(UTC)


def next_platform_week(moment: datetime) -> datetime:
    """The next Monday midnight in Beijing, in UTC."""
    local = moment.astimezone(PLATFORM_ZONE).date()
    monday = local + timedelta(days=7 - local.weekday())
    return datetime.combine(monday, time(), tzinfo=PLATFORM_ZONE).astimezone(UTC)
