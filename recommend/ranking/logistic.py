"""Small logistic fits with a Gaussian prior: they stay at the prior where data are few."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
_STEPS = 50
_STILL = 1e-9
_LARGEST_STEP = 2.0


@dataclass(frozen=True)
class LogisticFit:
    """`mean` (k,) and `covariance` (k, k) of the Laplace approximation at the mode."""

    mean: Floats
    covariance: Floats


def sigmoid(log_odds: npt.ArrayLike) -> Floats:
    values: Floats = 1.0 / (1.0 + np.exp(-np.clip(np.asarray(log_odds, np.float64), -40, 40)))
    return values


def fit_logistic(
    columns: Floats, answers: Floats, offset: Floats, mean: Floats, precision: Floats
) -> LogisticFit:
    """The mode of P(w | data) for log-odds = offset + columns @ w, w ~ N(mean, 1 / precision).

    `columns` (n, k), `answers` (n,) 0 or 1, `mean` and `precision` (k,). Newton steps (Bishop,
    Pattern Recognition and Machine Learning, 4.3.3 and 4.4), shortened where they are long.
    """
    weights = mean.astype(np.float64).copy()
    ridge = np.diag(precision.astype(np.float64))
    hessian = ridge
    for _ in range(_STEPS):
        chance = sigmoid(offset + columns @ weights)
        slope = columns.T @ (chance - answers) + precision * (weights - mean)
        hessian = (columns * (chance * (1.0 - chance))[:, None]).T @ columns + ridge
        step = np.linalg.solve(hessian, slope)
        step *= min(1.0, _LARGEST_STEP / max(float(np.abs(step).max()), 1e-12))
        weights -= step
        if float(np.abs(step).max()) < _STILL:
            break
    return LogisticFit(weights, np.asarray(np.linalg.inv(hessian), dtype=np.float64))
