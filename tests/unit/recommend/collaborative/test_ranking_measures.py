"""Measures of lists against numbers worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from recommend.collaborative.ranking_measures import (
    Answers,
    answer,
    best_unread,
    ndcg_each,
    readers_with,
    recall_each,
)
from tests.unit.recommend.collaborative.likes_world import dense

WANTED = dense([[1, 0, 0, 1, 1], [0, 0, 0, 0, 0], [0, 1, 0, 0, 0]])


def answers() -> Answers:
    return Answers(np.array([0, 2]), np.array([[3, 2, 0], [0, 2, -1]]))


def test_ndcg_divides_by_the_best_list_of_that_length() -> None:
    best = 1 + 1 / np.log2(3) + 0.5
    assert ndcg_each(answers(), WANTED).tolist() == pytest.approx([1.5 / best, 0.0])


def test_recall_divides_by_all_that_was_held_out() -> None:
    assert recall_each(answers(), WANTED).tolist() == pytest.approx([2 / 3, 0.0])


def test_readers_without_anything_held_out_are_not_asked() -> None:
    assert readers_with(WANTED).tolist() == [0, 2]


def test_lists_leave_out_what_was_read_and_end_when_nothing_is_left() -> None:
    seen = dense([[0, 1, 0, 0], [1, 1, 1, 0]])
    scores = np.array([[1, 9, 3, 2], [4, 3, 2, 1]], np.float32)
    assert best_unread(scores, seen, 3).tolist() == [[2, 3, 0], [3, -1, -1]]


def test_equal_scores_keep_the_order_of_places_and_short_catalogues_are_padded() -> None:
    scores = np.array([[5, 5]], np.float32)
    assert best_unread(scores, dense([[0, 0]]), 4).tolist() == [[0, 1, -1, -1]]


def test_answers_are_those_of_the_readers_asked() -> None:
    seen = dense([[1, 0, 0], [0, 1, 0], [0, 0, 1]])
    found = answer(
        lambda rows: rows.toarray() + np.array([3, 2, 1], np.float32), seen, np.array([2, 0]), 2
    )
    assert found.top.tolist() == [[0, 1], [1, 2]]
