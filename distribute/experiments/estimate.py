"""The difference between two arms, with the whole group as the unit.

Pure. A group's outcome is a ratio (clicks per impression, orders per reader), and groups are few
and of unequal size. So the groups' ratios are regressed on the arm and on what was known before
the start (ANCOVA, the regression form of CUPED: Deng, Xu, Kohavi, Walker, WSDM 2013), with
weights fixed before the start. Standard errors are HC2 with the degrees of freedom of Bell and
McCaffrey (Survey Methodology 28, 2002; Imbens and Kolesar, REStat 2016): they stay honest with
few groups, with unequal weights and with unequal variances in the arms.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
# One covariate for so many groups; more would cost more degrees of freedom than they bring.
GROUPS_A_COVARIATE = 8
LEAST_GROUPS = 3


@dataclass(frozen=True)
class Sample:
    """One row a group. arm: 0 is the base. value: the group's ratio, NaN without data.
    covariates: (groups, k), known before the start, NaN where unknown. weight: fixed before the
    start, positive. stratum: where arms were drawn more than once, the drawing a row belongs to;
    rows are compared inside their stratum only. None = one drawing."""

    arm: Ints
    value: Floats
    covariates: Floats
    weight: Floats
    stratum: Ints | None = None

    def only(self, rows: NDArray[np.bool_]) -> Sample:
        stratum = None if self.stratum is None else self.stratum[rows]
        return Sample(
            self.arm[rows], self.value[rows], self.covariates[rows], self.weight[rows], stratum
        )


@dataclass(frozen=True)
class Estimate:
    """An arm against the base, in the metric's own unit: adjusted means with their covariance
    (`noise`: base, both, arm), `difference` = arm - base with variance and degrees of freedom."""

    groups: tuple[int, int]
    base: float
    arm: float
    noise: tuple[float, float, float]
    variance: float
    df: float

    @property
    def difference(self) -> float:
        return self.arm - self.base

    @property
    def uplift(self) -> float | None:
        """Relative to the base; None where the base is not above zero."""
        return self.arm / self.base - 1.0 if self.base > 0 else None


def weighted_rows(sample: Sample, arms: Sequence[int]) -> tuple[Sample, Floats]:
    """Groups of these arms with data, and their covariates centred and filled in. A stratum
    without all of these arms compares nothing and is left out."""
    known = np.isin(sample.arm, list(arms)) & np.isfinite(sample.value)
    chosen = sample.only(known)
    if chosen.stratum is not None:
        chosen = chosen.only(_compared(chosen.stratum, chosen.arm, arms))
    covariates = usable_covariates(chosen.covariates, chosen.weight)
    return chosen, np.column_stack([covariates, _strata(chosen.stratum, chosen.weight)])


def _compared(stratum: Ints, arm: Ints, arms: Sequence[int]) -> NDArray[np.bool_]:
    """The rows of strata in which every one of `arms` stands."""
    compared = np.ones(len(arm), dtype=np.bool_)
    for one in arms:
        compared &= np.isin(stratum, stratum[arm == one])
    return compared


def _strata(stratum: Ints | None, weight: Floats) -> Floats:
    """A centred column for each stratum but the first, (n, strata - 1)."""
    if stratum is None or not len(stratum):
        return np.zeros((len(weight), 0))
    marks: Floats = (stratum[:, None] == np.unique(stratum)[1:]).astype(float)
    return marks - np.average(marks, axis=0, weights=weight)


def usable_covariates(raw: Floats, weight: Floats) -> Floats:
    """Centred, gaps filled with the mean, constant ones dropped, the first ones kept while there
    are `GROUPS_A_COVARIATE` groups for each."""
    columns: list[Floats] = []
    for column in raw.T:
        known = np.isfinite(column)
        if len(columns) >= len(raw) // GROUPS_A_COVARIATE or known.mean() < 0.5:
            continue
        mean = float(np.average(column[known], weights=weight[known]))
        filled: Floats = np.where(known, column - mean, 0.0)
        spread = float(filled.std())
        if spread > 1e-12:
            columns.append(filled / spread)
    return np.column_stack(columns) if columns else np.zeros((len(raw), 0))


def compare(sample: Sample, arm: int) -> Estimate | None:
    """`arm` against the base; None while an arm has fewer than three groups with data."""
    rows, covariates = weighted_rows(sample, (0, arm))
    groups = (int((rows.arm == 0).sum()), int((rows.arm == arm).sum()))
    if min(groups) < LEAST_GROUPS:
        return None
    root = np.sqrt(rows.weight / rows.weight.mean())[:, None]
    design = np.column_stack([rows.arm == 0, rows.arm == arm, covariates]).astype(float) * root
    outcome = rows.value * root[:, 0]
    fit = _Fit.of(design, outcome)
    variance, df = fit.robust(np.array([-1.0, 1.0]))
    return Estimate(
        groups,
        float(fit.coefficients[0]),
        float(fit.coefficients[1]),
        fit.covariance(),
        variance,
        df,
    )


@dataclass(frozen=True)
class _Fit:
    """Least squares: coefficients, residuals, and what robust errors need; nothing is larger
    than groups x coefficients."""

    coefficients: Floats
    residuals: Floats
    design: Floats  # (n, k)
    spread: Floats  # (k, n): coefficients = spread @ outcome
    left: Floats  # 1 - leverage of each group

    @classmethod
    def of(cls, design: Floats, outcome: Floats) -> _Fit:
        spread: Floats = np.asarray(np.linalg.pinv(design), dtype=np.float64)
        coefficients = spread @ outcome
        left = np.maximum(1.0 - (design * spread.T).sum(axis=1), 1e-9)
        return cls(coefficients, outcome - design @ coefficients, design, spread, left)

    def robust(self, contrast: Floats) -> tuple[float, float]:
        """HC2 variance of a contrast of the two means, and its Bell-McCaffrey degrees of freedom.

        The variance is the quadratic form e'De of the residuals e = My with
        D = diag(a^2 / (1 - h)); under equal errors a chi-square with tr(B)^2 / tr(B^2) degrees
        of freedom, B = MDM, has its first two moments. With M = I - H of low rank
        tr(B) = sum d (1 - h) and tr(B^2) = sum d^2 (1 - 2 h) + tr((S D X)^2).
        """
        pull = self.spread[:2].T @ contrast
        inner = pull**2 / self.left
        variance = float((inner * self.residuals**2).sum())
        middle = (self.spread * inner) @ self.design
        square = float((inner**2 * (2.0 * self.left - 1.0)).sum() + (middle * middle.T).sum())
        trace = float((inner * self.left).sum())
        return variance, trace**2 / max(square, 1e-300)

    def covariance(self) -> tuple[float, float, float]:
        """HC2 covariance of the two arms' means: base, both, arm."""
        scaled = self.residuals**2 / self.left
        base, arm = self.spread[0], self.spread[1]
        return (
            float((base * base * scaled).sum()),
            float((base * arm * scaled).sum()),
            float((arm * arm * scaled).sum()),
        )


def pooled_ratio(
    numerator: Floats, denominator: Floats, arm: Ints, which: int
) -> tuple[float, float] | None:
    """Sum over sum of `which` minus that of the base, and its variance by the delta method over
    groups (Deng, Knoblich, Lu, KDD 2018). A check beside `compare`: no adjustment, every
    impression counts the same. None while an arm has fewer than three groups with data."""
    difference, variance = 0.0, 0.0
    for code, sign in ((which, 1.0), (0, -1.0)):
        rows = (arm == code) & (denominator > 0)
        n, total = int(rows.sum()), float(denominator[rows].sum())
        if n < LEAST_GROUPS:
            return None
        ratio = float(numerator[rows].sum()) / total
        residual = numerator[rows] - ratio * denominator[rows]
        difference += sign * ratio
        variance += n / (n - 1) * float((residual**2).sum()) / total**2
    return difference, variance


def fixed_weights(before: Floats, kappa: float) -> Floats:
    """Weights from what a group had before the start: b / (1 + b / kappa), at most five times
    the middle one. `before` is the metric's denominator then (impressions, readers); `kappa` is
    where a group's own noise and the differences between groups are equal."""
    if not len(before):
        return np.ones(0)
    known = np.maximum(before, 0.0)
    usual = float(np.median(known[known > 0])) if (known > 0).any() else 1.0
    known = np.where(known > 0, known, usual)
    raw: Floats = known / (1.0 + known / kappa) if np.isfinite(kappa) else known
    return np.minimum(raw, 5.0 * float(np.median(raw)))
