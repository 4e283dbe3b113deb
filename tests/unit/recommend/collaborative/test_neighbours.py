"""Cosine neighbours against the definition."""

from __future__ import annotations

import numpy as np
from scipy import sparse

from recommend.collaborative.neighbours import cosine_neighbours, damped, strongest
from tests.unit.recommend.collaborative.likes_world import dense, tastes


def test_with_room_for_all_it_is_the_cosine_without_a_diagonal() -> None:
    rows = tastes().matrix.toarray()
    unit = rows / np.linalg.norm(rows, axis=0)
    expected = unit.T @ unit
    np.fill_diagonal(expected, 0.0)
    found = cosine_neighbours(tastes().matrix, 40, block=7).toarray()
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_a_column_keeps_its_nearest_only() -> None:
    everything = cosine_neighbours(tastes().matrix, 40).toarray()
    some = cosine_neighbours(tastes().matrix, 5, block=11).toarray()
    for column in range(40):
        kept = np.sort(some[:, column][some[:, column] > 0])
        np.testing.assert_allclose(kept, np.sort(everything[:, column])[-5:], rtol=1e-6)


def test_damping_divides_a_row_by_a_power_of_its_sum() -> None:
    found = damped(dense([[1, 1, 1, 1], [1, 0, 0, 0]]), 0.5).toarray()
    np.testing.assert_allclose(found, np.array([[0.5] * 4, [1, 0, 0, 0]]), rtol=1e-6)


def test_the_strongest_are_those_of_the_largest_size() -> None:
    rows = sparse.csr_array(np.array([[0.1, -0.9, 0.5], [0.0, 0.2, 0.0]], np.float32))
    expected = np.array([[0, -0.9, 0.5], [0, 0.2, 0]], np.float32)
    np.testing.assert_array_equal(strongest(rows, 2).toarray(), expected)


def test_an_item_without_readers_has_no_neighbours() -> None:
    found = cosine_neighbours(dense([[1, 1, 0], [1, 1, 0]]), 2).toarray()
    np.testing.assert_allclose(found, np.array([[0, 1, 0], [1, 0, 0], [0, 0, 0]]), atol=1e-6)
