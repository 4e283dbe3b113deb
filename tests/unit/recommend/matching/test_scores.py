"""Matching: parts add up, ceilings hold, and the sweep finds what the full matrix finds."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from recommend.matching.features import (
    MatchItem,
    audience_features,
    felt_sensitivity,
    item_features,
)
from recommend.matching.scores import (
    AudienceFeatures,
    ItemFeatures,
    eligible,
    score_matrix,
    total_of,
)
from recommend.matching.settings import PARTS, MatchSettings
from recommend.matching.sweep import sweep
from recommend.persona_math import Blending, Centres, Declared, Learned, Persona, blend
from recommend.persona_math.decay import day_number
from tests.unit.recommend.vectors import DIMENSION, bunched, corpus_of

NOW = datetime(2026, 11, 21, 4, tzinfo=UTC)
VECTORS = bunched()
CORPUS = corpus_of(VECTORS)
CATEGORIES = ("scifi", "food", "history", "arts", "life")


def item(number: int, **values: object) -> MatchItem:
    base = MatchItem(
        id=number + 1,
        vector=VECTORS[number],
        category=CATEGORIES[number // 40],
        tags=(f"t{number // 40}", f"x{number % 7}"),
        price_fen=1_500 + 60 * number,
        published_at=NOW - timedelta(days=number % 30),
        quality=0.3 + (number % 5) / 10,
        shown=float(number % 50),
        liked=float(number % 4),
    )
    return replace(base, **values)  # type: ignore[arg-type]


def persona(topic: int, ceiling: int | None = None) -> Persona:
    vectors = VECTORS[[topic * 40, (topic * 40 + 80) % 200]]
    declared = Declared(vectors, (CATEGORIES[topic],), (f"t{topic}",), ceiling, size=100)
    return blend(Blending(declared, Learned(Centres.empty(DIMENSION))), day_number(NOW))


def features(ceiling: int | None = None) -> tuple[ItemFeatures, AudienceFeatures]:
    items = item_features([item(number) for number in range(200)], CORPUS, NOW)
    people = [persona(topic, ceiling if topic == 1 else None) for topic in range(5)]
    return items, audience_features(range(1, 6), people, CORPUS)


def test_parts_are_named_and_sum_to_the_score() -> None:
    items, people = features()
    scores = score_matrix(items, people)
    assert set(scores.parts) == set(PARTS)
    assert np.abs(np.sum(list(scores.parts.values()), axis=0) - scores.total).max() < 1e-5
    parts = scores.explain(17, 3)
    assert round(sum(parts.values()), 4) == total_of(parts)
    assert total_of(parts) == pytest.approx(float(scores.total[17, 3]), abs=1e-3)


def test_each_audience_gets_its_own_topic_first() -> None:
    items, people = features()
    best = score_matrix(items, people).total.argsort(axis=0)[::-1][:5]
    for topic in range(5):
        own = {topic, (topic + 2) % 5}  # both declared directions count, not their mean
        assert {int(row) // 40 for row in best[:, topic]} <= own


def test_the_nearest_centre_counts_not_the_mean() -> None:
    declared = Declared(VECTORS[[0, 160]])
    both = blend(Blending(declared, Learned(Centres.empty(DIMENSION))), day_number(NOW))
    items = item_features([item(1), item(161), item(90)], CORPUS, NOW)
    scores = score_matrix(items, audience_features([1], [both], CORPUS))
    semantic = scores.parts["semantic"][:, 0]
    assert semantic[0] > 0.5 < semantic[1]
    assert semantic[2] < 0.5
    assert scores.centre[0, 0] != scores.centre[1, 0]


def test_a_ceiling_is_hard_and_no_price_is_no_obstacle() -> None:
    items = item_features(
        [item(41, price_fen=2_999), item(42, price_fen=3_001), item(43, price_fen=None)],
        CORPUS,
        NOW,
    )
    people = audience_features([1, 2], [persona(1, 3_000), persona(1)], CORPUS)
    assert eligible(items, people).tolist() == [[True, True], [False, True], [True, True]]


def test_price_fit_is_soft_below_the_ceiling() -> None:
    people = audience_features([1], [persona(1, 10_000)], CORPUS)
    prices = (5_000, 9_900, 500, 20_000)
    items = item_features([item(n, price_fen=one) for n, one in enumerate(prices, 41)], CORPUS, NOW)
    usual, at_ceiling, cheap, dear = score_matrix(items, people).parts["price"][:, 0]
    assert usual > at_ceiling > dear
    assert usual - at_ceiling < at_ceiling - dear
    assert usual > cheap > dear


def test_sensitivity_to_prices_counts_once_interests_are_known() -> None:
    rules, known = MatchSettings(), persona(1, 3_500)
    unknown = replace(known, centres=known.centres[:0], centre_shares=(), centre_evidence=())
    by_hand = replace(known, centre_evidence=())
    assert felt_sensitivity(unknown, rules) == 0.0
    assert 0.6 < felt_sensitivity(known, rules) / known.price_sensitivity < 1.0
    assert felt_sensitivity(by_hand, rules) == known.price_sensitivity
    items = item_features([item(1, price_fen=2_000), item(2, price_fen=3_100)], CORPUS, NOW)
    people = audience_features([1, 2, 3], [unknown, known, by_hand], CORPUS)
    price = score_matrix(items, people).parts["price"]
    lost = price[0] - price[1]
    assert lost[0] == pytest.approx(0.0, abs=0.01)
    assert 0.0 < lost[1] < lost[2]


def test_responses_freshness_and_doubt_move_their_parts() -> None:
    people = audience_features([1], [persona(0)], CORPUS)
    items = item_features(
        [
            item(1, shown=500.0, liked=100.0),
            item(1, shown=500.0, liked=0.0),
            item(1, shown=0.0, liked=0.0),
            item(1, published_at=NOW - timedelta(days=90)),
        ],
        CORPUS,
        NOW,
    )
    parts = score_matrix(items, people).parts
    assert parts["response"][0, 0] > parts["response"][2, 0] > parts["response"][1, 0]
    assert parts["exploration"][2, 0] > parts["exploration"][0, 0] > 0
    assert parts["freshness"][0, 0] > parts["freshness"][3, 0]


def test_fatigue_lowers_every_score_of_an_audience() -> None:
    items = item_features([item(1), item(50)], CORPUS, NOW)
    tired = replace(persona(0), fatigue=0.9)
    scores = score_matrix(items, audience_features([1, 2], [persona(0), tired], CORPUS))
    assert (scores.total[:, 1] < scores.total[:, 0]).all()
    assert (scores.parts["fatigue"][:, 1] < 0).all()


def test_the_sweep_finds_the_best_of_the_full_matrix() -> None:
    items, people = features(ceiling=4_000)
    rules = MatchSettings(tag_columns=512)
    scores = score_matrix(items, people, rules)
    full = np.where(eligible(items, people), scores.total, -np.inf)
    pieces = [
        item_features([item(n) for n in range(start, start + 50)], CORPUS, NOW)
        for start in range(0, 200, 50)
    ]
    best = sweep(pieces, people, 10, rules)
    for column in range(5):
        order = np.argsort(-full[:, column], kind="stable")[:10]
        assert best.ids[column].tolist() == items.ids[order].tolist()
        assert np.allclose(best.scores[column], full[order, column], atol=1e-4)


def test_fewer_eligible_items_than_asked_for_leave_gaps() -> None:
    items = item_features([item(41, price_fen=2_000), item(42, price_fen=9_000)], CORPUS, NOW)
    best = sweep([items], audience_features([1], [persona(1, 3_000)], CORPUS), 5)
    assert best.ids[0].tolist() == [42, -1, -1, -1, -1]
