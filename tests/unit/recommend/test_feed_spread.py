"""Spreading a page: the order of a plain greedy search, kept up instead of searched again."""

from __future__ import annotations

import numpy as np

from recommend.corpus import unit_rows
from recommend.feed.spreading import Candidates, FeedSettings, rank

RULES = FeedSettings()


def drawn(seed: int, count: int) -> tuple[Candidates, np.ndarray, np.ndarray]:
    """Many ties, shared works, some without an author."""
    rng = np.random.default_rng(seed)
    works = [tuple({int(one) for one in rng.integers(0, 30, 2)}) for _ in range(count)]
    candidates = Candidates(
        ids=[int(one) for one in rng.permutation(count)],
        works=[one if rng.random() < 0.6 else () for one in works],
        authors=[str(one) for one in rng.choice(["", "甲", "乙", "丙"], count)],
        categories=[str(one) for one in rng.choice(["food", "history", "other"], count)],
        sources=[str(one) for one in rng.choice(["编辑部", "读者"], count)],
    )
    values = np.round(rng.normal(size=count), 1).astype(np.float32)
    return candidates, values, unit_rows(rng.normal(size=(count, 8)).astype(np.float32))


def worth(row: int, picked: list[int], of: tuple[Candidates, np.ndarray, np.ndarray]) -> float:
    """What a row is worth after these picks, from the rules as they are written down."""
    candidates, values, vectors = of
    near = max([0.0, *(float(vectors[row] @ vectors[one]) for one in picked)])
    value = float(values[row]) - RULES.similarity * near
    for one in picked[-RULES.window :]:
        for names, weight in (
            (candidates.authors, RULES.same_author),
            (candidates.categories, RULES.same_category),
            (candidates.sources, RULES.same_source),
        ):
            value -= weight * bool(names[row] and names[row] == names[one])
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


def test_equal_candidates_come_by_id() -> None:
    alike = Candidates([7, 3, 5], [(), (), ()], ["", "", ""], ["", "", ""], ["", "", ""])
    vectors = np.zeros((3, 4), dtype=np.float32)
    picked = rank(alike, np.zeros(3, dtype=np.float32), vectors, 3)
    assert [alike.ids[one.row] for one in picked] == [3, 5, 7]


def test_nothing_to_spread_is_an_empty_page() -> None:
    none = np.zeros(0, dtype=np.float32)
    assert rank(Candidates([], [], [], [], []), none, none.reshape(0, 4), 10) == []
