"""Each formula against numbers worked out by hand."""

from __future__ import annotations

from math import log2

import pytest

from recommend.evaluation.metrics import mean_metrics, ndcg, recall, reciprocal_rank


def test_ndcg_counts_graded_gains_against_the_best_order():
    grades = {"a": 2.0, "b": 1.0, "c": 0.0}
    # b, x, a: 1/1 + 0 + 3/2; best order a, b: 3/1 + 1/log2(3).
    assert ndcg(["b", "x", "a"], grades) == pytest.approx(2.5 / (3 + 1 / log2(3)))
    assert ndcg(["a", "b", "c"], grades) == pytest.approx(1.0)
    assert ndcg([], grades) == 0.0
    assert ndcg(["c"], {"c": 0.0}) == 0.0


def test_ndcg_looks_no_deeper_than_asked():
    many = {f"d{n}": 1.0 for n in range(20)}
    assert ndcg(list(many), many, depth=10) == pytest.approx(1.0)
    assert ndcg(["x"] * 10 + ["d1"], many, depth=10) == 0.0


def test_reciprocal_rank_is_of_the_first_answer_within_ten():
    assert reciprocal_rank(["x", "y", "a", "b"], {"a": 1.0, "b": 2.0}) == pytest.approx(1 / 3)
    assert reciprocal_rank(["x"] * 10 + ["a"], {"a": 1.0}) == 0.0
    assert reciprocal_rank(["a"], {"a": 0.0}) == 0.0


def test_recall_counts_each_answer_once():
    grades = {"a": 1.0, "b": 3.0, "c": 0.0, "d": 1.0, "e": 1.0}
    assert recall(["a", "x", "b", "c"], grades) == pytest.approx(2 / 4)
    assert recall(["x"] * 100 + ["a"], grades) == 0.0


def test_means_leave_out_what_has_no_answer_and_count_what_was_not_ranked():
    judged = {"one": {"a": 1.0}, "two": {"b": 1.0}, "none": {"a": 0.0}}
    found = mean_metrics({"one": ["a"], "none": ["a"]}, judged)
    assert found == {"ndcg@10": 0.5, "mrr@10": 0.5, "recall@100": 0.5}
    assert mean_metrics({}, {"none": {"a": 0.0}})["mrr@10"] == 0.0
