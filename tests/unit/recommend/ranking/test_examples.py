"""Logged answers joined with events: who was seen, who answered, what is left out."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import numpy as np

from contentcenter.domain.events import EventKind
from recommend.ranking.examples import (
    LOOK_BACK,
    LoggedAnswer,
    SeenEntry,
    TracedEvent,
    examples,
    seen_entries,
)
from recommend.ranking.explore import Offer
from recommend.ranking.log import Ranked
from tests.unit.recommend.ranking.world import NOW, drawn_rows

ROWS = drawn_rows(8, np.random.default_rng(3))


def answer(trace: str = "t-0", count: int = 4, offer: Offer | None = None) -> LoggedAnswer:
    entries: list[dict[str, Any]] = []
    for place in range(1, count + 1):
        drawn = offer if place == 2 else None
        told = Ranked(3, place, ROWS[place], -2.0, "food", drawn, (5, 6), ROWS[5:7])
        entries.append({"item_id": place * 10, **told.as_json()})
    return LoggedAnswer(trace, 1, NOW, entries)


def event(item: int, kind: EventKind, hours: float = 1.0, trace: str = "t-0") -> TracedEvent:
    return TracedEvent(trace, item, kind, NOW + timedelta(hours=hours))


def told(seen: list[SeenEntry]) -> list[tuple[int, bool]]:
    return [(one.place, one.responded) for one in seen]


def test_impressions_say_what_was_seen() -> None:
    events = [event(10, EventKind.IMPRESSION), event(30, EventKind.IMPRESSION),
              event(30, EventKind.CLICK)]  # fmt: skip
    assert told(seen_entries([answer()], events)) == [(1, False), (3, True)]


def test_without_impressions_all_above_the_deepest_click_was_passed() -> None:
    seen = seen_entries([answer()], [event(30, EventKind.FAVOURITE)])
    assert told(seen) == [(1, False), (2, False), (3, True)]


def test_a_page_nobody_acted_on_and_events_too_late_are_left_out() -> None:
    late = LOOK_BACK.total_seconds() / 3600 + 1
    assert seen_entries([answer()], [event(10, EventKind.CLICK, late)]) == []
    assert seen_entries([answer()], [event(10, EventKind.CLICK, trace="other")]) == []


def test_what_was_waved_away_or_given_back_is_no_answer() -> None:
    events = [event(10, EventKind.CLICK), event(10, EventKind.DISLIKE),
              event(20, EventKind.ORDER), event(20, EventKind.REFUND)]  # fmt: skip
    assert told(seen_entries([answer()], events)) == [(1, False), (2, False)]


def test_entries_of_another_release_are_left_out() -> None:
    old = answer()
    entries = [{**entry, "key": 1} for entry in old.entries[:2]] + list(old.entries[2:])
    seen = seen_entries([LoggedAnswer("t-0", 1, NOW, entries)], [event(40, EventKind.CLICK)])
    assert [one.place for one in seen] == [3, 4]


def test_examples_carry_the_logged_rows_and_who_was_drawn() -> None:
    drawn = answer("t-1", offer=Offer((0, 1), (0.25, 0.75), 1))
    events = [event(40, EventKind.CLICK, trace=one) for one in ("t-0", "t-1")]
    seen = seen_entries([answer("t-0"), drawn], events)
    data = examples(seen)
    assert np.array_equal(data.rows[:4], ROWS[1:5])
    assert data.places.tolist() == [1, 2, 3, 4] * 2
    assert data.answers.tolist() == [0, 0, 0, 1] * 2
    assert data.pages.tolist() == [0] * 4 + [1] * 4
    assert data.explored.tolist() == [False] * 5 + [True] + [False] * 2
    assert seen[5].offer == Offer((5, 6), (0.25, 0.75), 1)


def test_no_entries_no_examples() -> None:
    assert len(examples([])) == 0
