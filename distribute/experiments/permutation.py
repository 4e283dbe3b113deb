"""The re-randomisation check: what the experiment would have shown had the same groups been
drawn otherwise. Pure.

Labels change places inside the blocks they were drawn in, and the studentised difference of
covariate-adjusted values is counted (studentising keeps the test right when the arms differ in
spread: Janssen, 1997; Chung and Romano, Ann. Stat. 2013). It needs no normal law, so it is a
check of the interval at the planned end; it is not made for daily looks.
"""

from __future__ import annotations

import numpy as np

from distribute.experiments.estimate import Floats, Ints, Sample, weighted_rows

DRAWS = 999
# Bounds the memory with many groups.
AT_ONCE = 100


def permutation_p(
    sample: Sample, blocks: Ints, arm: int, *, seed: int, draws: int = DRAWS
) -> float | None:
    """Two-sided p-value of `arm` against the base; None while an arm has fewer than three groups
    with data. `blocks`: the block each group was drawn in, one a row of `sample`."""
    known = np.isin(sample.arm, (0, arm)) & np.isfinite(sample.value)
    rows, covariates = weighted_rows(sample, (0, arm))
    treated = rows.arm == arm
    if min(int(treated.sum()), int((~treated).sum())) < 3:
        return None
    weight = rows.weight / rows.weight.mean()
    residual = _without(covariates, rows.value, weight)
    rng, seen = np.random.default_rng(seed), abs(_studentised(residual, weight, treated[None])[0])
    extreme = 0
    for start in range(0, draws, AT_ONCE):
        labels = _redrawn(treated, blocks[known], rng, min(AT_ONCE, draws - start))
        extreme += int((np.abs(_studentised(residual, weight, labels)) >= seen - 1e-12).sum())
    return (1 + extreme) / (1 + draws)


def _without(covariates: Floats, value: Floats, weight: Floats) -> Floats:
    """What is left of the values after the covariates and the mean."""
    root = np.sqrt(weight)[:, None]
    design = np.column_stack([np.ones(len(value)), covariates])
    fitted: Floats = design @ (np.linalg.pinv(design * root) @ (value * root[:, 0]))
    return value - fitted


def _redrawn(
    treated: np.ndarray[tuple[int], np.dtype[np.bool_]],
    blocks: Ints,
    rng: np.random.Generator,
    draws: int,
) -> np.ndarray[tuple[int, int], np.dtype[np.bool_]]:
    """(draws, groups) labels, shuffled inside blocks."""
    order = np.argsort(blocks, kind="stable")
    keys = rng.random((draws, len(treated))) + blocks[order][None, :] * 2.0
    places = np.argsort(keys, axis=1)
    out = np.empty((draws, len(treated)), dtype=np.bool_)
    out[:, order] = treated[order][places]
    return out


def _studentised(
    value: Floats, weight: Floats, labels: np.ndarray[tuple[int, int], np.dtype[np.bool_]]
) -> Floats:
    """Difference of weighted means over its standard error, one a row of labels."""
    difference, variance = np.zeros(len(labels)), np.zeros(len(labels))
    for chosen, sign in ((labels, 1.0), (~labels, -1.0)):
        mass = chosen * weight
        total = mass.sum(axis=1)
        mean = (mass @ value) / total
        gaps = value[None, :] - mean[:, None]
        difference += sign * mean
        variance += ((mass * gaps) ** 2).sum(axis=1) / total**2
    statistic: Floats = difference / np.sqrt(np.maximum(variance, 1e-300))
    return statistic
