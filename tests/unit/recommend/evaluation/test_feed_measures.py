"""Coverage, novelty, diversity and costs, against numbers worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from recommend.collaborative.ranking_measures import Answers
from recommend.evaluation.feed_measures import coverage, diversity, novelty, reader_vectors
from recommend.evaluation.feed_memory import Cost
from tests.unit.recommend.collaborative.likes_world import dense

TOP = Answers(np.array([0, 1]), np.array([[0, 1, -1], [1, 2, -1]]))


def test_coverage_counts_what_anybody_is_shown() -> None:
    assert coverage(TOP, 12) == 3 / 12


def test_novelty_is_the_mean_of_bits_of_rarity() -> None:
    train = dense([[1, 1, 0], [1, 0, 0], [1, 0, 1], [1, 0, 0]])
    assert novelty(TOP, train) == pytest.approx((0 + 2 + 2 + 2) / 4)


def test_diversity_is_one_less_the_mean_cosine_of_pairs() -> None:
    vectors = dense([[1, 0], [0.6, 0.8], [0, 1]])
    assert diversity(TOP, vectors) == pytest.approx(1 - (0.6 + 0.8) / 2)
    three = Answers(np.array([0]), np.array([[0, 1, 2]]))
    assert diversity(three, vectors) == pytest.approx(1 - (0.6 + 0.8 + 0.0) / 3)


def test_lists_of_one_have_no_pairs() -> None:
    assert diversity(Answers(np.array([0]), np.array([[0, -1]])), dense([[1]])) == 0.0


def test_items_are_alike_by_their_readers() -> None:
    near = reader_vectors(dense([[1, 1, 0], [1, 0, 0], [0, 0, 1]]))
    cosines = (near @ near.T).toarray()
    np.testing.assert_allclose(np.diag(cosines), 1.0, rtol=1e-6)
    assert cosines[0, 1] == pytest.approx(1 / np.sqrt(2))
    assert cosines[0, 2] == 0.0


def test_the_cost_sees_memory_that_is_gone_when_it_ends() -> None:
    with Cost() as cost:
        first = np.ones(20_000_000, np.float32)
        total = float(first.sum())
        del first
    assert total == 20_000_000
    assert cost.memory_mb > 70
    assert cost.peak_mb > cost.memory_mb
    with Cost() as small:
        pass
    assert small.memory_mb < 40
