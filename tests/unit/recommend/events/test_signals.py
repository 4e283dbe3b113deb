"""Signals go on from what is stored, in whatever batches events come."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from contentcenter.domain.events import EventKind
from recommend.events.signals import Response, Signal, heard

START = datetime(2026, 11, 1, tzinfo=UTC)
KINDS = (EventKind.IMPRESSION, EventKind.CLICK, EventKind.IMPRESSION, EventKind.ORDER)
EVENTS = [
    Response(1 + number % 3, KINDS[number % 4], START + timedelta(hours=(number * 37) % 300))
    for number in range(60)
]


def test_batches_of_any_size_give_the_same_numbers() -> None:
    at_once = heard({}, EVENTS)
    stored: dict[int, Signal] = {}
    for start in range(0, len(EVENTS), 7):
        stored |= heard(stored, EVENTS[start : start + 7])
    assert stored == at_once
    assert set(at_once) == {1, 2, 3}


def test_only_items_that_were_answered_are_written_again() -> None:
    before = heard({}, EVENTS)
    after = heard(before, [Response(2, EventKind.CLICK, START)])
    assert set(after) == {2}
    assert after[2].liked > before[2].liked
