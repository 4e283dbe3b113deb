"""Rising interests: what members do alone beyond the usual, until it was tried in vain."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from contentcenter.domain.events import EventKind
from recommend.persona_math import (
    Blending,
    Centres,
    Declared,
    ItemFacts,
    Learned,
    LearnEvent,
    Persona,
    blend,
    learn,
)
from recommend.persona_math.decay import day_number
from recommend.persona_math.rising import MOST, risen, risen_by_name
from tests.unit.recommend.vectors import DIMENSION, bunched, corpus_of

NOW = datetime(2026, 11, 21, 4, tzinfo=UTC)
VECTORS = bunched()
CORPUS = corpus_of(VECTORS)
SCIFI, FOOD = ItemFacts(VECTORS[0], "scifi"), ItemFacts(VECTORS[40], "food")
NOBODY = Declared(np.zeros((0, DIMENSION), dtype=np.float32))


def settled() -> Learned:
    """Twenty days of answers to one topic."""
    events = [
        LearnEvent(n, EventKind.CLICK, NOW - timedelta(days=20 - n // 2), 20, SCIFI)
        for n in range(1, 41)
    ]
    return learn(Learned(Centres.empty(DIMENSION)), events, CORPUS)


def after(learned: Learned, kind: EventKind, count: int, share: float = 1.0) -> Learned:
    """The same with events about food at the end."""
    start = learned.seen_event_id + 1
    events = [LearnEvent(start + n, kind, NOW, 20, FOOD, share) for n in range(count)]
    return learn(learned, events, CORPUS)


def persona(learned: Learned, days: float = 0.0) -> Persona:
    return blend(Blending(NOBODY, learned), day_number(NOW) + days)


def test_more_answers_than_usual_rise_and_the_usual_does_not() -> None:
    one, five = risen([0.0, 1.0], [100.0, 1.0]), risen([0.0, 5.0], [100.0, 5.0])
    assert 0.0 < one[1] < five[1] <= MOST
    assert one[0] == five[0] == 0.0
    assert max(risen([10.0, 2.0], [50.0, 10.0])) == pytest.approx(0.0)
    assert risen([0.0, 0.0], [5.0, 1.0]) == (0.0, 0.0)
    assert risen([3.0], [0.0]) == (0.0,)
    assert risen([0.0, 1e9], [1e12, 0.0])[1] == MOST


def test_names_that_were_never_usual_rise_too_and_negative_sums_count_as_none() -> None:
    found = risen_by_name({"food": 3.0, "arts": -1.0}, {"scifi": 1.0, "life": -0.5})
    assert set(found) == {"food"}


def test_what_members_do_alone_lets_an_interest_rise() -> None:
    now = persona(after(settled(), EventKind.CLICK, 6, share=0.5))
    assert set(now.rising) == {"food"}
    assert now.centre_rise[0] == 0.0
    assert now.centre_rise[1] > 0.5
    assert now.centre_evidence[0] > now.centre_evidence[1]


def test_answers_to_what_was_sent_are_no_rise() -> None:
    now = persona(after(settled(), EventKind.CLICK, 6))
    assert not now.rising
    assert max(now.centre_rise) == 0.0


def test_a_rise_ends_when_it_was_shown_and_left_unanswered_and_after_some_days() -> None:
    risen_now = after(settled(), EventKind.CLICK, 6, share=0.5)
    before = persona(risen_now)
    tried = persona(after(risen_now, EventKind.IMPRESSION, 60))
    assert tried.rising.get("food", 0.0) < 0.5 * before.rising["food"]
    assert tried.centre_rise[1] < 0.5 * before.centre_rise[1]
    assert persona(risen_now, days=12.0).rising["food"] < 0.5 * before.rising["food"]


def test_recent_answers_are_stored_and_older_rows_load_without_them() -> None:
    learned = after(settled(), EventKind.CLICK, 6, share=0.5)
    value = learned.to_json()
    again = Learned.from_json(value, learned.centres)
    assert again.to_json() == value
    assert persona(again).rising == persona(learned).rising
    old = {key: kept for key, kept in value.items() if key not in {"lately", "recent_weights"}}
    bare = Learned.from_json(old, Centres(learned.centres.vectors, learned.centres.weights))
    assert bare.centres.recent == (0.0,) * len(bare.centres)
    assert not persona(bare).rising


def test_an_interest_set_by_hand_is_not_doubted() -> None:
    learned = after(settled(), EventKind.CLICK, 6, share=0.5)
    override = {"interests": {"vectors": VECTORS[:1].tolist()}}
    now = blend(Blending(NOBODY, learned, override), day_number(NOW))
    assert now.centre_evidence == ()
    assert now.centre_rise == ()
