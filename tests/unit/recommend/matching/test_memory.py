"""What an audience remembers: bounded, fading, the same however the events came."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from contentcenter.domain.events import EventKind
from recommend.matching.memory import (
    MEMORY_HALF_LIFE,
    MEMORY_HELD,
    MEMORY_SIZE,
    Answer,
    MemoryColumns,
    Trace,
    recalled,
    recalled_columns,
    remember,
)
from recommend.persona_math.decay import day_number

NOW = datetime(2026, 11, 21, 4, tzinfo=UTC)


def answer(item: int, kind: EventKind = EventKind.CLICK, days_ago: float = 0.0) -> Answer:
    return Answer(item, kind, NOW - timedelta(days=days_ago))


def test_answers_add_up_and_fade_by_half() -> None:
    held = remember({}, [answer(1, EventKind.ORDER, MEMORY_HALF_LIFE), answer(1)])
    assert recalled(held, day_number(NOW))[1] == pytest.approx(5.0 / 2 + 1.0)
    later = day_number(NOW) + MEMORY_HALF_LIFE
    assert recalled(held, later)[1] == pytest.approx((5.0 / 2 + 1.0) / 2)


def test_a_late_event_lands_with_the_weight_it_would_have_had() -> None:
    in_time = remember({}, [answer(1, days_ago=30), answer(1)])
    late = remember({}, [answer(1), answer(1, days_ago=30)])
    assert late[1].weight == pytest.approx(in_time[1].weight)
    assert late[1].day == in_time[1].day


def test_impressions_are_no_answers_and_a_refund_takes_back() -> None:
    assert remember({}, [answer(1, EventKind.IMPRESSION)]) == {}
    held = remember({}, [answer(1), answer(1, EventKind.REFUND), answer(2)])
    assert list(recalled(held, day_number(NOW))) == [2]


def test_it_is_bounded_and_keeps_the_strongest() -> None:
    many = [answer(n, EventKind.ORDER if n % 10 == 0 else EventKind.CLICK) for n in range(2_000)]
    held = remember({}, many)
    assert len(held) <= MEMORY_HELD
    kept = recalled(held, day_number(NOW))
    assert len(kept) <= MEMORY_SIZE
    assert sum(item % 10 == 0 for item in kept) >= 190


def test_batches_do_not_matter() -> None:
    dice = random.Random(3)
    kinds = [EventKind.CLICK, EventKind.ORDER, EventKind.DISLIKE, EventKind.FAVOURITE]
    answers = [
        answer(dice.randrange(700), dice.choice(kinds), dice.random() * 90) for _ in range(3_000)
    ]
    whole = remember({}, answers)
    pieces: dict[int, Trace] = {}
    at = 0
    while at < len(answers):
        step = dice.randrange(1, 200)
        pieces = remember(pieces, answers[at : at + step])
        at += step
    assert pieces == whole


def test_memories_in_columns_recall_what_each_recalls_alone() -> None:
    rng = np.random.default_rng(5)
    memories = [
        {
            int(one): Trace(float(rng.normal(1.0, 1.0)), float(rng.integers(100, 200)))
            for one in rng.permutation(40)[:size]
        }
        for size in (0, 3, 12, 30)
    ]
    rows = [(at, i, t.weight, t.day) for at, own in enumerate(memories) for i, t in own.items()]
    audience, item, weight, day = (np.array(one) for one in zip(*rows, strict=True))
    found = recalled_columns(MemoryColumns(audience, item, weight, day), 190.0, size=10)
    for at, own in enumerate(memories):
        mine = found.audience == at
        alone = recalled(own, 190.0, size=10)
        assert found.item[mine].tolist() == list(alone)
        assert found.weight[mine].tolist() == pytest.approx(list(alone.values()))
    assert len(found.item) > 15
