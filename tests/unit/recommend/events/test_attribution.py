"""Last touch within a window, direct first; refunds belong to their orders."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from recommend.events.attribution import (
    Cause,
    Deed,
    Orders,
    Touches,
    Windows,
    caused,
    refund_cause,
    refunded,
)

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
WINDOWS = Windows()


def deed(number: int, kind: str, hours_ago: float, **values: Any) -> Deed:
    at = NOW - timedelta(hours=hours_ago)
    return Deed(number, kind, at, **{"reader_id": 1, "item_id": 1, **values})


def cause_of(response: Deed, *touches: Deed, works: dict[int, set[int]] | None = None) -> Cause:
    return caused(response, Touches(touches, works or {}), WINDOWS)


def test_what_was_reported_with_a_post_is_direct() -> None:
    later = deed(2, "click", 1, post_id=8)
    assert cause_of(deed(3, "order", 0, post_id=7), later) == Cause(7, None, "direct")
    assert cause_of(deed(3, "order", 0, trace_id="t"), later) == Cause(None, "t", "direct")


def test_the_last_touch_wins_whether_shown_or_clicked() -> None:
    shown, clicked = deed(1, "impression", 5, trace_id="t"), deed(2, "click", 9, post_id=7)
    assert cause_of(deed(3, "order", 0), shown, clicked) == Cause(None, "t", "look_back")
    assert cause_of(deed(3, "order", 6), shown, clicked) == Cause(7, None, "look_back")


@pytest.mark.parametrize(
    ("kind", "hours", "counts"),
    [
        ("click", 24, True), ("click", 24.01, False), ("cart", 72, True), ("cart", 73, False),
        ("favourite", 72, True), ("order", 168, True), ("order", 169, False),
    ],
)  # fmt: skip
def test_every_kind_has_its_window(kind: str, hours: float, counts: bool) -> None:
    touch = deed(1, "click", hours, post_id=7)
    assert (cause_of(deed(2, kind, 0), touch).post_id == 7) is counts


def test_only_the_same_reader_item_or_work_and_nothing_later() -> None:
    order = deed(9, "order", 1)
    others = [
        deed(1, "click", 2, post_id=7, reader_id=2),
        deed(2, "click", 2, post_id=7, item_id=5),
        deed(3, "click", 0.5, post_id=7),
        deed(4, "favourite", 2, post_id=7),
        deed(5, "click", 2),
    ]
    assert cause_of(order, *others) == Cause()
    works = {1: {10, 11}, 5: {11}}
    assert cause_of(order, *others, works=works) == Cause(7, None, "look_back")
    assert cause_of(deed(9, "order", 1, reader_id=None), *others, works=works) == Cause()


def test_the_order_of_arrival_does_not_matter() -> None:
    touches = [deed(n, "click", 1 + n % 3, post_id=n) for n in range(1, 6)]
    response = deed(9, "order", 0)
    found = {cause_of(response, *some) for some in itertools.permutations(touches)}
    assert found == {Cause(3, None, "look_back")}


def money(*deeds: Deed) -> dict[int, tuple[int, int]]:
    orders = Orders(one for one in deeds if one.kind == "order")
    told = refunded(orders, [one for one in deeds if one.kind == "refund"])
    return {one: (order.id, fen) for one, (order, fen) in told.items()}


def test_refunds_take_from_their_order_and_never_more_than_it_brought() -> None:
    first = deed(1, "order", 9, order_ref="A", value_fen=100)
    second = deed(2, "order", 8, order_ref="B", value_fen=50)
    half = deed(3, "refund", 7, order_ref="A", value_fen=60)
    rest = deed(4, "refund", 6, order_ref="A", value_fen=60)
    whole = deed(5, "refund", 5, order_ref="B")
    lost = deed(6, "refund", 4, order_ref="C", value_fen=9)
    for some in itertools.permutations([first, second, half, rest, whole, lost]):
        assert money(*some) == {3: (1, 60), 4: (1, 40), 5: (2, 50)}


def test_without_a_reference_the_last_earlier_order_of_reader_and_item() -> None:
    old = deed(1, "order", 9, value_fen=100)
    new = deed(2, "order", 5, order_ref="B", value_fen=50)
    other = deed(3, "order", 4, item_id=2, value_fen=70)
    after = deed(4, "order", 1, value_fen=70)
    early, late = deed(5, "refund", 7, value_fen=30), deed(6, "refund", 3, value_fen=20)
    full, spare = deed(7, "refund", 2.5), deed(8, "refund", 2, value_fen=500)
    told = money(old, new, other, after, early, late, full, spare)
    assert told == {5: (1, 30), 6: (2, 20), 7: (2, 30), 8: (1, 70)}


def test_several_books_of_one_order_are_told_apart_by_item() -> None:
    one = deed(1, "order", 9, order_ref="A", value_fen=100)
    two = deed(2, "order", 9, order_ref="A", value_fen=50, item_id=2)
    back = deed(3, "refund", 1, order_ref="A", item_id=1)
    unnamed = deed(4, "refund", 0.5, order_ref="A", item_id=None, value_fen=10)
    assert money(one, two, back, unnamed) == {3: (1, 100), 4: (2, 10)}


def test_a_refund_counts_where_its_order_counts() -> None:
    order = deed(1, "order", 3, value_fen=10)
    refund = deed(2, "refund", 1, post_id=9)
    caused_by = refund_cause(refund, order, Cause(7, None, "look_back"), 10)
    assert caused_by == Cause(7, None, "order", 1, 10)
    assert refund_cause(refund, order, Cause(), 10) == Cause(9, None, "direct", 1, 10)
    assert refund_cause(refund, None, Cause(), 0) == Cause(9, None, "direct")
