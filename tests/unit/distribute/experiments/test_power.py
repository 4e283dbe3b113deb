"""What is promised before the start holds afterwards."""

from __future__ import annotations

import numpy as np
import pytest

from distribute.experiments.estimate import Sample, compare
from distribute.experiments.intervals import fixed_half_width
from distribute.experiments.permutation import permutation_p
from distribute.experiments.power import History, groups_needed, noise_of, plan_of


def history(rng: np.random.Generator, groups: int, own: float = 0.3, noise: float = 0.1) -> History:
    lasting = 1.0 + rng.normal(0, own, groups)
    shown = np.full(groups, 1000.0)
    two = [lasting + rng.normal(0, noise, groups) for _ in range(2)]
    return History(two[0], two[1], shown, np.zeros((groups, 0)))


def test_history_takes_lasting_differences_away() -> None:
    found = noise_of(history(np.random.default_rng(1), 400))
    assert found is not None
    assert found.mean == pytest.approx(1.0, abs=0.05)
    # What is left: the noise of the later window and the share of the earlier one's.
    assert found.spread == pytest.approx(0.1 * (1 + 0.9**2) ** 0.5, rel=0.15)
    assert found.explained > 0.75


def test_no_history_no_promise() -> None:
    few = history(np.random.default_rng(1), 5)
    assert noise_of(few) is None
    plan = plan_of(None, (10, 10), 0.05, 0.8)
    assert (plan.mde, plan.variance) == (None, None)


def test_the_promised_difference_is_found_as_often_as_promised() -> None:
    rng = np.random.default_rng(2)
    noise = noise_of(history(rng, 2000))
    assert noise is not None
    plan = plan_of(noise, (15, 15), 0.05, 0.8)
    assert plan.mde is not None
    arm = np.array([0, 1] * 15)
    hits = 0
    for _ in range(400):
        past = history(rng, 30)
        value = past.later + plan.mde * noise.mean * arm
        found = compare(Sample(arm, value, past.earlier[:, None], np.ones(30)), 1)
        assert found is not None
        hits += abs(found.difference) > fixed_half_width(found.variance, found.df, 0.05)
    assert hits / 400 == pytest.approx(0.8, abs=0.06)


def test_the_needed_groups_are_just_enough() -> None:
    noise = noise_of(history(np.random.default_rng(3), 500))
    assert noise is not None
    for shares in ((0.5, 0.5), (0.8, 0.2)):
        total = groups_needed(noise, shares, 0.1, 0.05, 0.8)
        enough = plan_of(noise, tuple(round(total * s) for s in shares), 0.05, 0.8).mde
        few = plan_of(noise, tuple(round(total * s * 0.8) for s in shares), 0.05, 0.8).mde
        assert enough is not None
        assert few is not None
        assert enough == pytest.approx(0.1, rel=0.05)
        assert few > 0.105
    assert groups_needed(noise, (0.5, 0.5), 0.05, 0.05, 0.8) > 3 * groups_needed(
        noise, (0.5, 0.5), 0.1, 0.05, 0.8
    )


def test_re_randomisation_in_pairs_has_as_many_outcomes_as_drawings() -> None:
    """Four pairs, the treated one higher in each: 2 of 16 drawings are as extreme."""
    value = np.array([1.0, 2.0, 1.1, 2.2, 0.9, 1.9, 1.2, 2.3])
    arm, blocks = np.array([0, 1] * 4), np.repeat(np.arange(4), 2)
    rows = Sample(arm, value, np.zeros((8, 0)), np.ones(8))
    found = permutation_p(rows, blocks, 1, seed=1, draws=4000)
    assert found == pytest.approx(2 / 16, abs=0.02)


def test_re_randomisation_is_even_without_an_effect() -> None:
    rng = np.random.default_rng(5)
    found = []
    for seed in range(200):
        arm = rng.permutation([0, 1] * 8)
        rows = Sample(arm, rng.exponential(1, 16), rng.normal(0, 1, (16, 1)), np.ones(16))
        found.append(permutation_p(rows, np.zeros(16, np.int64), 1, seed=seed, draws=199))
    assert np.mean([one is not None and one <= 0.1 for one in found]) == pytest.approx(
        0.1, abs=0.06
    )
    empty = Sample(np.array([0, 0, 1, 1]), np.ones(4), np.zeros((4, 0)), np.ones(4))
    assert permutation_p(empty, np.zeros(4, np.int64), 1, seed=1) is None
