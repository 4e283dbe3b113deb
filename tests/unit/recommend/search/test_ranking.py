"""The ranking of a search: fusing, parts that sum, what may and may not change places."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contentcenter.search.ports import Hit
from recommend.search.ranking import (
    Fusion,
    ItemFacts,
    Ranked,
    SearchWeights,
    Wanted,
    add_fit,
    fuse,
    rerank,
    squeezed,
)

NOW = datetime(2026, 3, 1, tzinfo=UTC)
WEIGHTS = SearchWeights()


def hits(*pairs: tuple[int, float]) -> list[Hit]:
    return [Hit(*pair) for pair in pairs]


def order(ranked: list[Ranked]) -> list[int]:
    return [one.id for one in ranked]


@pytest.mark.parametrize("fusion", list(Fusion))
def test_found_by_both_sides_goes_before_found_by_one(fusion: Fusion) -> None:
    weights = replace(WEIGHTS, fusion=fusion)
    lexical, near = hits((1, 9.0), (2, 8.9), (3, 0.5)), hits((4, 0.9), (2, 0.88), (5, 0.2))
    fused = fuse(lexical, near, weights)
    assert fused[0].id == 2
    assert set(order(fused)) == {1, 2, 3, 4, 5}
    assert fuse(lexical, near, weights, 2) == fused[:2]
    assert fuse([], [], weights) == []


def test_places_only_or_how_far_a_hit_leads() -> None:
    lexical, near = hits((1, 30.0), (2, 2.0)), hits((2, 0.5), (1, 0.4))
    level = replace(WEIGHTS, vector=1.0)
    by_rank = fuse(lexical, near, replace(level, fusion=Fusion.RECIPROCAL_RANK))
    assert by_rank[0].score == pytest.approx(by_rank[1].score)
    by_share = fuse(lexical, near, replace(level, fusion=Fusion.SHARE_OF_BEST))
    assert order(by_share) == [1, 2]
    assert by_share[0].parts == {"text": 1.0, "vector": pytest.approx(0.8)}
    by_range = fuse(lexical, near, replace(level, fusion=Fusion.MIN_MAX))
    assert by_range[0].parts == {"text": 1.0, "vector": 0.0}


def test_neighbours_that_are_not_near_leave_the_ranking_to_the_words() -> None:
    level = replace(WEIGHTS, fusion=Fusion.CERTAINTY, vector=1.0)
    far = fuse(hits((1, 30.0), (2, 20.0)), hits((2, 0.2), (1, 0.1)), level)
    assert order(far) == [1, 2]
    assert far[0].parts == {"text": 1.0, "vector": pytest.approx(0.01)}
    assert order(fuse(hits((1, 30.0), (2, 20.0)), hits((2, 0.9), (1, 0.1)), level)) == [2, 1]


def test_scores_of_zero_or_less_do_not_turn_the_order_round() -> None:
    weights = replace(WEIGHTS, fusion=Fusion.SHARE_OF_BEST)
    assert order(fuse([], hits((1, 0.2), (2, -0.1), (3, -0.3)), weights)) == [1, 2, 3]
    assert order(fuse(hits((2, 0.0), (1, 0.0)), [], weights)) == [1, 2]


def test_an_exact_title_or_isbn_comes_first_and_a_book_of_that_title_next() -> None:
    ranked = fuse(hits(*((n, 50.0 - n) for n in range(1, 31))), [], WEIGHTS)
    facts = {n: ItemFacts(n, names=frozenset({f"第{n}"})) for n in range(1, 31)}
    facts[20] = ItemFacts(20, names=frozenset({squeezed("《三体》")}))
    facts[25] = ItemFacts(25, book_names=frozenset({"三体"}))
    facts[29] = ItemFacts(29, isbns=frozenset({"9787536692930"}))
    by_title = rerank(ranked, facts, Wanted(squeezed(" 三 体 ")), WEIGHTS, NOW)
    assert order(by_title)[:3] == [20, 25, 1]
    by_isbn = rerank(ranked, facts, Wanted("x", ["9787536692930"]), WEIGHTS, NOW)
    assert order(by_isbn)[:2] == [29, 1]
    assert order(rerank(ranked, facts, Wanted(""), WEIGHTS, NOW))[0] == 1


def test_the_small_parts_decide_between_equals_and_no_further() -> None:
    worst = ItemFacts(1, quality=0.0, published_at=NOW - timedelta(days=4000))
    best = ItemFacts(9, quality=1.0, published_at=NOW, clicks=10_000.0)
    weights = replace(WEIGHTS, fusion=Fusion.SHARE_OF_BEST)
    near_tie = fuse(hits((1, 10.0), (9, 9.9)), [], weights)
    assert order(rerank(near_tie, {1: worst, 9: best}, Wanted(), weights, NOW)) == [9, 1]
    clear = fuse(hits((1, 10.0), (9, 9.5)), [], weights)
    assert order(rerank(clear, {1: worst, 9: best}, Wanted(), weights, NOW)) == [1, 9]


@given(
    st.lists(st.tuples(st.integers(1, 60), st.floats(0, 50)), unique_by=lambda pair: pair[0]),
    st.lists(st.tuples(st.integers(1, 60), st.floats(-1, 1)), unique_by=lambda pair: pair[0]),
    st.sampled_from(Fusion),
    st.integers(0, 20),
)
def test_parts_sum_to_scores_that_descend(
    text: list[tuple[int, float]], vector: list[tuple[int, float]], fusion: Fusion, looked: int
) -> None:
    weights = replace(WEIGHTS, fusion=fusion, rerank=looked)
    fused = fuse(
        *(sorted(hits(*side), key=lambda hit: -hit.score) for side in (text, vector)), weights
    )
    facts = {n: ItemFacts(n, quality=(n % 7) / 7, clicks=float(n)) for n in range(1, 60)}
    ranked = rerank(fused, facts, Wanted(), weights, NOW)
    ranked = add_fit(ranked, {n: n / 60 for n in range(1, 60, 2)}, weights, looked)
    assert sorted(order(ranked)) == sorted({n for n, _ in (*text, *vector)})
    scores = [one.score for one in ranked]
    assert scores == sorted(scores, reverse=True)
    for one in ranked:
        assert one.score == pytest.approx(sum(one.parts.values()))
        assert all(value >= 0 for value in one.parts.values())


def test_fit_is_a_part_too() -> None:
    ranked = [Ranked(1), Ranked(2), Ranked(3), Ranked(4)]
    fitted = add_fit(ranked, {2: 0.1, 3: 0.9, 4: 5.0}, WEIGHTS, 3)
    assert order(fitted) == [3, 1, 2, 4]
    assert fitted[0].parts == {"fit": WEIGHTS.fit}
