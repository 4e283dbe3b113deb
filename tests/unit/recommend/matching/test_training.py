"""Weights from choices: planted ones come back, the prior holds where nothing is said."""

from __future__ import annotations

import numpy as np
import pytest

from recommend.matching.training import Choices, fit_weights, loss


def planted(weights: list[float], groups: int = 600, each: int = 12, seed: int = 5) -> Choices:
    """In each group one is taken, as the softmax of the true scores says."""
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(groups, each, len(weights))).astype(np.float32)
    scores = features @ np.array(weights) + rng.gumbel(size=(groups, each))
    taken = scores == scores.max(axis=1, keepdims=True)
    group = np.repeat(np.arange(groups), each)
    return Choices(features.reshape(-1, len(weights)), group, taken.ravel())


def test_planted_weights_come_back() -> None:
    fit = fit_weights(planted([2.0, 0.5, 0.0]), [1.0, 1.0, 1.0])
    assert fit.weights == pytest.approx([2.0, 0.5, 0.0], abs=0.2)
    assert fit.groups == 600


def test_no_weight_falls_below_zero() -> None:
    fit = fit_weights(planted([1.0, -1.5]), [1.0, 1.0])
    assert fit.weights[1] == 0.0


def test_the_fit_beats_the_prior_on_choices_it_did_not_see() -> None:
    fit = fit_weights(planted([2.0, 0.5, 0.0]), [0.3, 0.3, 0.3])
    fresh = planted([2.0, 0.5, 0.0], seed=6)
    assert loss(fresh, fit.weights) < loss(fresh, [0.3, 0.3, 0.3])


def test_few_choices_leave_the_prior_nearly_alone() -> None:
    few = planted([3.0, 0.0], groups=3)
    held = fit_weights(few, [1.0, 1.0], pull=1_000.0)
    assert held.weights == pytest.approx([1.0, 1.0], abs=0.05)


def test_a_fixed_weight_stays() -> None:
    fit = fit_weights(planted([2.0, 0.5]), [1.0, 0.25], free=[True, False])
    assert fit.weights[1] == pytest.approx(0.25)


def test_groups_that_say_nothing_change_nothing() -> None:
    features = np.ones((6, 2), np.float32)
    silent = Choices(features, np.array([0, 0, 0, 1, 1, 1]), np.array([True] * 3 + [False] * 3))
    fit = fit_weights(silent, [0.7, 0.2])
    assert fit.weights.tolist() == [0.7, 0.2]
    assert fit.groups == 0
    assert loss(silent, [0.7, 0.2]) == 0.0


def test_the_loss_is_the_softmax_by_hand() -> None:
    told = Choices(
        np.array([[1.0], [0.0], [0.0]], np.float32), np.zeros(3, np.int64),
        np.array([True, False, False]),
    )  # fmt: skip
    assert loss(told, [1.0]) == pytest.approx(-np.log(np.e / (np.e + 2)), abs=1e-6)
