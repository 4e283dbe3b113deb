"""Exploration: a fixed budget, exact chances, uncertain items first."""

from __future__ import annotations

import numpy as np
import pytest

from recommend.ranking.explore import (
    ExploreSettings,
    Offer,
    Uncertain,
    offer,
    places_to_explore,
)
from recommend.ranking.logistic import sigmoid

RULES = ExploreSettings()


def candidates(count: int, shown: float = 0.0, liked: float = 0.0) -> Uncertain:
    same = np.full(count, -2.5, np.float32)
    return Uncertain(same, np.full(count, shown, np.float32), np.full(count, liked, np.float32))


def draw(items: Uncertain, seed: int = 0, rules: ExploreSettings = RULES) -> Offer:
    found = offer(items, lambda _: True, rules, np.random.default_rng(seed))
    assert found is not None
    return found


@pytest.mark.parametrize("size", [1, 3, 5, 10, 50])
def test_one_place_of_ten_however_long_the_pages(size: int) -> None:
    pages = [places_to_explore(size * page, size, RULES) for page in range(100 // size)]
    assert sum(pages) == pytest.approx(10, abs=1)


def test_chances_sum_to_one_and_none_is_zero() -> None:
    found = draw(candidates(30))
    assert len(found.rows) == RULES.offered
    assert sum(found.chances) == pytest.approx(1.0)
    assert min(found.chances) >= RULES.even / RULES.offered - 1e-9
    assert found.row == found.rows[found.chosen]


def test_the_same_luck_draws_the_same() -> None:
    assert draw(candidates(30), 4) == draw(candidates(30), 4)


def test_logged_chances_are_how_often_items_win() -> None:
    """Weighted by one over its logged chance, every item counts the same in the long run."""
    items = candidates(4)
    items.log_odds[0] = -1.5
    total = np.zeros(4)
    for seed in range(3_000):
        found = draw(items, seed)
        total[found.row] += 1.0 / found.chances[found.chosen]
    assert np.allclose(total / 3_000, 1.0, atol=0.2)


def test_what_earned_more_than_expected_is_drawn_more_often() -> None:
    items = candidates(4, shown=60.0)
    items.liked[2] = 15.0
    found = draw(items)
    assert found.chances[found.rows.index(2)] == max(found.chances)


def test_known_items_do_not_compete_and_alone_nobody_does() -> None:
    items = candidates(6)
    items.shown[:4] = RULES.uncertain
    assert set(draw(items).rows) == {4, 5}
    items.shown[4] = RULES.uncertain
    assert offer(items, lambda _: True, RULES, np.random.default_rng(0)) is None


def test_over_time_the_best_of_many_gets_the_places() -> None:
    """Thompson sampling on its own: regret falls (a planted best item is found)."""
    luck = np.random.default_rng(9)
    true = sigmoid(np.array([-3.0, -3.0, -1.0, -3.0]))
    shown, liked = np.zeros(4, np.float32), np.zeros(4, np.float32)
    rules = ExploreSettings(uncertain=1e9)
    for seed in range(600):
        found = draw(Uncertain(np.full(4, -2.5, np.float32), shown, liked), seed, rules)
        shown[found.row] += 1
        liked[found.row] += luck.random() < true[found.row]
    assert shown[2] > 300
