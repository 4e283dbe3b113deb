"""The twin's clock: real time plus an offset that an administrator may move."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta, timezone

PLATFORM_ZONE = timezone(timedelta(hours=8))
"""Both platforms count their days, weeks and months in Beijing time."""


class Clock:
    """Epoch seconds in UTC; moving the offset makes waiting jobs due at once."""

    def __init__(self, offset: float = 0.0) -> None:
        self.offset = offset

    def now(self) -> float:
        return time.time() + self.offset

    def seconds(self) -> int:
        return int(self.now())

    def local(self) -> datetime:
        return local_time(self.now())

    def day(self) -> str:
        return day_of(self.now())

    def month(self) -> str:
        return self.day()[:7]


def local_time(moment: float) -> datetime:
    return datetime.fromtimestamp(moment, PLATFORM_ZONE)


def day_of(moment: float) -> str:
    """The platform's calendar day, `YYYY-MM-DD`."""
    return local_time(moment).strftime("%Y-%m-%d")


def utc_text(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).isoformat()
