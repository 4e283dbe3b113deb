"""Spreading a page: the order of a plain greedy search, kept up instead of searched again."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from recommend.corpus import unit_rows
from recommend.feed.spreading import (
    Candidates,
    FeedSettings,
    Recall,
    codes,
    rank,
    strengths,
)
from recommend.ranking.features import RECALLS

RULES = FeedSettings()
UNSPREAD = FeedSettings(similarity=0.0, same_author=0.0, same_category=0.0, same_source=0.0)


def drawn(seed: int, count: int) -> tuple[Candidates, np.ndarray, np.ndarray]:
    """Many ties, shared works, some without an author."""
    rng = np.random.default_rng(seed)
    works = [tuple({int(one) for one in rng.integers(0, 30, 2)}) for _ in range(count)]
    candidates = Candidates(
        ids=[int(one) for one in rng.permutation(count)],
        works=[one if rng.random() < 0.6 else () for one in works],
        authors=codes([str(one) for one in rng.choice(["", "甲", "乙", "丙"], count)]),
        categories=codes([str(one) for one in rng.choice(["food", "history", "other"], count)]),
        sources=codes([str(one) for one in rng.choice(["编辑部", "读者"], count)]),
    )
    values = np.round(rng.normal(size=count), 1).astype(np.float32)
    return candidates, values, unit_rows(rng.normal(size=(count, 8)).astype(np.float32))


def worth(row: int, picked: list[int], of: tuple[Candidates, np.ndarray, np.ndarray]) -> float:
    """What a row is worth after these picks, from the rules as they are written down."""
    candidates, values, vectors = of
    near = max([0.0, *(float(vectors[row] @ vectors[one]) for one in picked)])
    value = float((values[row] - values.mean()) / values.std()) - RULES.similarity * near
    for one in picked[-RULES.window :]:
        for shared, weight in (
            (candidates.authors, RULES.same_author),
            (candidates.categories, RULES.same_category),
            (candidates.sources, RULES.same_source),
        ):
            value -= weight * bool(shared[row] >= 0 and shared[row] == shared[one])
    shown = {work for one in picked for work in candidates.works[one]}
    return value - 1e3 * bool(shown.intersection(candidates.works[row]))


def test_each_pick_is_the_best_after_those_before_it() -> None:
    for seed in range(5):
        of = drawn(seed, 40)
        rows = [one.row for one in rank(*of, 40, RULES)]
        assert sorted(rows) == list(range(40))
        for place, row in enumerate(rows):
            left = [worth(one, rows[:place], of) for one in rows[place:]]
            # Penalties are added up in single precision there.
            assert left[0] >= max(left) - 1e-3, (seed, place, row)


def page_of(
    values: Sequence[float], authors: Sequence[str], rules: FeedSettings = RULES, size: int = 10
) -> list[int]:
    """The spread order of candidates that differ in value and author only."""
    count = len(values)
    none = codes([""] * count)
    candidates = Candidates(list(range(count)), [()] * count, codes(authors), none, none)
    given = np.array(values, dtype=np.float32)
    return [
        one.row for one in rank(candidates, given, np.zeros((count, 2), np.float32), size, rules)
    ]


@pytest.mark.parametrize(("times", "plus"), [(0.05, 0.0), (30.0, 0.0), (1.0, -40.0)])
def test_another_scale_of_the_ranking_gives_the_same_page(times: float, plus: float) -> None:
    for seed in range(5):
        candidates, values, vectors = drawn(seed, 60)
        # No two values so close that rounding decides between them.
        values = (np.random.default_rng(seed).permutation(60) / 10).astype(np.float32)
        page = rank(candidates, values, vectors, 20)
        scaled = (values * times + plus).astype(np.float32)
        other = rank(candidates, scaled, vectors, 20)
        assert [one.row for one in other] == [one.row for one in page]


def test_an_author_comes_back_only_when_well_ahead() -> None:
    """Forty items fall evenly; the best two are one author's."""
    values = list(np.linspace(2.0, -2.0, 40))
    others = [f"作者{one}" for one in range(2, 40)]
    places = page_of(values, ["甲", "甲", *others])
    penalty = RULES.same_author * float(np.std(values))
    passed = [row for row in places[1 : places.index(1)] if row != 0]
    assert passed  # somebody less good came first
    assert all(values[1] - values[row] <= penalty for row in passed)
    assert page_of(values, ["甲", "甲", *others], UNSPREAD) == list(range(10))


def test_a_work_is_shown_again_only_when_no_other_is_left() -> None:
    works: list[tuple[int, ...]] = [(1,), (1,), (2, 1), (3,), (4,), ()]
    same = codes(["甲"] * 6)
    candidates = Candidates(list(range(6)), works, same, same, same)
    values = np.array([9.0, 8.0, 7.0, -3.0, -5.0, -9.0], dtype=np.float32)
    vectors = np.ones((6, 1), dtype=np.float32)
    picked = [one.row for one in rank(candidates, values, vectors, 6)]
    assert set(picked[:4]) == {0, 3, 4, 5}
    assert picked[4:] == [1, 2]


def test_a_near_copy_waits_for_something_else() -> None:
    """The second best tells the same as the best; the third tells something new."""
    none = codes([""] * 20)
    candidates = Candidates(list(range(20)), [()] * 20, none, none, none)
    values = np.linspace(1.0, -1.0, 20).astype(np.float32)
    vectors = np.eye(20, dtype=np.float32)
    vectors[1] = vectors[0]
    assert [one.row for one in rank(candidates, values, vectors, 3)][1] == 2
    assert [one.row for one in rank(candidates, values, vectors, 3, UNSPREAD)] == [0, 1, 2]


def test_equal_candidates_come_by_id() -> None:
    none = codes(["", "", ""])
    alike = Candidates([7, 3, 5], [(), (), ()], none, none, none)
    vectors = np.zeros((3, 4), dtype=np.float32)
    picked = rank(alike, np.zeros(3, dtype=np.float32), vectors, 3)
    assert [alike.ids[one.row] for one in picked] == [3, 5, 7]


def test_nothing_to_spread_is_an_empty_page() -> None:
    none, nobody = np.zeros(0, dtype=np.float32), codes([])
    empty = Candidates([], [], nobody, nobody, nobody)
    assert rank(empty, none, none.reshape(0, 4), 10) == []


def test_a_source_speaks_most_for_the_head_of_its_list() -> None:
    lists = {Recall.POPULAR: [5, 7, 9], Recall.SCENE: [9, 5, 9], Recall.REST: [8]}
    told = strengths(lists, [9, 8, 7])
    popular, scene = RECALLS.index("popular"), RECALLS.index("scene")
    assert told[:, popular].tolist() == [0.5, 0.0, 0.75]
    # The better of two places; what nobody wanted (5) is not in the way.
    assert told[:, scene].tolist() == [1.0, 0.0, 0.0]
    assert float(told.sum()) == 2.25
    assert not strengths({}, [1, 2]).any()
