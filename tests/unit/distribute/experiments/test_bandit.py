"""Thompson sampling with known chances."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm

from contentcenter.domain.errors import InvalidInput
from distribute.experiments.bandit import (
    Posterior,
    Rewards,
    chance_of_best,
    choose,
    posterior,
    propensities,
)


def believed(mean: list[float], spread: list[float]) -> Posterior:
    return Posterior(np.array(mean), np.array(spread), np.zeros(len(mean), np.int64))


def test_the_chance_of_two_is_the_closed_form() -> None:
    found = chance_of_best(believed([0.3, 0.1], [0.2, 0.1]))
    assert found[0] == pytest.approx(norm.cdf(0.2 / np.hypot(0.2, 0.1)), abs=1e-4)
    assert found.sum() == pytest.approx(1.0)


def test_equal_arms_are_drawn_evenly() -> None:
    assert chance_of_best(believed([0.0] * 4, [0.5] * 4)) == pytest.approx(np.full(4, 0.25))


def test_no_arm_falls_below_the_floor() -> None:
    found = propensities(believed([5.0, 0.0, 0.0], [0.1] * 3), 0.15)
    assert found == pytest.approx([0.9, 0.05, 0.05])
    with pytest.raises(InvalidInput):
        propensities(believed([0.0, 0.0], [1.0, 1.0]), 0.0)


def test_the_posterior_is_the_conjugate_one() -> None:
    rng = np.random.default_rng(1)
    arm = np.repeat([0, 1], 50)
    gain = rng.normal(np.where(arm == 1, 0.02, 0.0), 0.01)
    found = posterior(Rewards(arm, gain, np.ones(100)), 2, usual=0.05)
    left = sum(((gain[arm == a] - gain[arm == a].mean()) ** 2).sum() for a in (0, 1)) / 98
    whole = 50 / left + 0.005**-2
    assert found.mean[1] == pytest.approx(gain[arm == 1].sum() / left / whole)
    assert found.spread[1] == pytest.approx(whole**-0.5)
    assert found.decisions.tolist() == [50, 50]


def test_before_anything_is_known_the_prior_speaks() -> None:
    nothing = Rewards(np.zeros(0, np.int64), np.zeros(0), np.zeros(0))
    found = posterior(nothing, 3, usual=0.05)
    assert found.mean.tolist() == [0.0] * 3
    assert propensities(found, 0.1) == pytest.approx(np.full(3, 1 / 3))


def test_a_key_always_draws_the_same_and_keys_draw_by_their_chances() -> None:
    chances = [0.7, 0.2, 0.1]
    draws = [choose(chances, "salt", group, week) for group in range(2000) for week in range(2)]
    assert draws[7] == choose(chances, "salt", 3, 1)
    shares = np.bincount([one.arm for one in draws]) / len(draws)
    assert shares == pytest.approx(chances, abs=0.03)
    assert {one.propensity for one in draws} == set(chances)
    assert choose([0.0, 1.0], "x").arm == 1


def test_it_finds_the_better_arm_and_pays_little_for_looking() -> None:
    rng = np.random.default_rng(8)
    truth = np.array([0.0, 0.01, -0.005])
    arms: list[int] = []
    gains: list[float] = []
    for week in range(12):
        rows = Rewards(np.array(arms, np.int64), np.array(gains), np.ones(len(arms)))
        chances = propensities(posterior(rows, 3, usual=0.05), 0.1)
        drawn = [choose(chances, "s", group, week).arm for group in range(30)]
        arms += drawn
        gains += list(truth[drawn] + rng.normal(0, 0.015, 30))
    assert np.bincount(arms[-90:], minlength=3)[1] > 60
    assert min(np.bincount(arms[-90:], minlength=3)) > 0, "the floor still explores"
