"""Whom an event teaches: its reader, its audience, and the audiences the reader belongs to."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from contentcenter.domain.events import EventKind
from recommend.events.learning_events import Move, StoredEvent, audiences_at, by_subject
from recommend.personas.store import Subject

NOON = datetime(2026, 11, 21, 4, tzinfo=UTC)
HOUR = timedelta(hours=1)


def click(number: int, *, reader: int | None = 7, audience: int | None = None) -> StoredEvent:
    return StoredEvent(number, EventKind.CLICK, NOON, reader, audience, item_id=3)


def test_what_a_reader_does_alone_teaches_the_groups_by_a_share() -> None:
    moves = {7: [Move(1, 20, NOON - HOUR, True), Move(2, 21, NOON - HOUR, True)]}
    found = by_subject([click(5)], moves, 0.5)
    assert {key: [one.share for one in own] for key, own in found.items()} == {
        (Subject.READER, 7): [1.0],
        (Subject.AUDIENCE, 20): [0.5],
        (Subject.AUDIENCE, 21): [0.5],
    }


def test_what_happened_in_a_group_teaches_that_group_alone() -> None:
    moves = {7: [Move(1, 20, NOON - HOUR, True), Move(2, 21, NOON - HOUR, True)]}
    found = by_subject([click(5, audience=20)], moves, 0.5)
    assert {key: [one.share for one in own] for key, own in found.items()} == {
        (Subject.READER, 7): [1.0],
        (Subject.AUDIENCE, 20): [1.0],
    }


def test_a_share_of_nothing_leaves_groups_alone_and_strangers_teach_nobody() -> None:
    moves = {7: [Move(1, 20, NOON - HOUR, True)]}
    assert list(by_subject([click(5)], moves, 0.0)) == [(Subject.READER, 7)]
    assert list(by_subject([click(5, reader=8)], moves, 0.5)) == [(Subject.READER, 8)]


def test_who_left_before_or_joined_after_does_not_count() -> None:
    left = [Move(1, 20, NOON - 3 * HOUR, True), Move(2, 20, NOON - HOUR, False)]
    later = [Move(1, 21, NOON + HOUR, True)]
    again = [*left, Move(3, 20, NOON - HOUR / 2, True)]
    assert audiences_at(left, click(9)) == []
    assert audiences_at(later, click(9)) == []
    assert audiences_at(again, click(9)) == [20]


def test_a_move_that_was_stored_after_the_event_changes_no_lesson() -> None:
    """However the events are batched, an event teaches the same subjects."""
    late = [Move(12, 20, NOON - HOUR, True)]
    assert audiences_at(late, click(9)) == []
    assert audiences_at(late, click(13)) == [20]


def test_moves_that_came_out_of_order_count_in_the_order_they_happened() -> None:
    moves = [Move(2, 20, NOON - HOUR, True), Move(3, 20, NOON - 2 * HOUR, False)]
    assert audiences_at(moves, click(9)) == [20]
