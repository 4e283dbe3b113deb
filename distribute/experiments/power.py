"""What an experiment can find, computed before it starts from the groups' own history. Pure.

The history is cut into two windows as long as the experiment; the first predicts the second as
the weeks before the start will predict the experiment. What is left between the groups is the
noise the experiment will meet.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, sqrt

import numpy as np
from scipy.optimize import nnls
from scipy.stats import t

from distribute.experiments.estimate import Floats, usable_covariates

LEAST_HISTORY = 6
MOST_GROUPS = 100_000


@dataclass(frozen=True)
class History:
    """One row a group: the metric's ratio and denominator in two windows before the start
    (NaN and 0 without data), and covariates known before the first of them but the metric."""

    earlier: Floats
    later: Floats
    denominator: Floats
    covariates: Floats


@dataclass(frozen=True)
class Noise:
    """mean: of the metric. spread: standard deviation between groups after adjustment, of a
    group of average weight. explained: the share of the variance between groups that the
    history takes away. kappa: see `fixed_weights`. groups: how many rows it was measured on."""

    mean: float
    spread: float
    explained: float
    kappa: float
    groups: int


@dataclass(frozen=True)
class Plan:
    """mde: the smallest relative difference found with `power`, None without a history.
    variance: planned variance of the difference at the end (absolute)."""

    groups: tuple[int, ...]
    power: float
    alpha: float
    mde: float | None
    variance: float | None
    noise: Noise | None


def noise_of(history: History) -> Noise | None:
    """None when fewer than six groups have both windows."""
    known = np.isfinite(history.earlier) & np.isfinite(history.later) & (history.denominator > 0)
    if int(known.sum()) < LEAST_HISTORY:
        return None
    value, before = history.later[known], history.denominator[known]
    raw = np.column_stack([history.earlier, history.covariates])[known]
    design = np.column_stack([np.ones(len(value)), usable_covariates(raw, np.ones(len(value)))])
    residual = value - design @ (np.linalg.pinv(design) @ value)
    freedom = len(value) - design.shape[1]
    if freedom < 2:
        return None
    total, left = float(value.var(ddof=1)), float((residual**2).sum() / freedom)
    return Noise(
        mean=float(np.average(value, weights=before)),
        spread=sqrt(left),
        explained=max(0.0, 1.0 - left / total) if total > 0 else 0.0,
        kappa=_kappa(residual, before),
        groups=len(value),
    )


def _kappa(residual: Floats, before: Floats) -> float:
    """Residual variance as a + b / denominator, neither negative; kappa = b / a."""
    size = before / before.mean()
    (between, within), _ = nnls(np.column_stack([np.ones(len(size)), 1.0 / size]), residual**2)
    if between <= 0.0:
        return float("inf")
    # All differences between groups: weights hardly depend on the denominator.
    return max(float(within / between), 1e-3) * float(before.mean())


def plan_of(noise: Noise | None, groups: tuple[int, ...], alpha: float, power: float) -> Plan:
    """What `groups` (base first) can find at the planned end, for the smallest arm."""
    if noise is None or noise.mean <= 0:
        return Plan(groups, power, alpha, None, None, noise)
    base, arm = groups[0], min(groups[1:])
    if min(base, arm) < 2:
        return Plan(groups, power, alpha, None, None, noise)
    variance = noise.spread**2 * (1.0 / base + 1.0 / arm)
    mde = _reach(base + arm - 4, alpha, power) * sqrt(variance) / noise.mean
    return Plan(groups, power, alpha, mde, variance, noise)


def groups_needed(
    noise: Noise, shares: tuple[float, ...], wanted: float, alpha: float, power: float
) -> int:
    """The fewest groups in all with which a relative difference `wanted` is found with `power`."""
    base, arm = shares[0], min(shares[1:])
    room = wanted * noise.mean / noise.spread if noise.spread > 0 else float("inf")
    total = 2.0 / min(base, arm)
    while total < MOST_GROUPS:
        reach = _reach(total * (base + arm) - 4, alpha, power)
        needed = (reach / room) ** 2 * (1.0 / base + 1.0 / arm)
        if needed <= total:
            break
        total = max(total + 1.0, min(needed, total * 1.5))
    return ceil(total)


def _reach(df: float, alpha: float, power: float) -> float:
    freedom = max(df, 1.0)
    return float(t.isf(alpha / 2, freedom) + t.ppf(power, freedom))
