"""Money, times and shares as people read them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from contentcenter.clock import FixedClock
from contentcenter.console import formats
from contentcenter.console.formats import Times

NOON = datetime(2026, 11, 21, 4, 0, tzinfo=UTC)  # Saturday noon in Shanghai


@pytest.fixture
def times() -> Times:
    return Times(FixedClock(NOON), "Asia/Shanghai")


@pytest.mark.parametrize(
    ("fen", "text"),
    [
        (None, "—"),
        (0, "¥0"),
        (4500, "¥45"),
        (3950, "¥39.50"),
        (128005, "¥1,280.05"),
        (-5, "-¥0.05"),
    ],
)
def test_money(fen: int | None, text: str) -> None:
    assert formats.yuan(fen) == text


@pytest.mark.parametrize(
    ("at", "text"),
    [
        (NOON + timedelta(hours=8, minutes=30), "今天 20:30"),
        (NOON - timedelta(hours=13), "昨天 23:00"),
        (NOON + timedelta(hours=13), "明天 01:00"),
        (NOON + timedelta(days=7), "11-28 12:00"),
        (NOON - timedelta(days=365), "2025-11-21 12:00"),
        (None, "—"),
    ],
)
def test_times_are_local_and_near_days_have_names(
    times: Times, at: datetime | None, text: str
) -> None:
    assert times.when(at) == text


@pytest.mark.parametrize(
    ("seconds", "text"), [(5, "刚刚"), (125, "2 分钟前"), (7300, "2 小时前"), (90000, "昨天 11:00")]
)
def test_how_long_ago(times: Times, seconds: int, text: str) -> None:
    assert times.ago(NOON - timedelta(seconds=seconds)) == text


@pytest.mark.parametrize(
    ("value", "text"), [(512, "512 B"), (2048, "2.0 KB"), (5 * 1024**2, "5.0 MB")]
)
def test_sizes(value: int, text: str) -> None:
    assert formats.bytes_of(value) == text


@pytest.mark.parametrize(
    ("value", "text"), [(None, "—"), (1234, "1,234"), (0.5, "0.50"), (2.0, "2")]
)
def test_numbers(value: float | None, text: str) -> None:
    assert formats.number(value) == text
