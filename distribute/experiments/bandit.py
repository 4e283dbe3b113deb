"""Thompson sampling at group level, with a floor of exploration and exact propensities. Pure.

A decision is one group in one period (a week); its reward is the group's ratio minus what the
group used to have, so that a lively group does not make its arm look good. Arms have normal
posteriors around a common prior; the chance of being best is integrated, not sampled, so that
the propensity that is logged is the one that was used (Thompson, Biometrika 1933; Agrawal and
Goyal, AISTATS 2013; the floor keeps later weighting possible: Zhang, Janson, Murphy, NeurIPS
2020).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import norm

from contentcenter.domain.errors import InvalidInput
from distribute.experiments.assignment import unit_draw
from distribute.experiments.estimate import Floats, Ints

GRID = 2001
# Before anything is known, arms are thought to differ by about a tenth of the usual value.
PRIOR_SHARE = 0.1
LEAST_REWARDS = 3


@dataclass(frozen=True)
class Rewards:
    """One row a decision that is over: the arm, the group's ratio minus its own usual one, and a
    weight (its denominator)."""

    arm: Ints
    gain: Floats
    weight: Floats


@dataclass(frozen=True)
class Posterior:
    mean: Floats
    spread: Floats
    decisions: Ints


@dataclass(frozen=True)
class Choice:
    arm: int
    propensity: float


def posterior(rewards: Rewards, arms: int, usual: float) -> Posterior:
    """Normal posterior of each arm's mean gain. `usual`: the metric's usual value, the scale of
    the prior. The noise of a decision is pooled over arms; without three decisions of an arm the
    prior speaks."""
    prior = max(PRIOR_SHARE * abs(usual), 1e-9)
    mean, spread = np.zeros(arms), np.full(arms, prior)
    decisions = np.bincount(rewards.arm, minlength=arms).astype(np.int64)
    noise = _noise(rewards, arms)
    if noise is None:
        return Posterior(mean, spread, decisions)
    for arm in range(arms):
        mass = float(rewards.weight[rewards.arm == arm].sum())
        precision = mass / noise
        seen = float((rewards.weight * rewards.gain)[rewards.arm == arm].sum())
        whole = precision + prior**-2
        mean[arm] = (seen / noise) / whole
        spread[arm] = whole**-0.5
    return Posterior(mean, spread, decisions)


def _noise(rewards: Rewards, arms: int) -> float | None:
    """Pooled variance of a gain of weight 1; None while too little is known."""
    left, freedom = 0.0, 0
    for arm in range(arms):
        rows = rewards.arm == arm
        if int(rows.sum()) < LEAST_REWARDS:
            continue
        mean = np.average(rewards.gain[rows], weights=rewards.weight[rows])
        left += float((rewards.weight[rows] * (rewards.gain[rows] - mean) ** 2).sum())
        freedom += int(rows.sum()) - 1
    return left / freedom if freedom and left > 0 else None


def chance_of_best(found: Posterior) -> Floats:
    """P(an arm has the highest mean), integrated on a grid; sums to 1."""
    reach = 8.0 * found.spread.max()
    grid = np.linspace(found.mean.min() - reach, found.mean.max() + reach, GRID)
    z = (grid[:, None] - found.mean) / found.spread
    density, below = norm.pdf(z) / found.spread, norm.cdf(z)
    chance = np.array(
        [
            np.trapezoid(density[:, arm] * np.delete(below, arm, axis=1).prod(axis=1), grid)
            for arm in range(len(found.mean))
        ]
    )
    whole: Floats = chance / chance.sum()
    return whole


def propensities(found: Posterior, floor: float) -> Floats:
    """The chance of being best, mixed with an even draw so that no arm falls below
    `floor` / arms. `InvalidInput` for a floor outside (0, 1]."""
    if not 0.0 < floor <= 1.0:
        raise InvalidInput("The floor of exploration lies above 0 and up to 1", field="floor")
    chance = chance_of_best(found)
    mixed: Floats = (1.0 - floor) * chance + floor / len(chance)
    return mixed


def choose(chances: Sequence[float] | Floats, *key: object) -> Choice:
    """The arm drawn for a key (experiment, group, period): the same key always draws the same."""
    edges = np.cumsum(np.asarray(chances, dtype=float))
    draw = unit_draw("bandit", *key) * float(edges[-1])
    arm = min(int(np.searchsorted(edges, draw, side="right")), len(edges) - 1)
    return Choice(arm, float(chances[arm]))
