"""The difference between arms: against closed forms, and under few and unequal groups."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import ttest_ind

from distribute.experiments.estimate import (
    Sample,
    compare,
    fixed_weights,
    pooled_ratio,
    usable_covariates,
)


def sample(value: list[float], arm: list[int], **more: object) -> Sample:
    n = len(value)
    covariates = more.get("covariates", np.zeros((n, 0)))
    weight = more.get("weight", np.ones(n))
    return Sample(np.array(arm), np.array(value), np.asarray(covariates), np.asarray(weight))


def test_without_covariates_it_is_welch_s_t_test() -> None:
    base, arm = [1.0, 2.0, 4.0, 3.0], [5.0, 9.0, 4.0]
    found = compare(sample(base + arm, [0] * 4 + [1] * 3), 1)
    assert found is not None
    welch = ttest_ind(arm, base, equal_var=False)
    assert found.difference == pytest.approx(6.0 - 2.5)
    assert found.difference / found.variance**0.5 == pytest.approx(welch.statistic)
    assert found.groups == (4, 3)
    assert found.uplift == pytest.approx(6.0 / 2.5 - 1)


def test_equal_arms_have_the_degrees_of_freedom_of_the_t_test() -> None:
    found = compare(sample(list(range(10)), [0, 1] * 5), 1)
    assert found is not None
    assert found.df == pytest.approx(8.0)


def test_degrees_of_freedom_are_those_of_the_quadratic_form() -> None:
    """Bell and McCaffrey's own formula, with the matrices written out."""
    rng = np.random.default_rng(7)
    before, weight = rng.normal(0, 1, (18, 1)), rng.uniform(0.5, 3, 18)
    arm = np.array([0] * 7 + [1] * 11)
    found = compare(Sample(arm, rng.normal(0, 1, 18), before, weight), 1)
    assert found is not None
    filled = usable_covariates(before, weight)
    root = np.sqrt(weight / weight.mean())[:, None]
    design = np.column_stack([arm == 0, arm == 1, filled]) * root
    maker = np.eye(18) - design @ np.linalg.pinv(design)
    pull = np.linalg.pinv(design).T @ np.array([-1.0, 1.0, 0.0])
    form = maker @ np.diag(pull**2 / np.diag(maker)) @ maker
    assert found.df == pytest.approx(np.trace(form) ** 2 / np.trace(form @ form))


def test_ten_thousand_groups_are_no_burden() -> None:
    rng = np.random.default_rng(9)
    rows = Sample(
        np.arange(10_000) % 2, rng.normal(1, 1, 10_000), np.zeros((10_000, 0)), np.ones(10_000)
    )
    found = compare(rows, 1)
    assert found is not None
    assert found.df == pytest.approx(9998, rel=1e-3)
    assert found.variance == pytest.approx(4 / 10_000, rel=0.05)


def test_unequal_weights_cost_degrees_of_freedom() -> None:
    even = compare(sample(list(range(12)), [0, 1] * 6), 1)
    heavy = compare(sample(list(range(12)), [0, 1] * 6, weight=[20.0, 20.0] + [1.0] * 10), 1)
    assert even is not None
    assert heavy is not None
    assert heavy.df < even.df / 2


def test_what_was_known_before_sharpens_the_difference() -> None:
    rng = np.random.default_rng(1)
    before = rng.normal(5, 1, 40)
    arm = np.array([0, 1] * 20)
    value = before + 0.5 * arm + rng.normal(0, 0.1, 40)
    plain = compare(sample(list(value), list(arm)), 1)
    known = compare(sample(list(value), list(arm), covariates=before[:, None]), 1)
    assert plain is not None
    assert known is not None
    assert known.variance < plain.variance / 20
    assert known.difference == pytest.approx(0.5, abs=0.1)


def test_groups_without_data_are_left_out_and_three_are_needed() -> None:
    nan = float("nan")
    found = compare(sample([1, 2, 3, nan, 2, 3, 4], [0, 0, 0, 0, 1, 1, 1]), 1)
    assert found is not None
    assert found.groups == (3, 3)
    assert compare(sample([1, 2, nan, 2, 3, 4], [0, 0, 0, 1, 1, 1]), 1) is None


def test_covariates_are_centred_filled_and_few() -> None:
    raw = np.array([[1.0, 7.0, np.nan], [3.0, 7.0, np.nan], [np.nan, 7.0, 1.0]] * 8)
    found = usable_covariates(raw, np.ones(24))
    assert found.shape == (24, 1), "a constant and a mostly unknown one are dropped"
    assert found.mean() == pytest.approx(0.0)
    assert found[2, 0] == 0.0
    assert usable_covariates(np.arange(7.0)[:, None], np.ones(7)).shape == (7, 0)


def test_the_pooled_check_is_the_delta_method() -> None:
    clicks, shown = np.array([10.0, 30, 20, 5, 9, 4]), np.array([100.0, 200, 100, 100, 100, 100])
    found = pooled_ratio(clicks, shown, np.array([1, 1, 1, 0, 0, 0]), 1)
    assert found is not None
    assert found[0] == pytest.approx(60 / 400 - 18 / 300)
    left = clicks[:3] - 0.15 * shown[:3]
    right = clicks[3:] - 0.06 * shown[3:]
    expected = 1.5 * (left @ left) / 400**2 + 1.5 * (right @ right) / 300**2
    assert found[1] == pytest.approx(expected)
    assert pooled_ratio(clicks, shown, np.array([1, 1, 0, 0, 0, 0]), 1) is None


def test_weights_grow_with_history_until_groups_themselves_differ() -> None:
    before = np.array([0.0, 100.0, 200.0, 400.0])
    assert fixed_weights(before, float("inf")).tolist() == [200.0, 100.0, 200.0, 400.0]
    flat = fixed_weights(before, 1e-3)
    assert flat == pytest.approx(np.full(4, flat[0]), rel=1e-4)
    assert fixed_weights(np.array([1.0] * 9 + [1e6]), float("inf")).max() == 5.0
    assert fixed_weights(np.zeros(3), 1.0).tolist() == [0.5] * 3


def test_false_alarms_with_few_unequal_groups_stay_near_five_in_a_hundred() -> None:
    from distribute.experiments.intervals import fixed_half_width

    rng = np.random.default_rng(4)
    alarms = 0
    for _ in range(600):
        weight = np.exp(rng.normal(0, 0.8, 12))
        value = rng.normal(0, 1 / np.sqrt(weight))
        arm = rng.permutation([0] * 6 + [1] * 6)
        found = compare(Sample(arm, value, np.zeros((12, 0)), weight), 1)
        assert found is not None
        alarms += abs(found.difference) > fixed_half_width(found.variance, found.df, 0.05)
    assert alarms / 600 < 0.075
