"""The promise of group experiments in small: `python -m bench experiments` measures it whole."""

from __future__ import annotations

import pytest

from bench.experiments import Variation, make_world, repeat, run_experiment
from contentcenter.domain.errors import InvalidInput
from distribute.experiments.design import Wish, least_groups, refuse_too_few
from distribute.experiments.outcomes import Metric

# As measured on the twin's readers, with calmer days and more clicks, so that few seeds are enough.
CALM = Variation(mean=0.15, between=0.3, drift=0.05, daily=0.25, seen=0.5, seen_between=0.16)


def test_no_effect_is_seldom_called_one_however_often_somebody_looks() -> None:
    found = repeat(CALM, seeds=40, groups=16, days=9, uplift=0.0)
    assert found["product"] <= 0.12
    assert found["sequential"] <= 0.08
    assert found["naive"] > found["product"], "looking daily with a fixed interval is no good"
    assert found["product_covers"] >= 0.88


def test_a_planted_uplift_is_found_where_the_plan_says_so_and_measured_right() -> None:
    found = repeat(CALM, seeds=30, groups=48, days=14, uplift=0.15)
    assert found["mde"] < 0.15
    assert found["product"] >= 0.8
    assert found["wrong_way"] == 0
    assert found["uplift"] == pytest.approx(0.15, abs=0.02)
    assert found["uplift_covers"] >= 0.85


def test_the_same_seed_is_the_same_experiment() -> None:
    rows = [run_experiment(make_world(CALM, 16, 7, 3), 7, 0.1, 3) for _ in range(2)]
    assert rows[0] == rows[1]


def test_the_plan_refuses_and_says_how_many_are_needed() -> None:
    history = make_world(CALM, 16, 14, 1).before
    wish = Wish(Metric.CLICKS_PER_IMPRESSION, (0.5, 0.5), 14, uplift=0.02)
    needed = least_groups(history, wish)
    assert needed > 16
    with pytest.raises(InvalidInput, match=f"{needed} are needed") as caught:
        refuse_too_few(history, wish)
    assert caught.value.details["groups_needed"] == needed
    easy = Wish(Metric.CLICKS_PER_IMPRESSION, (0.5, 0.5), 14)
    refuse_too_few(history, easy)
    assert least_groups(history, easy) == 8
