"""Guard rails of a bandit: compared inside the week in which arms were drawn."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from bench.bandit_guards import Harm, measure
from bench.experiments import Variation
from distribute.experiments.estimate import Sample, compare
from distribute.experiments.guards import NOT_DRAWN, WEEK, WeeklyDraws, weekly_guard_reading
from distribute.experiments.outcomes import Count, Guard, Outcomes

GROUPS = 24


def outcomes(leaves: np.ndarray) -> Outcomes:
    """Groups of 200 readers; `leaves` (groups, days)."""
    counts = np.zeros((*leaves.shape, len(Count)))
    counts[:, :, Count.LEAVES] = leaves
    return Outcomes(tuple(range(len(leaves))), np.full(len(leaves), 200.0), counts)


def draws(*weeks: list[int]) -> WeeklyDraws:
    return WeeklyDraws(np.array(weeks).T, {guard: np.full(GROUPS, np.nan) for guard in Guard}, 2)


def half(first: int, second: int, share: int = GROUPS // 2) -> list[int]:
    return [first] * share + [second] * (GROUPS - share)


def noisy(rates: np.ndarray, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).poisson(rates.repeat(WEEK, axis=1))


def test_a_season_is_not_charged_to_the_arm_that_was_drawn_more_in_it() -> None:
    """In the second week all groups lose ten times as many readers, and most have arm 1."""
    told = draws(half(0, 1, 20), half(1, 0, 20))
    rates = np.tile([0.3, 3.0], (GROUPS, 1))
    seen = outcomes(noisy(rates))
    reading = weekly_guard_reading(told, seen, 1, Guard.LEAVE_RATE)
    assert reading.look is not None
    assert not reading.worse
    assert abs(reading.look.estimate.difference) < 0.05

    rows = Sample(
        told.arm.T.ravel(),
        np.concatenate(
            [seen.counts[:, :WEEK, Count.LEAVES].sum(1), seen.counts[:, WEEK:, 4].sum(1)]
        ),
        np.zeros((2 * GROUPS, 0)),
        np.ones(2 * GROUPS),
    )
    across = compare(rows, 1)
    assert across is not None
    assert across.difference > 5, "across weeks the season would be taken for harm"
    inside = compare(replace(rows, stratum=np.arange(2).repeat(GROUPS)), 1)
    assert inside is not None
    assert abs(inside.difference) < 3


def test_an_arm_that_loses_more_is_seen_though_groups_change_arms() -> None:
    told = draws(half(0, 1), half(1, 0))
    rates = np.where(told.arm == 1, 1.5, 0.3)
    reading = weekly_guard_reading(told, outcomes(noisy(rates)), 1, Guard.LEAVE_RATE)
    assert reading.worse
    assert reading.look is not None
    assert reading.look.estimate.groups == (GROUPS, GROUPS)
    assert reading.cases > 100
    quiet = weekly_guard_reading(told, outcomes(noisy(rates)), 1, Guard.MUTE_RATE)
    assert (quiet.worse, quiet.cases) == (False, 0)


def test_a_week_without_the_base_or_without_draws_compares_nothing() -> None:
    told = draws([1] * GROUPS, [NOT_DRAWN] * GROUPS, half(0, 1))
    leaves = noisy(np.tile([9.0, 9.0, 0.3], (GROUPS, 1)))
    first = weekly_guard_reading(told, outcomes(leaves[:, :WEEK]), 1, Guard.LEAVE_RATE)
    assert (first.look, first.worse) == (None, False)
    third = weekly_guard_reading(told, outcomes(leaves[:, : 2 * WEEK + 3]), 1, Guard.LEAVE_RATE)
    assert third.look is not None
    assert third.look.estimate.groups == (GROUPS // 2, GROUPS // 2)
    assert not third.worse
    none = weekly_guard_reading(told, outcomes(leaves[:, :0]), 1, Guard.LEAVE_RATE)
    assert (none.look, none.cases) == (None, 0)


@pytest.mark.parametrize(("harm", "least", "most"), [(1.0, 0.0, 0.1), (6.0, 0.6, 1.0)])
def test_the_promise_in_small(harm: float, least: float, most: float) -> None:
    """`python -m bench bandit-guards` measures it whole."""
    calm = Variation(mean=0.15, between=0.3, drift=0.05, daily=0.25, seen=0.5, seen_between=0.16)
    found = measure(calm, seeds=10, groups=24, weeks=2, harm=Harm(harm))
    assert found["stopped"] is not None
    assert least <= found["stopped"] <= most
