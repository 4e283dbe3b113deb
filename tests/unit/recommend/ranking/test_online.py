"""Corrections between trainings: shrunken, about differences, bounded."""

from __future__ import annotations

import math

import pytest

from recommend.ranking.online import LARGEST, Corrections, Outcome, corrections


def seen(item: int, category: str, answers: int, count: int) -> list[Outcome]:
    return [Outcome(item, category, 0.1, float(number < answers)) for number in range(count)]


def test_nothing_recent_corrects_nothing() -> None:
    assert corrections([]).log_odds([1], ["food"]).tolist() == [0.0]


def test_more_clicks_everywhere_move_nothing_past_another() -> None:
    found = corrections([*seen(1, "food", 60, 300), *seen(2, "history", 60, 300)])
    moved = found.log_odds([1, 2], ["food", "history"])
    assert moved[0] == pytest.approx(moved[1], abs=1e-6)
    assert abs(moved[0]) < 0.1


def test_a_category_in_sudden_demand_rises_and_the_other_falls() -> None:
    found = corrections([*seen(1, "food", 80, 300), *seen(2, "history", 10, 300)])
    up, down, unknown = found.log_odds([9, 8, 7], ["food", "history", "travel"])
    assert up > 0.2
    assert down < -0.2
    assert unknown == 0.0


def test_an_item_counts_beyond_its_category_and_few_answers_say_little() -> None:
    outcomes = [*seen(1, "food", 60, 200), *seen(2, "food", 20, 200), *seen(3, "food", 1, 1)]
    first, second, third = corrections(outcomes).log_odds([1, 2, 3], ["food"] * 3)
    assert first > third > second
    assert abs(third - corrections(outcomes).categories["food"]) < 0.25


def test_corrections_are_bounded() -> None:
    found = corrections([*seen(1, "food", 3_000, 3_000), *seen(2, "history", 0, 3_000)])
    values = found.log_odds([1, 2], ["food", "history"])
    assert max(abs(values)) == pytest.approx(LARGEST)


def test_weights_let_old_answers_fade() -> None:
    fresh = [Outcome(1, "food", 0.1, 1.0)] * 40 + [Outcome(2, "history", 0.1, 0.1)] * 400
    old = [Outcome(1, "food", 0.1, 1.0, weight=0.01)] * 40 + fresh[40:]
    raised = [corrections(one).log_odds([5], ["food"])[0] for one in (fresh, old)]
    assert raised[0] > 5 * raised[1]


def test_kept_corrections_come_back() -> None:
    found = corrections([*seen(1, "food", 80, 300), *seen(2, "history", 10, 300)])
    again = Corrections.from_json(found.as_json())
    assert math.isclose(again.categories["food"], found.categories["food"], abs_tol=1e-4)
    assert set(again.items) == set(found.items)
