"""Rising interests: what members do alone beyond the usual, until it was tried in vain."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from scipy.stats import poisson

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
from recommend.persona_math.rising import MOST, log_evidence, risen, surely_risen, sureness
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
    found = surely_risen({"food": 3.0, "arts": -1.0}, {"scifi": 1.0, "life": 0.5})
    assert set(found) == {"food"}
    assert surely_risen({"food": -1.0}, {"scifi": 1.0}) == {}
    assert surely_risen({"food": 3.0}, {}) == {}


def test_evidence_is_the_average_likelihood_ratio_over_the_prior() -> None:
    """Against the integral by quadrature, and fair under the usual rate: its mean is 1."""
    ratios = np.linspace(0.0, 400.0, 400_001)
    density = np.exp(-ratios / 10.0) / 10.0
    for found, expected in ((0, 0.5), (2, 0.3), (6, 1.5)):
        likelihood = ratios**found * np.exp(-expected * (ratios - 1.0)) * density
        direct = float(np.sum((likelihood[1:] + likelihood[:-1]) / 2.0) * 1e-3)
        assert log_evidence(found, expected) == pytest.approx(np.log(direct), abs=1e-3)
    factors = np.array([log_evidence(count, 0.7) for count in range(200)])
    mean = float(np.exp(factors + poisson.logpmf(np.arange(200), 0.7)).sum())
    assert mean == pytest.approx(1.0, abs=1e-6)


def test_one_answer_is_no_rise_where_a_few_are() -> None:
    assert sureness(1.0, 0.5) == 0.0
    assert 0.0 < sureness(2.0, 0.5) < sureness(3.0, 0.5) < 1.0
    assert sureness(6.0, 0.5) == 1.0


def test_chance_rarely_lets_anything_rise_in_full_however_often_one_looks() -> None:
    """Fifteen days of answers at the usual rate, looked at after each: at most one in twenty."""
    luck = np.random.default_rng(5)
    counts = luck.poisson(0.2, size=(2_000, 15)).cumsum(axis=1)
    expected = 0.2 * np.arange(1, 16)
    ever = [
        any(sureness(float(n), float(mu)) == 1.0 for n, mu in zip(run, expected, strict=True))
        for run in counts
    ]
    assert 0 < sum(ever) <= 0.05 * len(ever)


def test_what_members_always_did_alone_does_not_rise() -> None:
    """The same answers alone, for twenty days or in the last one."""
    usual = [
        LearnEvent(n, EventKind.CLICK, NOW - timedelta(days=20 - n // 3), 20, FOOD, 0.5)
        for n in range(1, 61)
    ]
    steady = learn(Learned(Centres.empty(DIMENSION)), usual, CORPUS)
    assert persona(steady).rising.get("food", 0.0) < 0.1
    assert persona(after(settled(), EventKind.CLICK, 6, share=0.5)).rising["food"] > 1.0


def test_a_post_that_is_answered_as_usual_does_not_end_the_rise() -> None:
    found = after(settled(), EventKind.CLICK, 6, share=0.5)
    shown = after(found, EventKind.IMPRESSION, 40)
    answered = after(shown, EventKind.CLICK, 2)
    assert persona(shown).rising["food"] < persona(answered).rising["food"]
    assert persona(answered).rising["food"] == pytest.approx(persona(found).rising["food"], rel=0.1)


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
    assert tried.rising["food"] < 0.9 * before.rising["food"]
    assert not persona(after(risen_now, EventKind.IMPRESSION, 120)).rising
    assert tried.centre_rise[1] < 0.5 * before.centre_rise[1]
    assert not persona(risen_now, days=12.0).rising


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
