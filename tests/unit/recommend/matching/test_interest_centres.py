"""How much an interest centre counts: by its evidence, and by what rose lately."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np

from contentcenter.domain.events import EventKind
from recommend.matching.features import MatchItem, audience_features, item_features
from recommend.matching.scores import score_matrix
from recommend.matching.settings import MatchSettings
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
from tests.unit.recommend.vectors import DIMENSION, bunched, corpus_of

NOW = datetime(2026, 11, 21, 4, tzinfo=UTC)
VECTORS = bunched()
CORPUS = corpus_of(VECTORS)
RULES = MatchSettings()


def group(clicks: int, share: float) -> Persona:
    """Settled on the first topic, with some clicks on the first item of the second."""
    own = [
        LearnEvent(n, EventKind.CLICK, NOW, 20, ItemFacts(VECTORS[n % 20], "scifi"))
        for n in range(1, 41)
    ]
    new = [
        LearnEvent(100 + n, EventKind.CLICK, NOW, 20, ItemFacts(VECTORS[40], "food"), share)
        for n in range(clicks)
    ]
    nobody = Declared(np.zeros((0, DIMENSION), dtype=np.float32))
    learned = learn(Learned(Centres.empty(DIMENSION)), [*own, *new], CORPUS)
    return blend(Blending(nobody, learned), day_number(NOW))


def semantic(persona: Persona, rules: MatchSettings, row: int) -> float:
    vectors = [VECTORS[21], VECTORS[40]]
    items = [MatchItem(n, one, "life", (), None, NOW, 0.5) for n, one in enumerate(vectors)]
    who = audience_features([1], [persona], CORPUS, rules)
    scores = score_matrix(item_features(items, CORPUS, NOW), who, rules)
    return float(scores.parts["semantic"][row, 0])


def test_one_click_puts_its_item_not_above_a_settled_interest() -> None:
    """The centre of a single answer is that very item: without doubt it would come first."""
    persona = group(1, 1.0)
    doubting = replace(RULES, small_centre=0.0)
    trusting = replace(doubting, centre_evidence=0.0)
    assert semantic(persona, trusting, 1) > semantic(persona, trusting, 0)
    assert semantic(persona, doubting, 1) < 0.5 * semantic(persona, doubting, 0)


def test_many_answers_make_a_centre_as_sure_as_another() -> None:
    persona = group(40, 1.0)
    assert semantic(persona, RULES, 1) > semantic(persona, RULES, 0)


def test_what_rises_is_lifted_in_meaning_and_by_category() -> None:
    persona = group(6, 0.5)
    still = replace(RULES, rising=0.0, rising_centre=0.0)
    assert semantic(persona, RULES, 1) > semantic(persona, still, 1) + 0.5
    food = [MatchItem(1, None, "food", (), None, NOW, 0.5)]
    parts = [
        score_matrix(
            item_features(food, CORPUS, NOW),
            audience_features([1], [persona], CORPUS, rules),
            rules,
        ).parts["response"][0, 0]
        for rules in (RULES, still)
    ]
    assert parts[0] > parts[1] + 0.5
