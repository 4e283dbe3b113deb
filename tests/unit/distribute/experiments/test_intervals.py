"""Intervals for one look and for many."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm, t

from distribute.experiments.intervals import (
    ErrorBudget,
    Interval,
    always_valid_half_width,
    around,
    fixed_half_width,
    mixing_variance,
    over_scales,
    relative,
)

MANY = 1e9


def test_one_look_is_the_t_interval() -> None:
    assert fixed_half_width(4.0, 7.0, 0.05) == pytest.approx(2.0 * t.ppf(0.975, 7))


def test_the_mixture_is_the_likelihood_ratio_at_its_bound() -> None:
    """At the half width, the mixture of N(d, v) over d ~ N(0, m) against d = 0 is 1 / alpha."""
    variance, mixing, alpha = 0.3, 1.7, 0.05
    edge = always_valid_half_width(variance, MANY, mixing, alpha)
    ratio = norm.pdf(edge, 0, (variance + mixing) ** 0.5) / norm.pdf(edge, 0, variance**0.5)
    assert ratio == pytest.approx(1 / alpha, rel=1e-6)


def test_the_planned_variance_gives_the_narrowest_sequence() -> None:
    best = mixing_variance(2.0, 0.05)
    there = always_valid_half_width(2.0, MANY, best, 0.05)
    assert all(
        there < always_valid_half_width(2.0, MANY, best * factor, 0.05) for factor in (0.7, 1.4)
    )
    assert 1.4 < there / fixed_half_width(2.0, MANY, 0.05) < 1.7, "the price of daily looks"


def test_few_groups_make_wider_intervals() -> None:
    widths = [always_valid_half_width(1.0, df, 8.0, 0.05) for df in (5.0, 20.0, MANY)]
    assert widths == sorted(widths, reverse=True)
    assert always_valid_half_width(0.0, 5.0, 8.0, 0.05) == float("inf")


def test_sharing_the_error_among_scales_serves_small_and_large() -> None:
    scales = (1.0, 100.0, 10_000.0)
    for variance in (0.1, 10.0, 1000.0):
        wide = over_scales(variance, MANY, scales, 0.05)
        best = min(always_valid_half_width(variance, MANY, one, 0.05) for one in scales)
        assert best < wide < 1.25 * best


def test_looking_every_day_keeps_the_false_alarms_and_naive_looking_does_not() -> None:
    """The mean of fixed groups over days, with a part that never averages out."""
    rng = np.random.default_rng(3)
    days = np.arange(1, 31)
    lasting, daily = 0.02, 0.3
    variance = lasting**2 + daily**2 / days
    paths = (
        rng.normal(0, lasting, (2000, 1))
        + np.cumsum(rng.normal(0, daily, (2000, 30)), axis=1) / days
    )
    mixing = mixing_variance(float(variance[-1]), 0.05)
    valid = np.array([always_valid_half_width(v, MANY, mixing, 0.05) for v in variance])
    naive = np.array([fixed_half_width(v, MANY, 0.05) for v in variance])
    assert (np.abs(paths) > valid).any(axis=1).mean() <= 0.05
    assert (np.abs(paths) > naive).any(axis=1).mean() > 0.15


def test_the_relative_interval_agrees_with_the_difference_about_zero() -> None:
    noise = (0.0004, 0.0001, 0.0005)
    variance = noise[0] - 2 * noise[1] + noise[2]
    for gap in (0.02, 0.05, 0.053, 0.06, 0.2):
        half = 1.96 * variance**0.5
        found = relative(1.0, 1.0 + gap, noise, 1.96)
        assert found is not None
        assert found.excludes_zero == around(gap, half).excludes_zero
        assert found.holds(gap)


def test_no_ratio_where_the_base_may_be_zero() -> None:
    assert relative(0.01, 1.0, (0.01, 0.0, 0.01), 1.96) is None
    assert relative(-1.0, 1.0, (0.01, 0.0, 0.01), 1.96) is None


def test_relative_intervals_hold_the_truth() -> None:
    rng = np.random.default_rng(6)
    held = 0
    for base, arm in rng.multivariate_normal([1.0, 1.1], [[0.01, 0], [0, 0.02]], 2000):
        found = relative(base, arm, (0.01, 0.0, 0.02), 1.96)
        held += found is not None and found.holds(0.1)
    assert 0.935 < held / 2000 < 0.965


def test_the_error_budget_adds_up_and_is_shared() -> None:
    budget = ErrorBudget()
    assert budget.whole == pytest.approx(0.05)
    assert budget.shared(2).whole == pytest.approx(0.025)
    assert Interval(-1, 1).excludes_zero is False
