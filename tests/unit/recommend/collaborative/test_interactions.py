"""Events become likes, likes become a matrix."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from contentcenter.domain.events import EventKind
from recommend.collaborative.interactions import Interactions, Tally, of_likes, weigh

START = datetime(2026, 11, 1, tzinfo=UTC)


def tally(item: int, kind: EventKind, times: int = 1, day: int = 0, reader: int = 1) -> Tally:
    return Tally(reader, item, kind, times, START + timedelta(days=day))


def test_a_like_is_the_damped_sum_of_what_was_done() -> None:
    likes = weigh([tally(7, EventKind.CLICK, 3), tally(7, EventKind.FAVOURITE, 2, day=4)])
    assert [(one.item_id, one.last.day) for one in likes] == [(7, 5)]
    assert likes[0].weight == pytest.approx(np.log2(1 + 3 * 1.0 + 2 * 2.0))


def test_one_order_counts_as_five_clicks_and_nothing_counts_without_end() -> None:
    order, clicks, many = weigh(
        [
            tally(1, EventKind.ORDER, day=1),
            tally(2, EventKind.CLICK, 5, day=2),
            tally(3, EventKind.CLICK, 500, day=3),
        ]
    )
    assert order.weight == pytest.approx(clicks.weight)
    assert many.weight == 3.0


def test_a_refund_takes_back_most_of_an_order() -> None:
    likes = weigh([tally(1, EventKind.ORDER), tally(1, EventKind.REFUND)])
    assert likes[0].weight == pytest.approx(1.0)
    assert weigh([tally(1, EventKind.CLICK), tally(1, EventKind.REFUND)]) == []


def test_a_dislike_takes_the_item_out_and_an_impression_is_no_like() -> None:
    shown = [tally(2, EventKind.IMPRESSION, 9)]
    assert weigh([tally(1, EventKind.ORDER), tally(1, EventKind.DISLIKE), *shown]) == []


def test_only_the_latest_likes_of_a_reader_are_kept() -> None:
    likes = weigh([tally(item, EventKind.CLICK, day=item) for item in (5, 1, 3, 2)], most=2)
    assert [one.item_id for one in likes] == [3, 5]


def test_readers_are_kept_apart() -> None:
    rows = [tally(1, EventKind.CLICK, reader=2), tally(1, EventKind.CLICK, reader=1)]
    assert [one.reader_id for one in weigh(rows)] == [1, 2]


def test_the_matrix_has_rising_ids_and_the_weights() -> None:
    rows = [tally(30, EventKind.ORDER, reader=9), tally(10, EventKind.CLICK, reader=4)]
    found = of_likes(weigh(rows))
    assert found.readers.tolist() == [4, 9]
    assert found.items.tolist() == [10, 30]
    np.testing.assert_allclose(found.matrix.toarray(), [[1, 0], [0, np.log2(6)]], rtol=1e-6)


def test_without_weights_a_pair_is_a_one_however_often_it_is_there() -> None:
    found = Interactions.of(np.array([1, 1, 2]), np.array([5, 5, 6]))
    assert found.matrix.toarray().tolist() == [[1, 0], [0, 1]]
    assert found.pairs == 2
