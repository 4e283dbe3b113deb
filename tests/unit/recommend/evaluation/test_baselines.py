"""The references find what readers of one taste like, and are tuned on held-out likes."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse

from recommend.collaborative.ranking_measures import Scorer
from recommend.collaborative.tuning import cut_out
from recommend.evaluation.baselines import AlsSettings, Baseline, als, ease, item_knn, popular
from tests.unit.recommend.collaborative.likes_world import TASTES, tastes

WORLD = tastes().matrix
MAKERS = {
    "item_knn": item_knn,
    "ease": lambda train: ease(train, 20.0, 40),
    "als": lambda train: als(train, AlsSettings(8, 5.0)),
}


@pytest.mark.parametrize("name", MAKERS)
def test_a_new_reader_of_one_taste_is_understood(name: str) -> None:
    history = np.zeros((2, 40), np.float32)
    history[0, [0, 4, 8]] = 1.0
    history[1, [1, 5, 9]] = 1.0
    scores = MAKERS[name](WORLD)(sparse.csr_array(history))
    for row in range(2):
        best = np.argsort(-np.where(history[row] > 0, -np.inf, scores[row]))[:5]
        assert {int(item) % TASTES for item in best} == {row}


def test_popularity_is_the_number_of_readers_for_everyone() -> None:
    scores = popular(WORLD)(WORLD[:2])
    assert scores[0].tolist() == scores[1].tolist() == WORLD.toarray().sum(axis=0).tolist()


def test_ease_leaves_items_beyond_its_limit_without_a_score() -> None:
    scores = ease(WORLD, 20.0, 10)(WORLD)
    assert (np.abs(scores).sum(axis=0) > 0).sum() == 10


def test_the_setting_that_ranks_held_out_likes_best_is_chosen() -> None:
    def random(train: sparse.csr_array) -> Scorer:
        source = np.random.default_rng(1)
        return lambda rows: source.random(rows.shape).astype(np.float32)

    told: list[str] = []
    chosen = Baseline("two", {"random": random, "cosine": item_knn})
    label, fit = chosen.chosen(cut_out(WORLD), told.append)
    assert (label, fit) == ("cosine", item_knn)
    assert [line.split(":")[0] for line in told] == ["two, random", "two, cosine"]
