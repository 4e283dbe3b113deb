"""Are predicted chances true? Platt's line in log-odds, and how far off it is.

A line keeps contributions additive: every part is stretched alike, the intercept joins `base`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from recommend.ranking.logistic import Floats, fit_logistic, sigmoid

BINS = 10
# As if so many responses had confirmed the line (0, 1).
_INTERCEPT_EVIDENCE = 4.0
_SLOPE_EVIDENCE = 25.0


@dataclass(frozen=True)
class Line:
    """calibrated = intercept + slope * raw, in log-odds."""

    intercept: float = 0.0
    slope: float = 1.0

    def __call__(self, log_odds: Floats) -> Floats:
        return self.intercept + self.slope * log_odds

    def at(self, log_odds: float) -> float:
        return self.intercept + self.slope * log_odds


def fit_line(log_odds: Floats, answers: Floats, offset: Floats) -> Line:
    """Platt scaling (Platt 1999) with `offset` (position) kept apart; (0, 1) without data.

    The slope never turns negative: a calibration that reverses the order is a fault of the
    data, and the order of the raw values is then kept by a slope near zero.
    """
    columns = np.stack([np.ones_like(log_odds), log_odds], axis=1)
    precision = np.array([_INTERCEPT_EVIDENCE, _SLOPE_EVIDENCE]) * 0.25
    found = fit_logistic(columns, answers, offset, np.array([0.0, 1.0]), precision)
    return Line(float(found.mean[0]), max(float(found.mean[1]), 0.05))


def log_losses(log_odds: Floats, answers: Floats) -> Floats:
    """-log P(answer) (n,), nats."""
    losses: Floats = np.logaddexp(0.0, np.where(answers > 0, -log_odds, log_odds))
    return losses


def calibration_error(log_odds: Floats, answers: Floats, bins: int = BINS) -> float:
    """Expected calibration error over bins of equal size (Naeini et al. 2015): the mean
    distance of predicted and observed rates, weighted by how many fall in a bin."""
    if not len(answers):
        return 0.0
    chance = sigmoid(log_odds)
    groups = np.array_split(np.argsort(chance, kind="stable"), bins)
    gaps = [
        len(rows) * abs(chance[rows].mean() - answers[rows].mean()) for rows in groups if len(rows)
    ]
    return float(sum(gaps) / len(answers))
