"""A stay is what all joins and leaves amount to."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from recommend.events.members import Stay, fold_moves


def day(number: int) -> datetime:
    return datetime(2026, 11, number, tzinfo=UTC)


@pytest.mark.parametrize(
    ("moves", "stay"),
    [
        ("j1", (1, None)), ("j1 l5", (1, 5)), ("j1 j3 l5", (1, 5)), ("j1 l5 l6", (1, 5)),
        ("j1 l5 j7", (7, None)), ("l5", (5, 5)), ("l5 j7 l9", (7, 9)),
    ],
)  # fmt: skip
def test_joins_and_leaves_in_the_order_they_happened(
    moves: str, stay: tuple[int, int | None]
) -> None:
    kinds = {"j": "join", "l": "leave"}
    told = fold_moves((day(int(one[1:])), kinds[one[0]]) for one in moves.split())
    joined, left = stay
    assert told == Stay(day(joined), None if left is None else day(left))


def test_without_a_move_there_is_no_stay() -> None:
    with pytest.raises(ValueError, match="no stay"):
        fold_moves([])
