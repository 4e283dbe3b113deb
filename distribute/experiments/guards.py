"""Guard rails: whether an arm loses readers faster than the base, safe to ask every day. Pure.

In a fixed experiment the group is the unit. A bandit draws a group's arm anew each week, so the
unit is a group's week: rates are compared inside the week in which arms were drawn, where every
group had the same chances. Chances depend on the weeks before alone, so the weeks' differences
hang together no more than martingale differences do, and the sequence that holds for a fixed
experiment holds for their sum (Howard, Ramdas, McAuliffe, Sekhon, Ann. Stat. 2021; for data that
a bandit collected: Zhang, Janson, Murphy, NeurIPS 2020). Leaving is charged to the week in which
it happens: what an arm spoils for the week after counts for the arm of that week.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from distribute.experiments.analysis import Design, Look, fixed_mixing, log_size, look_of
from distribute.experiments.estimate import Floats, Ints, Sample, compare
from distribute.experiments.intervals import over_scales
from distribute.experiments.outcomes import Guard, Outcomes, ratio, ratio_parts

GUARD_ALPHA = 0.05
# A guard rail must see a slow leak and a burst: the usual spread, ten and a hundred times it.
GUARD_SCALES = (1.0, 10.0, 100.0)
# Fewer cases than this in an arm stop nothing: they are no rate yet.
LEAST_CASES = 5
WEEK = 7
NOT_DRAWN = -1


@dataclass(frozen=True)
class GuardReading:
    """A guard rail of one arm. `worse`: the daily sequence shows that it is worse."""

    guard: Guard
    look: Look | None
    cases: int
    worse: bool


@dataclass(frozen=True)
class WeeklyDraws:
    """What a bandit drew. arm: (groups, weeks) in the order of the outcomes, `NOT_DRAWN` where
    nothing was; guards_before: as in `Design`; arms: how many there are."""

    arm: Ints
    guards_before: Mapping[Guard, Floats]
    arms: int


def guard_reading(design: Design, outcomes: Outcomes, arm: int, guard: Guard) -> GuardReading:
    """Whether an arm's guard rail is worse than the base's."""
    value, _ = ratio(outcomes, guard)
    cases = int(ratio_parts(outcomes, guard)[0][design.arm == arm].sum())
    sample = Sample(
        design.arm, value, _before(design.guards_before[guard], outcomes), _sizes(outcomes)
    )
    groups = (int((design.arm == 0).sum()), int((design.arm == arm).sum()))
    return _reading(sample, arm, (guard, cases, outcomes.days), groups, design.arms)


def weekly_guard_reading(
    draws: WeeklyDraws, outcomes: Outcomes, arm: int, guard: Guard
) -> GuardReading:
    """The same for an arm of a bandit, over all weeks that have begun."""
    weeks = [
        _week_sample(draws, outcomes, week, guard)
        for week in range(min(-(-outcomes.days // WEEK), draws.arm.shape[1]))
    ]
    even = max(len(outcomes.audience_ids) // draws.arms, 1)
    if not weeks:
        return GuardReading(guard, None, 0, False)
    cases = sum(int(cases[sample.arm == arm].sum()) for sample, cases in weeks)
    whole = _stacked([sample for sample, _ in weeks])
    return _reading(whole, arm, (guard, cases, outcomes.days), (even, even), draws.arms)


def _week_sample(
    draws: WeeklyDraws, outcomes: Outcomes, week: int, guard: Guard
) -> tuple[Sample, Floats]:
    """One row a group in one week, weighing as many days as are over; and its cases."""
    first, last = week * WEEK, min((week + 1) * WEEK, outcomes.days)
    value, _ = ratio(outcomes, guard, first, last)
    cases, _ = ratio_parts(outcomes, guard, first, last)
    weight = _sizes(outcomes) * (last - first)
    before = _before(draws.guards_before[guard], outcomes)
    stratum = np.full(len(value), week, dtype=np.int64)
    return Sample(draws.arm[:, week], value, before, weight, stratum), cases


def _stacked(weeks: list[Sample]) -> Sample:
    return replace(
        weeks[0],
        arm=np.concatenate([one.arm for one in weeks]),
        value=np.concatenate([one.value for one in weeks]),
        covariates=np.vstack([one.covariates for one in weeks]),
        weight=np.concatenate([one.weight for one in weeks]),
        stratum=np.concatenate([one.stratum for one in weeks if one.stratum is not None]),
    )


def _reading(
    sample: Sample, arm: int, told: tuple[Guard, int, int], groups: tuple[int, int], arms: int
) -> GuardReading:
    """`told`: the guard rail, cases in the arm, days so far. `groups`: how many the sequence is
    narrowest for, fixed at the start."""
    guard, cases, days = told
    estimate = compare(sample, arm)
    if estimate is None or estimate.variance <= 0:
        return GuardReading(guard, None, cases, False)
    alpha = GUARD_ALPHA / (arms - 1)
    mixing = fixed_mixing(None, guard, groups, alpha)
    scales = tuple(mixing * scale**2 for scale in GUARD_SCALES)
    look = look_of(days, estimate, over_scales(estimate.variance, estimate.df, scales, alpha))
    return GuardReading(guard, look, cases, look.interval.low > 0.0 and cases >= LEAST_CASES)


def _before(rates: Floats, outcomes: Outcomes) -> Floats:
    return np.column_stack([rates, log_size(outcomes)])


def _sizes(outcomes: Outcomes) -> Floats:
    """Readers as weights, none above five times the middle one."""
    weight: Floats = np.maximum(outcomes.readers, 1.0)
    return np.minimum(weight, 5.0 * np.median(weight))
