"""What is remembered of a batch changes no number."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np

from contentcenter.domain.events import EventKind
from recommend.events.batch_view import BatchView
from recommend.persona_math import Centres, ItemFacts, Learned, LearnEvent, learn
from tests.unit.recommend.vectors import DIMENSION, bunched, corpus_of

NOW = datetime(2026, 11, 21, 4, tzinfo=UTC)
VECTORS = bunched()
CORPUS = corpus_of(VECTORS)
ROWS = dict(enumerate(VECTORS))
# Mostly impressions, as readers of a feed make them, and what moves centres between them.
KINDS = [EventKind.IMPRESSION] * 6 + [EventKind.CLICK, EventKind.ORDER, EventKind.DISLIKE]


def events_of(seed: int, items: dict[int, np.ndarray], count: int = 400) -> list[LearnEvent]:
    rng = random.Random(seed)
    facts = {one: ItemFacts(vector, f"c{one % 3}") for one, vector in items.items()}
    return [
        LearnEvent(
            number,
            rng.choice(KINDS),
            NOW - timedelta(days=rng.uniform(0, 250)),
            rng.randrange(24),
            facts[rng.choice(list(facts))],
            rng.choice([1.0, 0.5]),
        )
        for number in range(1, count + 1)
    ]


def test_a_persona_learns_the_same_numbers_to_the_last_bit() -> None:
    nothing = Learned(Centres.empty(DIMENSION))
    for seed in range(5):
        view = BatchView(CORPUS, ROWS)
        plain = learn(nothing, events_of(seed, ROWS), CORPUS)
        quick = learn(nothing, events_of(seed, dict(view.items)), view)
        assert len(plain.centres) > 1
        assert quick.centres.vectors.tobytes() == plain.centres.vectors.tobytes()
        assert quick.to_json() == plain.to_json()


def test_what_it_does_not_know_is_laid_out_as_ever() -> None:
    view = BatchView(CORPUS, {1: VECTORS[1]})
    strange = VECTORS[5:9]
    for asked in (strange, strange, VECTORS[1][None, :], view.items[1][None, :], strange[:1]):
        assert view.centre(asked).tobytes() == CORPUS.centre(asked).tobytes()


def test_without_items_it_is_the_view() -> None:
    view = BatchView(CORPUS, {})
    assert view.centre(VECTORS).tobytes() == CORPUS.centre(VECTORS).tobytes()
    assert (view.join_at, view.merge_at) == (CORPUS.join_at, CORPUS.merge_at)


def test_it_keeps_to_the_view_it_was_made_of() -> None:
    moved = replace(CORPUS, mean=CORPUS.mean + np.float32(0.1))
    one = BatchView(moved, ROWS).items[3][None, :]
    assert BatchView(moved, {3: one[0]}).centre(one).tobytes() == moved.centre(one).tobytes()
