"""Judging a new version on likes that nobody has learned from."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from recommend.collaborative.interactions import Like
from recommend.collaborative.model import CoReadingModel
from recommend.collaborative.training import (
    Judged,
    compare,
    gains_of,
    gains_of_popular,
    split_last,
)
from tests.unit.recommend.collaborative.likes_world import dense

START = datetime(2026, 11, 1, tzinfo=UTC)


def like(reader: int, item: int, day: int) -> Like:
    return Like(reader, item, 1.0, START + timedelta(days=day))


LIKES = [like(1, 10, 0), like(1, 20, 1), like(1, 30, 5), like(2, 10, 0), like(2, 20, 9)]


def test_the_last_like_of_a_reader_with_others_is_held_out() -> None:
    parts = split_last(LIKES)
    assert [(one.reader_id, one.item_id) for one in parts.train] == [
        (1, 10), (1, 20), (2, 10), (2, 20),
    ]  # fmt: skip
    assert parts.judged == [Judged({10: 1.0, 20: 1.0}, 30)]


def test_only_likes_newer_than_what_the_other_version_learned_judge() -> None:
    assert len(split_last(LIKES, START + timedelta(days=4)).judged) == 1
    late = split_last(LIKES, START + timedelta(days=5))
    assert (len(late.judged), len(late.train)) == (0, len(LIKES))


def test_the_gain_falls_with_the_place() -> None:
    model = CoReadingModel(np.array([10, 20, 30]), dense([[0, 0.9, 0.5], [0, 0, 0.0], [0, 0.0, 0]]))
    judged = [Judged({10: 1.0}, 20), Judged({10: 1.0}, 30), Judged({20: 1.0}, 30)]
    assert gains_of(model, judged).tolist() == pytest.approx([1.0, 1 / np.log2(3), 0.0])


def test_the_most_popular_are_shown_without_what_was_read() -> None:
    train = [like(1, 10, 0), like(2, 10, 0), like(3, 20, 0)]
    assert gains_of_popular(train, [Judged({10: 1.0}, 20)]).tolist() == [1.0]
    assert gains_of_popular(train, [Judged({}, 20)]).tolist() == pytest.approx([1 / np.log2(3)])


def test_no_worse_means_no_worse_than_chance_explains() -> None:
    ours, other = np.array([1.0, 0.0, 1.0, 0.4]), np.array([0.0, 1.0, 1.0, 0.5])
    found = compare(ours, other)
    assert found.difference == pytest.approx(-0.025)
    assert found.error == pytest.approx(np.std(ours - other, ddof=1) / 2)
    assert found.not_worse()
    assert not compare(np.zeros(50), np.tile([0.4, 0.6], 25)).not_worse()


def test_nothing_to_compare_is_no_difference() -> None:
    found = compare(np.zeros(0), np.zeros(0))
    assert (found.judged, found.difference) == (0, 0.0)
