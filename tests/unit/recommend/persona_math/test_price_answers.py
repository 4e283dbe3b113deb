"""Price sensitivity: an elasticity from answers, a prior from a declared ceiling."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

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
    blend,
    learn,
)
from recommend.persona_math.decay import day_number
from recommend.persona_math.prices import (
    DEAR,
    FIT_OF_LOG_RATE,
    PriceAnswers,
    declared_sensitivity,
    elasticity,
    fit_table,
    position,
    price_at,
    sensitivity_of,
)
from tests.unit.recommend.vectors import DIMENSION, bunched, corpus_of

NOW = datetime(2026, 11, 21, 4, tzinfo=UTC)
CORPUS = corpus_of(bunched())


@pytest.mark.parametrize("true", [0.0, 1.0, 2.5])
def test_elasticity_is_found_from_shown_and_answered_prices(true: float) -> None:
    logs = np.random.default_rng(3).normal(8.3, 0.35, 40_000)
    weight = np.exp(-true * (logs - 8.3))
    answered = float(np.average(logs, weights=weight))
    found = PriceAnswers(float(logs.mean()), float(logs.var()), 10_000.0, answered)
    assert elasticity(found, 1.0, 40.0) == pytest.approx(true, abs=0.05)


def test_one_price_for_all_or_few_answers_leave_the_prior() -> None:
    same = PriceAnswers(8.0, 0.0, 500.0, 8.0)
    assert elasticity(same, 1.3, 40.0) == pytest.approx(1.3)
    few = PriceAnswers(8.0, 0.12, 1.0, 7.0)
    assert 1.0 < elasticity(few, 1.0, 40.0) < 1.3


def test_who_names_a_low_ceiling_minds_prices() -> None:
    low, high = declared_sensitivity(3_500, 6_800), declared_sensitivity(15_000, 6_800)
    assert low > 0.7
    assert high < 0.5
    assert declared_sensitivity(None, 6_800) == declared_sensitivity(0, 6_800) == 0.5
    assert 0.0 < declared_sensitivity(10_000_000, 6_800) < declared_sensitivity(100, 6_800) < 1.0
    assert (sensitivity_of(-1.0), sensitivity_of(1.0), sensitivity_of(9.0)) == (0.0, 0.5, 1.0)


def test_for_the_sensitive_the_fall_begins_inside_the_band_and_goes_deeper() -> None:
    calm, keen = fit_table(2_000, 6_000, 0.0), fit_table(2_000, 6_000, 1.0)
    inside, dear = round(position(5_000)), round(position(15_000))
    assert calm[inside] == pytest.approx(1.0)
    assert keen[inside] < 0.0
    assert -DEAR <= keen[dear] < 0.0 < calm[dear]
    cheap = round(position(900))
    assert keen[cheap] == pytest.approx(calm[cheap], abs=0.01)


@pytest.mark.parametrize("sensitivity", [0.25, 0.5])
def test_far_above_the_budget_the_fit_falls_by_the_elasticity(sensitivity: float) -> None:
    """Two prices at which the band says no more and the floor is not reached."""
    table = fit_table(600, 1_000, sensitivity).astype(float)
    first, second = round(position(1_900)), round(position(2_300))
    usual = fit_table(600, 1_000, 0.0).astype(float)
    lost = (usual - table)[[first, second]] / FIT_OF_LOG_RATE
    step = np.log(price_at(second) / price_at(first))
    assert lost[1] - lost[0] == pytest.approx(2.0 * sensitivity * step, rel=0.02)


def test_dearer_never_suits_the_sensitive_better() -> None:
    for sensitivity in (0.3, 0.7, 1.0):
        table = fit_table(2_500, 6_000, sensitivity)
        assert np.all(np.diff(table[round(position(2_500)) :]) <= 1e-6)
        assert table.min() >= -DEAR


def test_a_group_of_many_takes_more_answers_to_be_told_its_prices() -> None:
    """The same orders of dear books: what a reader declared gives way, a group's does less."""
    shown = [(n, EventKind.IMPRESSION, price) for n, price in enumerate([2_500, 7_500] * 40, 1)]
    answers = [(100 + n, EventKind.CLICK, 7_500) for n in range(30)]
    events = [
        LearnEvent(n, kind, NOW, 9, ItemFacts(None, "food", (), price))
        for n, kind, price in [*shown, *answers]
    ]
    learned = learn(Learned(Centres.empty(DIMENSION)), events, CORPUS)
    said = Declared(np.zeros((0, DIMENSION), np.float32), ceiling_fen=3_500)
    reader = blend(Blending(said, learned), day_number(NOW))
    group = blend(Blending(replace(said, size=300), learned), day_number(NOW))
    assert reader.price.p50 > group.price.p50 > 2_100
    assert reader.price_sensitivity < group.price_sensitivity < 0.75
    assert reader.confidence["price"] > group.confidence["price"] > 0.0


def test_a_persona_learns_sensitivity_against_what_its_ceiling_says() -> None:
    """Cheap and dear books shown alike; with dear answers a low ceiling is outweighed."""
    shown = [(n, EventKind.IMPRESSION, price) for n, price in enumerate([2_500, 7_500] * 40, 1)]
    answers = [(100 + n, EventKind.ORDER, 7_500) for n in range(30)]
    events = [
        LearnEvent(n, kind, NOW, 9, ItemFacts(None, "food", (), price))
        for n, kind, price in [*shown, *answers]
    ]
    nothing = Learned(Centres.empty(DIMENSION))
    said = Declared(np.zeros((0, DIMENSION), np.float32), ceiling_fen=3_500)
    today = day_number(NOW)
    start = blend(Blending(said, nothing), today)
    later = blend(Blending(said, learn(nothing, events, CORPUS)), today)
    assert start.price_sensitivity > 0.7
    assert later.price_sensitivity < 0.2
    assert start.origin["price_sensitivity"] == "declared"
    assert later.origin["price_sensitivity"] in {"blended", "learned"}
