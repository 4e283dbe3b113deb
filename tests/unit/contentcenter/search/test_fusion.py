from __future__ import annotations

import pytest

from contentcenter.search.fusion import normalised_scores, reciprocal_rank
from contentcenter.search.ports import Hit


def hits(*pairs):
    return [Hit(one, score) for one, score in pairs]


def test_a_hit_in_both_rankings_wins():
    fused = reciprocal_rank([hits((1, 9.0), (2, 8.0)), hits((3, 0.9), (2, 0.8))])
    assert [hit.id for hit in fused] == [2, 1, 3]
    assert fused[0].score == pytest.approx(2 / 62)


def test_weights_decide_whose_first_place_counts():
    fused = reciprocal_rank([hits((1, 1.0)), hits((2, 1.0))], weights=(1.0, 2.0))
    assert [hit.id for hit in fused] == [2, 1]


def test_ties_go_by_id_and_the_limit_cuts():
    fused = reciprocal_rank([hits((5, 1.0)), hits((4, 1.0)), hits((6, 1.0))], limit=2)
    assert [hit.id for hit in fused] == [4, 5]


def test_normalised_scores_keep_the_lead():
    bm25 = hits((1, 30.0), (2, 11.0), (3, 10.0))
    cosine = hits((2, 0.9), (3, 0.89), (1, 0.5))
    fused = normalised_scores([bm25, cosine])
    assert [hit.id for hit in fused] == [2, 1, 3]
    assert fused[1].score == pytest.approx(1.0)


@pytest.mark.parametrize("fuse", [reciprocal_rank, normalised_scores])
def test_nothing_gives_nothing(fuse):
    assert fuse([]) == []
    assert fuse([[], []]) == []


def test_equal_scores_count_fully():
    assert normalised_scores([hits((1, 2.0), (2, 2.0))]) == hits((1, 1.0), (2, 1.0))


def test_a_wrong_number_of_weights_is_an_error():
    with pytest.raises(ValueError, match="longer"):
        reciprocal_rank([[]], weights=(1.0, 2.0))
