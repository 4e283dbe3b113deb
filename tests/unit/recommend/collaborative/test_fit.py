"""Fitting: both scorers in one matrix, for items inside and outside the dense part."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import sparse

from contentcenter.domain.errors import InvalidInput
from recommend.collaborative.closed_form import Ridge
from recommend.collaborative.fit import FitSettings, Fitting, blend, fit, most_read
from recommend.collaborative.interactions import Interactions
from recommend.collaborative.ranking_measures import answer, ndcg_each, readers_with
from recommend.collaborative.tuning import cut_out, tune
from tests.unit.recommend.collaborative.likes_world import TASTES, tastes

SETTINGS = FitSettings(ridge=Ridge(5.0, 0.3), kept=30)


def test_the_model_follows_the_taste_of_a_reader() -> None:
    model = fit(tastes(), SETTINGS)
    for taste in range(TASTES):
        history = {taste + TASTES * n: 1.0 for n in range(4)}
        assert {item % TASTES for item in model.recall(history, 5)} == {taste}


def test_the_one_matrix_scores_as_the_two_parts_together() -> None:
    world = tastes()
    settings = replace(SETTINGS, kept=40)
    parts = Fitting(world.matrix).parts(settings)
    model = blend(world.items, parts, settings)
    np.testing.assert_allclose(
        (world.matrix @ model.weights).toarray(),
        parts.scores(world.matrix, settings.neighbour_share),
        atol=1e-5,
    )


def test_a_row_keeps_its_strongest_weights_only() -> None:
    whole, cut = (fit(tastes(), replace(SETTINGS, kept=kept)).weights for kept in (40, 6))
    assert np.diff(cut.indptr).max() == 6
    for row in range(40):
        sizes = np.abs(whole[[row]].toarray().ravel())
        kept = np.abs(cut[[row]].data)
        np.testing.assert_allclose(np.sort(kept), np.sort(sizes)[-6:], rtol=1e-5)


def test_beyond_the_dense_items_the_others_have_neighbours() -> None:
    world = tastes()
    settings = replace(SETTINGS, dense_items=10)
    parts = Fitting(world.matrix).parts(settings)
    assert parts.dense.shape == (10, 10)
    model = blend(world.items, parts, settings)
    rare = int(np.setdiff1d(np.arange(40), parts.places)[0])
    found = model.recall({rare: 1.0}, 5)
    assert {item % TASTES for item in found} == {rare % TASTES}


def test_the_items_read_most_are_the_dense_ones() -> None:
    matrix = sparse.csr_array(np.array([[1, 0, 1, 1], [1, 0, 0, 1], [0, 0, 0, 1]], np.float32))
    assert most_read(matrix, 2).tolist() == [0, 3]


def test_side_rows_bring_near_what_no_reader_has_read_together() -> None:
    readers = np.array([0, 0, 1, 1, 2, 2, 3, 3, 4, 5])
    items = np.array([0, 1, 0, 1, 2, 3, 2, 3, 4, 5])
    world = Interactions.of(readers, items)
    side = sparse.csr_array(np.eye(6, dtype=np.float32)[[0, 1, 2, 3, 0, 4]])
    settings = FitSettings(ridge=Ridge(1.0, side_weight=2.0), neighbour_share=0.0)
    assert fit(world, replace(settings, ridge=Ridge(1.0))).recall({4: 1.0}, 3) == []
    assert fit(world, settings, side).recall({4: 1.0}, 3)[0] == 0


def test_without_likes_there_is_nothing_to_fit() -> None:
    nobody = Interactions.of(np.zeros(0, np.int64), np.zeros(0, np.int64))
    with pytest.raises(InvalidInput):
        fit(nobody, SETTINGS)


def test_tuning_keeps_what_ranks_unseen_likes_best() -> None:
    world = tastes(readers=240)
    told: list[str] = []
    tuned = tune(world.matrix, SETTINGS, tell=told.append)
    assert len(told) == 3
    assert tuned.settings.ridge.side_weight == 0.0
    cut = cut_out(world.matrix)
    parts = Fitting(cut.kept).parts(tuned.settings)
    again = cut.ndcg(lambda rows: parts.scores(rows, tuned.settings.neighbour_share))
    assert again == pytest.approx(tuned.ndcg)
    shown = answer(
        lambda rows: np.tile(np.asarray(cut.kept.sum(axis=0)).ravel(), (rows.shape[0], 1)),
        cut.kept,
        cut.readers,
        20,
    )
    assert tuned.ndcg > 1.3 * ndcg_each(shown, cut.held_out).mean()


def test_the_cut_out_likes_are_of_readers_with_enough_and_no_longer_in_the_rest() -> None:
    world = tastes(readers=80)
    cut = cut_out(world.matrix)
    assert cut.kept.multiply(cut.held_out).nnz == 0
    assert cut.kept.nnz + cut.held_out.nnz == world.matrix.nnz
    assert set(cut.readers) <= set(readers_with(cut.held_out))


def test_too_few_likes_leave_the_settings_as_they_were() -> None:
    few = Interactions.of(np.array([1, 2]), np.array([1, 2]))
    assert tune(few.matrix, SETTINGS).settings == SETTINGS
