"""The plain step of learning: a line per feature, ridged towards "the prior is right".

With a few hundred responses trees can split hardly anything; weights on standardised features
already move what the hand-set ones got wrong.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from contentcenter.embedding.ports import Vectors
from recommend.ranking.calibration import Line
from recommend.ranking.logistic import Floats, fit_logistic

# As if each standardised weight had been seen at 0 by so many balanced answers; found on
# simulated logs of 300 to 600 responses (docs/models/feed_ranking.md).
_WEIGHT_PRECISION = 30.0
_LINE_PRECISION = (1.0, 6.25)
_LEAST_SPREAD = 1e-4


@dataclass(frozen=True)
class Weights:
    """`values` (k,) per standard deviation, around `centres` (k,) with `spreads` (k,)."""

    values: tuple[float, ...] = ()
    centres: tuple[float, ...] = ()
    spreads: tuple[float, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.values)

    def contributions(self, columns: Vectors) -> Vectors:
        """What every feature adds (n, k), in log-odds."""
        if not self.values:
            return np.zeros_like(columns)
        scaled = (columns - np.array(self.centres)) / np.array(self.spreads)
        out: Vectors = (scaled * np.array(self.values)).astype(np.float32)
        return out


def fit_weights(
    prior: Floats, columns: Vectors, answers: Floats, offset: Floats
) -> tuple[Line, Weights]:
    """A line on the prior (n,) and weights on `columns` (n, k), fitted together. A feature that
    hardly varies gets none."""
    centres = columns.mean(axis=0, dtype=np.float64)
    spreads = columns.std(axis=0, dtype=np.float64)
    spreads = np.where(spreads < _LEAST_SPREAD, np.inf, spreads)
    scaled = (columns - centres) / spreads
    every = np.column_stack([np.ones(len(prior)), prior, scaled])
    mean = np.zeros(every.shape[1])
    mean[1] = 1.0
    precision = np.full(every.shape[1], _WEIGHT_PRECISION)
    precision[:2] = _LINE_PRECISION
    found = fit_logistic(every, answers, offset, mean, precision).mean
    kept = np.where(np.isinf(spreads), 1.0, spreads)
    weights = Weights(
        tuple(float(one) for one in found[2:]),
        tuple(float(one) for one in centres),
        tuple(float(one) for one in kept),
    )
    return Line(float(found[0]), max(float(found[1]), 0.05)), weights
