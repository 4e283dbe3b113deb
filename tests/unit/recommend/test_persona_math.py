"""Persona arithmetic: once, in any order, in any batches, the same numbers."""

from __future__ import annotations

import math
import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contentcenter.domain.events import EventKind
from recommend.corpus import measure, plain_view
from recommend.persona_math import (
    Blending,
    Centres,
    Declared,
    ItemFacts,
    Learned,
    LearnEvent,
    PersonaSettings,
    blend,
    learn,
)
from recommend.persona_math.centres import Lesson, absorb
from recommend.persona_math.decay import day_number
from recommend.persona_math.prices import BINS, fit_table, position, price_at, quantiles, spread
from tests.unit.recommend.vectors import DIMENSION, bunched, corpus_of

NOW = datetime(2026, 11, 21, 4, tzinfo=UTC)
VECTORS = bunched()
CORPUS = corpus_of(VECTORS)
RULES = PersonaSettings()
KINDS = list(EventKind)


def nothing() -> Learned:
    return Learned(Centres.empty(DIMENSION))


def random_events(count: int, seed: int) -> list[LearnEvent]:
    rng = random.Random(seed)
    out = []
    for number in range(1, count + 1):
        row = rng.randrange(len(VECTORS))
        topic = row // 40
        category = ("scifi", "food", "history", "arts", "life")[topic]
        price = rng.choice([None, 1900, 3900, 9900])
        item = ItemFacts(VECTORS[row], category, (f"t{topic}", f"x{row}"), price)
        kind = rng.choice(KINDS)
        at = NOW - timedelta(days=rng.uniform(0, 250))
        out.append(LearnEvent(number, kind, at, rng.randrange(24), item))
    return out


def state(learned: Learned) -> tuple[object, bytes]:
    return learned.to_json(), learned.centres.vectors.tobytes()


@pytest.mark.parametrize("seed", range(4))
def test_batches_of_any_size_give_bit_equal_numbers(seed: int) -> None:
    events = random_events(200, seed)
    whole = learn(nothing(), events, CORPUS)
    rng, rest, pieces = random.Random(seed), list(events), nothing()
    while rest:
        size = rng.randint(1, 37)
        pieces = learn(pieces, rest[:size], CORPUS)
        # Through the store and back, as between two jobs.
        pieces = Learned.from_json(pieces.to_json(), pieces.centres)
        rest = rest[size:]
    assert state(pieces) == state(whole)


def test_events_handed_in_again_change_nothing() -> None:
    events = random_events(60, 9)
    once = learn(nothing(), events, CORPUS)
    twice = learn(learn(once, events, CORPUS), events[20:50], CORPUS)
    assert state(twice) == state(once)
    assert once.seen_event_id == 60


def test_learning_leaves_its_input_alone() -> None:
    before = learn(nothing(), random_events(20, 1), CORPUS)
    kept = state(before)
    learn(before, random_events(40, 1), CORPUS)
    assert state(before) == kept


@settings(max_examples=25, deadline=None)
@given(order=st.permutations(range(8)), gap=st.floats(0.1, 200))
def test_late_events_weigh_what_they_would_have_weighed_in_time(
    order: list[int], gap: float
) -> None:
    times = [NOW - timedelta(days=gap * place) for place in range(8)]
    item = ItemFacts(None, "scifi", ("a",), 3900)
    events = [
        LearnEvent(number + 1, EventKind.CLICK, times[place], 20, item)
        for number, place in enumerate(order)
    ]
    learned = learn(nothing(), events, CORPUS)
    today = day_number(NOW)
    expected = sum(0.5 ** (gap * place / RULES.interest_half_life) for place in range(8))
    assert learned.evidence(today, RULES) == pytest.approx(expected, rel=1e-9)
    value = learned.categories["scifi"] * learned.interest_fade(today, RULES)
    assert value == pytest.approx(expected, rel=1e-9)


def test_several_interests_stay_several_centres() -> None:
    centres = Centres.empty(DIMENSION)
    for row in [*range(10), *range(40, 50), *range(80, 90)]:
        centres = absorb(centres, Lesson(VECTORS[row], 1.0), CORPUS, RULES.max_centres)
    assert 3 <= len(centres) <= RULES.max_centres
    near = CORPUS.centre(centres.vectors) @ CORPUS.centre(VECTORS[[5, 45, 85]]).T
    assert (near.max(axis=0) > CORPUS.join_at).all()
    assert len({int(row) for row in near.argmax(axis=0)}) == 3


def test_never_more_centres_than_allowed_and_no_weight_is_lost() -> None:
    centres = Centres.empty(DIMENSION)
    rng = np.random.default_rng(1)
    for row in rng.permutation(len(VECTORS)):
        centres = absorb(centres, Lesson(VECTORS[row], 1.0), CORPUS, 4)
        assert len(centres) <= 4
    assert sum(centres.weights) == pytest.approx(len(VECTORS))


def test_a_disliked_topic_loses_its_centre() -> None:
    liked = LearnEvent(1, EventKind.CLICK, NOW, 20, ItemFacts(VECTORS[0], "scifi"))
    hated = LearnEvent(2, EventKind.DISLIKE, NOW, 20, ItemFacts(VECTORS[1], "scifi"))
    assert len(learn(nothing(), [liked], CORPUS).centres) == 1
    assert len(learn(nothing(), [liked, hated], CORPUS).centres) == 0


def test_centring_makes_bunched_cosines_tell_topics_apart() -> None:
    raw = VECTORS @ VECTORS.T
    assert raw[0, 100] > 0.7  # bunched: strangers look alike
    centred = CORPUS.centre(VECTORS)
    assert centred[0] @ centred[1] > CORPUS.join_at
    assert centred[0] @ centred[100] < CORPUS.join_at
    assert type(CORPUS).from_json(CORPUS.to_json()).near == CORPUS.near


def test_a_tiny_corpus_is_not_measured() -> None:
    few = measure("m", VECTORS[:3], VECTORS[:3])
    assert few.count == 0
    assert not few.mean.any()
    assert few.join_at == plain_view("m", DIMENSION).join_at


@given(price=st.floats(300, 100_000))
def test_price_scale_goes_there_and_back(price: float) -> None:
    assert price_at(position(price)) == pytest.approx(price, rel=1e-6)
    (low, first), (high, second) = spread(price)
    assert high == low + 1
    assert first + second == pytest.approx(1.0)
    assert low * first + high * second == pytest.approx(position(price))


def test_quantiles_follow_what_was_bought() -> None:
    histogram = [0.0] * BINS
    for price in [2_000] * 5 + [4_000] * 10 + [8_000] * 5:
        for place, share in spread(price):
            histogram[place] += share
    p20, p50, p80 = quantiles(histogram, (0.2, 0.5, 0.8))
    assert 1_500 < p20 < 3_000
    assert 3_300 < p50 < 4_800
    assert 5_500 < p80 < 9_500
    with pytest.raises(ValueError, match="no quantiles"):
        quantiles([0.0] * BINS, (0.5,))


def test_price_fit_falls_faster_above_and_for_the_sensitive() -> None:
    calm, keen = fit_table(3_000, 6_000, 0.0), fit_table(3_000, 6_000, 1.0)
    inside, dear = round(position(4_200)), round(position(15_000))
    assert calm[inside] == pytest.approx(1.0)
    assert 0.5 < keen[round(position(3_000))] <= 1.0
    assert keen[dear] < calm[dear] < 0.9
    cheap = round(position(1_200))
    assert calm[cheap] > calm[dear]


def declared() -> Declared:
    return Declared(VECTORS[:2], ("scifi",), ("科幻",), ceiling_fen=4_000, size=100)


def test_declared_start_gives_way_to_behaviour() -> None:
    today = day_number(NOW)
    start = blend(Blending(declared(), nothing()), today)
    assert start.origin["interests"] == "declared"
    assert start.categories["scifi"] == pytest.approx(1.0)
    assert start.price.p80 <= 4_000
    clicks = [
        LearnEvent(
            n, EventKind.ORDER, NOW, 21, ItemFacts(VECTORS[40 + n % 9], "food", ("面",), 9_900)
        )
        for n in range(1, 60)
    ]
    later = blend(Blending(declared(), learn(nothing(), clicks, CORPUS)), today)
    assert later.categories["food"] > later.categories["scifi"]
    assert later.confidence["interests"] > 0.9 > start.confidence["interests"]
    assert later.origin["interests"] == "learned"
    assert later.price.p50 > start.price.p50
    assert later.price_ceiling_fen == 4_000
    assert max(range(24), key=lambda hour: later.hours[hour]) == 21
    assert sum(later.centre_shares) == pytest.approx(1.0)
    assert sum(later.hours) == pytest.approx(1.0)


def test_old_evidence_fades_and_the_declared_returns() -> None:
    clicks = [
        LearnEvent(n, EventKind.CLICK, NOW, 21, ItemFacts(VECTORS[40], "food"))
        for n in range(1, 150)
    ]
    source = Blending(declared(), learn(nothing(), clicks, CORPUS))
    now, later = blend(source, day_number(NOW)), blend(source, day_number(NOW) + 365)
    assert now.confidence["interests"] > 0.8
    assert later.confidence["interests"] == pytest.approx(0.3, abs=0.01)
    assert later.categories["scifi"] > later.categories["food"]


def test_the_same_answers_tell_less_of_a_group_than_of_a_reader() -> None:
    clicks = [
        LearnEvent(n, EventKind.CLICK, NOW, 21, ItemFacts(VECTORS[40], "food")) for n in range(1, 9)
    ]
    learned = learn(nothing(), clicks, CORPUS)
    group, reader = (
        blend(Blending(replace(declared(), size=size), learned), day_number(NOW))
        for size in (100, 1)
    )
    assert sum(reader.centre_shares[:2]) == pytest.approx(0.5)
    assert sum(group.centre_shares[:2]) > 0.8
    assert group.confidence["interests"] < reader.confidence["interests"]
    assert group.categories["food"] < reader.categories["food"]


def test_leaving_tires_most() -> None:
    def after(kind: EventKind, count: int) -> float:
        events = [LearnEvent(n, kind, NOW, 9) for n in range(1, count + 1)]
        learned = learn(nothing(), events, CORPUS)
        return blend(Blending(declared(), learned), day_number(NOW)).fatigue

    assert after(EventKind.LEAVE, 3) > after(EventKind.IMPRESSION, 3)
    assert after(EventKind.LEAVE, 1) < after(EventKind.LEAVE, 5) <= 1.0
    assert after(EventKind.CLICK, 5) == 0.0


def test_cheap_clicks_beside_dear_impressions_mean_sensitivity() -> None:
    shown = [
        LearnEvent(n, EventKind.IMPRESSION, NOW, 9, ItemFacts(None, "food", (), 9_000))
        for n in range(1, 20)
    ]
    cheap = [
        LearnEvent(100 + n, EventKind.CLICK, NOW, 9, ItemFacts(None, "food", (), 3_000))
        for n in range(5)
    ]
    persona = blend(Blending(declared(), learn(nothing(), shown + cheap, CORPUS)), day_number(NOW))
    assert persona.price_sensitivity > 0.8


def test_a_hand_set_field_wins_and_shows_it() -> None:
    override = {
        "price": {"p20": 1_000, "p50": 2_000, "p80": 3_000},
        "categories": {"arts": 1.0},
        "fatigue": 0.7,
        "active_hours": [1 / 24] * 24,
        "interests": {"texts": ["画"], "vectors": VECTORS[:1].tolist()},
    }
    learned = learn(nothing(), random_events(50, 3), CORPUS)
    persona = blend(Blending(declared(), learned, override), day_number(NOW))
    assert persona.price.p50 == 2_000
    assert persona.categories == {"arts": 1.0}
    assert persona.fatigue == 0.7
    assert persona.centre_shares == (1.0,)
    for name in override:
        assert persona.origin[name] == "override"
        assert persona.confidence[name] == 1.0
    assert persona.origin["tags"] != "override"
    assert not math.isnan(persona.evidence)


def test_what_a_member_did_elsewhere_tells_of_taste_by_its_share_and_never_tires() -> None:
    item = ItemFacts(VECTORS[0], "scifi", ("t0",), 3_900)
    own = [
        LearnEvent(number, kind, NOW, 20, item)
        for number, kind in enumerate((EventKind.IMPRESSION, EventKind.CLICK), start=1)
    ]
    whole = learn(nothing(), own, CORPUS)
    part = learn(nothing(), [replace(one, share=0.25) for one in own], CORPUS)
    assert part.categories["scifi"] == pytest.approx(whole.categories["scifi"] / 4)
    assert part.shown["scifi"] == pytest.approx(whole.shown["scifi"] / 4)
    assert sum(part.prices) == pytest.approx(sum(whole.prices) / 4)
    assert part.centres.weights[0] == pytest.approx(whole.centres.weights[0] / 4)
    assert whole.recent
    assert not part.recent
    assert not part.recent_sums
