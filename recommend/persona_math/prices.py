"""Prices on a logarithmic scale: a decayed histogram, its quantiles, and the fit of a price."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from contentcenter.embedding.ports import Vectors

LOWEST_FEN = 300
HIGHEST_FEN = 100_000
BINS = 32
# What the worth of a prior elasticity is stated for: log prices that spread by about a third.
USUAL_VARIANCE = 0.12
DEAR = 3.0
_LOG_LOW = math.log(LOWEST_FEN)
_STEP = (math.log(HIGHEST_FEN) - _LOG_LOW) / (BINS - 1)


def position(price_fen: float) -> float:
    """Where a price lies on the scale, 0 .. BINS - 1 (prices outside are at the ends)."""
    return min(max((math.log(max(price_fen, 1.0)) - _LOG_LOW) / _STEP, 0.0), BINS - 1.0)


def price_at(place: float) -> float:
    """The price in fen at a position of the scale."""
    return math.exp(_LOG_LOW + place * _STEP)


def spread(price_fen: float) -> tuple[tuple[int, float], tuple[int, float]]:
    """The two bins next to a price with their shares (they sum to 1)."""
    place = position(price_fen)
    low = min(int(place), BINS - 2)
    share = place - low
    return (low, 1.0 - share), (low + 1, share)


def quantiles(histogram: Sequence[float], wanted: Sequence[float]) -> tuple[float, ...]:
    """Prices in fen at the wanted quantiles. An empty histogram is refused by ValueError."""
    weights = np.maximum(np.asarray(histogram, dtype=np.float64), 0.0)
    total = float(weights.sum())
    if total <= 0:
        raise ValueError("A histogram without weight has no quantiles")
    # Each bin stands for the interval of half a step on either side of its centre.
    edges = np.arange(BINS + 1) - 0.5
    running = np.concatenate([[0.0], np.cumsum(weights)]) / total
    return tuple(price_at(float(place)) for place in np.interp(wanted, running, edges))


def sensitivity_of(elasticity: float) -> float:
    """0..1: an elasticity of 1 is in the middle, of 2 and more the most."""
    return min(max(elasticity / 2.0, 0.0), 1.0)


def declared_sensitivity(ceiling_fen: int | None, usual_fen: float) -> float:
    """What a ceiling says before anyone answered: who names one far below `usual_fen`, the upper
    end of what books usually cost, minds prices. .5 without a ceiling."""
    if ceiling_fen is None or ceiling_fen <= 0:
        return 0.5
    return min(max(0.5 + 0.4 * math.log(usual_fen / ceiling_fen), 0.05), 0.95)


@dataclass(frozen=True)
class PriceAnswers:
    """Prices shown and answered: `shown` impressions with the mean and variance of their log
    prices, `answered` weight of answers with their mean log price."""

    shown_mean: float
    shown_variance: float
    answered: float
    answered_mean: float


def elasticity(found: PriceAnswers, prior: float, worth: float) -> float:
    """How fast answers fall with the price: -d ln(rate) / d ln(price).

    If the rate falls as price ** -e and shown log prices are normal with variance v, answered
    ones have the mean lowered by e * v (exponential tilting). `prior` counts like `worth`
    answers among prices of `USUAL_VARIANCE`: where all cost the same, nothing is learned.
    """
    gap = found.shown_mean - found.answered_mean
    held = worth * USUAL_VARIANCE
    return (found.answered * gap + held * prior) / (found.answered * found.shown_variance + held)


def fit_table(p20: float, p80: float, sensitivity: float) -> Vectors:
    """How well each bin of the scale suits a price band: 1 inside, falling outside.

    Above the band the fall is steeper, the more sensitive the audience; a cheap book is
    a smaller fault than a dear one. A band is what the audience met, not only what it liked to
    pay: for the more than usually sensitive the fall begins inside, at the geometric middle of
    the band at most, and counts up to `1 + DEAR` times. Shape (BINS,), values -DEAR..1.
    """
    keen = max(2.0 * sensitivity - 1.0, 0.0)
    places = np.arange(BINS, dtype=np.float64) * _STEP
    low, high = position(p20) * _STEP, position(p80) * _STEP
    high -= keen * max(high - low, 0.0) / 2.0
    under = np.maximum(low - places, 0.0)
    over = np.maximum(places - high, 0.0) * (0.75 + 1.5 * sensitivity)
    fault = 1.0 - np.exp(-0.9 * under * under - 2.2 * over * over)
    stress = np.where(over > 0.0, 1.0 + DEAR * keen, 1.0)
    return (1.0 - stress * fault).astype(np.float32)
