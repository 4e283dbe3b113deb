"""The closed form against its definition and against general solvers."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse

from contentcenter.domain.errors import InvalidInput
from recommend.collaborative.closed_form import Ridge, closed_form, gram_of
from tests.unit.recommend.collaborative.likes_world import tastes


def by_definition(gram: np.ndarray, penalty: float) -> np.ndarray:
    """Each column is a ridge regression of one item on all others."""
    count = len(gram)
    weights = np.zeros((count, count))
    for item in range(count):
        others = np.delete(np.arange(count), item)
        left = gram[np.ix_(others, others)] + penalty * np.eye(count - 1)
        weights[others, item] = np.linalg.solve(left, gram[others, item])
    return weights


def test_each_column_is_the_ridge_regression_on_all_other_items() -> None:
    gram = gram_of(tastes().matrix)
    np.testing.assert_allclose(
        closed_form(gram, Ridge(20.0)), by_definition(gram.astype(float), 20.0), atol=1e-6
    )


def test_more_items_than_one_block_give_the_same() -> None:
    source = np.random.default_rng(1)
    rows = sparse.csr_array((source.random((300, 700)) < 0.05).astype(np.float32))
    gram = gram_of(rows)
    found = closed_form(gram, Ridge(30.0))
    inverse = np.linalg.inv(gram.astype(float) + 30.0 * np.eye(700))
    expected = -inverse / np.diag(inverse)
    np.fill_diagonal(expected, 0.0)
    np.testing.assert_allclose(found, expected, atol=2e-5)


def test_dropout_adds_to_the_diagonal_what_an_item_is_read() -> None:
    gram = gram_of(tastes().matrix)
    shares = 0.3 / 0.7
    heavier = gram.copy()
    heavier[np.diag_indices(len(gram))] *= 1.0 + shares
    np.testing.assert_allclose(
        closed_form(gram, Ridge(10.0, dropout=0.3)), closed_form(heavier, Ridge(10.0)), atol=1e-6
    )


def test_side_rows_count_as_further_readers() -> None:
    world = tastes().matrix
    side = sparse.csr_array(np.eye(40, dtype=np.float32)[:, :4] + np.float32(0.1))
    found = closed_form(gram_of(world), Ridge(10.0, side_weight=2.0), side)
    stacked = sparse.csr_array(sparse.vstack([world, np.sqrt(2.0) * side.T]).astype(np.float32))
    np.testing.assert_allclose(found, closed_form(gram_of(stacked), Ridge(10.0)), atol=1e-5)


def test_the_input_stays_as_it_was() -> None:
    gram = gram_of(tastes().matrix)
    before = gram.copy()
    closed_form(gram, Ridge(5.0))
    np.testing.assert_array_equal(gram, before)


def test_a_matrix_that_cannot_be_inverted_asks_for_a_larger_penalty() -> None:
    with pytest.raises(InvalidInput, match="penalty"):
        closed_form(np.ones((3, 3), np.float32), Ridge(0.0))
