"""How much less a later place of a page is looked at, learned where places were drawn by lot.

An explored item takes a place drawn at random, so its place says nothing about how good it is;
all other places follow the ranking and would mistake relevance for position. The effect is a
power of the place, P(examined) ~ place^-eta (Wang et al. 2018 compare such curves), which for
rare clicks is the offset -eta * log(place) in log-odds.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from recommend.ranking.logistic import Floats, fit_logistic

# N(0, .5): without explored answers no place is held to be worse than another.
_ETA_PRECISION = 4.0
_LARGEST_ETA = 2.0


@dataclass(frozen=True)
class PositionEffect:
    """`error` is the standard error of `eta`; `seen` how many explored answers it rests on."""

    eta: float = 0.0
    error: float = 0.5
    seen: int = 0

    def offset(self, places: Floats) -> Floats:
        """What a place (1, 2, ...) adds to the log-odds of a click."""
        values: Floats = -self.eta * np.log(np.maximum(places, 1.0))
        return values


def fit_position(log_odds: Floats, places: Floats, answers: Floats) -> PositionEffect:
    """From explored answers alone: their places are random, `log_odds` is the prior."""
    if not len(answers):
        return PositionEffect()
    columns = np.stack([np.ones_like(places), -np.log(np.maximum(places, 1.0))], axis=1)
    precision = np.array([0.25, _ETA_PRECISION])
    found = fit_logistic(columns, answers, log_odds, np.zeros(2), precision)
    eta = float(np.clip(found.mean[1], 0.0, _LARGEST_ETA))
    return PositionEffect(eta, float(found.covariance[1, 1] ** 0.5), len(answers))
