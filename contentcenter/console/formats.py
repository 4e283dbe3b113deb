"""Values as people read them: money, times, shares."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

from contentcenter.clock import Clock
from contentcenter.console.language import t

WEEKDAYS = ("周一", "周二", "周三", "周四", "周五", "周六", "周日")


def yuan(fen: int | None) -> str:
    """Fen as ¥; whole amounts without decimals. Unknown is a dash, never ¥0."""
    if fen is None:
        return "—"
    whole, rest = divmod(abs(fen), 100)
    sign = "-" if fen < 0 else ""
    return f"{sign}¥{whole:,}.{rest:02d}" if rest else f"{sign}¥{whole:,}"


def share(value: float | None, digits: int = 0) -> str:
    return "—" if value is None else f"{value * 100:.{digits}f}%"


def number(value: float | None) -> str:
    """With thousands separators; at most two decimals."""
    if value is None:
        return "—"
    if isinstance(value, int) or float(value).is_integer():
        return f"{int(value):,}"
    return f"{value:,.2f}"


def bytes_of(value: int) -> str:
    size = float(value)
    for unit in ("B", "KB", "MB"):
        if size < 1024:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1024
    return f"{size:.1f} GB"


def join(values: Iterable[object], mark: str = "、") -> str:
    return mark.join(str(value) for value in values)


class Times:
    """Times on screens: local wall clock, near days by name."""

    def __init__(self, clock: Clock, zone: str) -> None:
        self._clock = clock
        self.zone: tzinfo = ZoneInfo(zone)

    def local(self, at: datetime) -> datetime:
        return at.astimezone(self.zone)

    def today(self) -> date:
        return self.local(self._clock.now()).date()

    def when(self, at: datetime | None) -> str:
        """今天 20:30, 昨天 09:12, 11-21 20:30, or with the year when it is another one."""
        if at is None:
            return "—"
        local, today = self.local(at), self.today()
        near = {
            today: t("今天"),
            today - timedelta(days=1): t("昨天"),
            today + timedelta(days=1): t("明天"),
        }
        if local.date() in near:
            return f"{near[local.date()]} {local:%H:%M}"
        return f"{local:%m-%d %H:%M}" if local.year == today.year else f"{local:%Y-%m-%d %H:%M}"

    def ago(self, at: datetime | None) -> str:
        if at is None:
            return "—"
        seconds = (self._clock.now() - at).total_seconds()
        if seconds < 60:
            return t("刚刚")
        for size, text in ((3600, "{count} 分钟前"), (86400, "{count} 小时前")):
            if seconds < size:
                return t(text, count=int(seconds // (60 if size == 3600 else 3600)))
        return self.when(at)

    def clock_time(self, at: datetime) -> str:
        return f"{self.local(at):%H:%M}"

    def iso(self, at: datetime | None) -> str:
        return "" if at is None else at.astimezone(UTC).isoformat(timespec="seconds")


def weekday(day: int) -> str:
    """Monday = 0."""
    return t(WEEKDAYS[day])


def filters(times: Times) -> dict[str, Callable[..., str]]:
    """Jinja filters by name."""
    return {
        "yuan": yuan,
        "share": share,
        "num": number,
        "bytes_of": bytes_of,
        "join_zh": join,
        "when": times.when,
        "ago": times.ago,
        "hm": times.clock_time,
        "iso": times.iso,
        "weekday": weekday,
    }
