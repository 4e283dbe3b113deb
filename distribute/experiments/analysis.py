"""From what groups did to what may be said of each arm, day by day and at the planned end. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np

from distribute.experiments.estimate import Estimate, Floats, Ints, Sample, compare, pooled_ratio
from distribute.experiments.intervals import (
    ErrorBudget,
    Interval,
    always_valid_half_width,
    around,
    fixed_half_width,
    mixing_variance,
    relative,
)
from distribute.experiments.outcomes import Guard, Metric, Outcomes, ratio, ratio_parts
from distribute.experiments.permutation import permutation_p
from distribute.experiments.power import History, Noise

# Where no history tells: usual value and spread between groups. They only set where the daily
# sequence is narrowest; it holds whatever they are.
USUAL: dict[str, tuple[float, float]] = {
    Metric.CLICKS_PER_IMPRESSION: (0.05, 0.015),
    Metric.ORDERS_PER_READER: (0.1, 0.05),
    Metric.NET_REVENUE_PER_READER: (400.0, 200.0),
    Guard.LEAVE_RATE: (0.02, 0.015),
    Guard.MUTE_RATE: (0.02, 0.015),
}
# A verdict waits for a whole week: readers differ from Monday to Sunday.
WEEK = 7


@dataclass(frozen=True)
class Design:
    """Everything fixed at the start. One row a group, in the order of the outcomes.

    before: the metric before the start (NaN unknown); guards_before: the same of each guard
    rail; weight: see `fixed_weights`; mixing: see `mixing_variance`; days: planned length.
    """

    metric: Metric
    arm: Ints
    block: Ints
    before: Floats
    guards_before: dict[Guard, Floats]
    weight: Floats
    mixing: float
    days: int
    arms: int
    budget: ErrorBudget = ErrorBudget()


@dataclass(frozen=True)
class Look:
    """What may be said after `day` days. `interval` holds at all looks together; `uplift` and
    `uplift_interval` are relative to the base, None where they mean nothing."""

    day: int
    estimate: Estimate
    interval: Interval
    uplift_interval: Interval | None

    @property
    def uplift(self) -> float | None:
        return self.estimate.uplift


@dataclass(frozen=True)
class Checks:
    """Beside the main analysis, at the planned end: the plain pooled difference with its delta
    method variance, and the p-value by re-randomisation. None = too few groups."""

    pooled: float | None
    pooled_variance: float | None
    permutation_p: float | None


def fixed_mixing(noise: Noise | None, metric: str, groups: tuple[int, int], alpha: float) -> float:
    """The mixing variance of a daily sequence, from the history or from the usual values."""
    spread = noise.spread if noise is not None and noise.spread > 0 else USUAL[metric][1]
    return mixing_variance(spread**2 * (1.0 / groups[0] + 1.0 / groups[1]), alpha)


def history_of(outcomes: Outcomes, metric: Metric) -> History:
    """The window before the start, cut in two halves."""
    middle = outcomes.days // 2
    earlier, _ = ratio(outcomes, metric, 0, middle)
    later, denominator = ratio(outcomes, metric, middle, None)
    return History(earlier, later, denominator, log_size(outcomes)[:, None])


def log_size(outcomes: Outcomes) -> Floats:
    return np.log1p(np.maximum(outcomes.readers, 0.0))


def sample_of(design: Design, outcomes: Outcomes, day: int) -> Sample:
    """The metric of the first `day` days, beside what was known before."""
    value, _ = ratio(outcomes, design.metric, 0, day)
    covariates = np.column_stack([design.before, log_size(outcomes)])
    return Sample(design.arm, value, covariates, design.weight)


def look_at(design: Design, outcomes: Outcomes, arm: int, day: int) -> Look | None:
    """The always-valid look after `day` days; None while too few groups have data."""
    estimate = compare(sample_of(design, outcomes, day), arm)
    if estimate is None or estimate.variance <= 0:
        return None
    budget = design.budget.shared(design.arms - 1)
    half = always_valid_half_width(estimate.variance, estimate.df, design.mixing, budget.early)
    return look_of(day, estimate, half)


def final_look(design: Design, outcomes: Outcomes, arm: int) -> Look | None:
    """The look at the planned end, made once."""
    estimate = compare(sample_of(design, outcomes, design.days), arm)
    if estimate is None or estimate.variance <= 0:
        return None
    budget = design.budget.shared(design.arms - 1)
    return look_of(
        design.days, estimate, fixed_half_width(estimate.variance, estimate.df, budget.final)
    )


def daily_looks(design: Design, outcomes: Outcomes, arm: int) -> list[Look]:
    """A look after every whole day with data, up to the planned end."""
    days = range(1, min(outcomes.days, design.days) + 1)
    looks = (look_at(design, outcomes, arm, day) for day in days)
    return [look for look in looks if look is not None]


def first_decision(looks: Sequence[Look], final: Look | None) -> Look | None:
    """The first look whose interval excludes zero: a daily one after a week, else the final one."""
    for look in looks:
        if look.day >= WEEK and look.interval.excludes_zero:
            return look
    return final if final is not None and final.interval.excludes_zero else None


def checks_of(design: Design, outcomes: Outcomes, arm: int, seed: int) -> Checks:
    """The two checks at the last day."""
    numerator, denominator = ratio_parts(outcomes, design.metric)
    pooled = pooled_ratio(numerator, denominator, design.arm, arm)
    sample = sample_of(design, outcomes, outcomes.days)
    probability = permutation_p(sample, design.block, arm, seed=seed)
    difference, variance = pooled if pooled is not None else (None, None)
    return Checks(difference, variance, probability)


def look_of(day: int, estimate: Estimate, half: float) -> Look:
    """A look whose interval reaches `half` to both sides."""
    multiple = half / sqrt(estimate.variance)
    bounds = relative(estimate.base, estimate.arm, estimate.noise, multiple)
    return Look(day, estimate, around(estimate.difference, half), bounds)
