"""Prices on a logarithmic scale: a decayed histogram, its quantiles, and the fit of a price."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr

from contentcenter.embedding.ports import Vectors

LOWEST_FEN = 300
HIGHEST_FEN = 100_000
BINS = 32
# What the worth of a prior elasticity is stated for: log prices that spread by about a third.
USUAL_VARIANCE = 0.12
DEAR = 3.0
# With the usual weight of the part `price` (.4) a unit of the score is a unit of the log click
# rate, which is what the other parts together turned out to be (decision 0016).
FIT_OF_LOG_RATE = 2.5

Floats = npt.NDArray[np.float64]
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
    """How well each bin of the scale suits an audience: near 1 for a price that it is used to
    and can pay, falling to both sides. Shape (BINS,), values -DEAR..1.

    What lies outside the band is unusual; a cheap book is a smaller fault than a dear one. And
    what costs more than members mean to spend loses answers by the elasticity that `sensitivity`
    stands for. That begins at the geometric middle of the band: a band is what the audience
    met, not only what it liked to pay.
    """
    places = np.arange(BINS, dtype=np.float64) * _STEP
    low, high = position(p20) * _STEP, position(p80) * _STEP
    under, over = np.maximum(low - places, 0.0), np.maximum(places - high, 0.0)
    usual = np.exp(-0.9 * under * under - 1.24 * over * over)
    lost = 2.0 * sensitivity * _over_budget(places - (low + high) / 2.0)
    return np.maximum(usual - FIT_OF_LOG_RATE * lost, -DEAR).astype(np.float32)


def _over_budget(above: Floats) -> Floats:
    """By how much log prices exceed the log budgets of members, on average: budgets lie normally
    around 0 and spread like usual prices, so the fall begins softly."""
    wide = math.sqrt(USUAL_VARIANCE)
    tail = np.exp(-0.5 * (above / wide) ** 2) / math.sqrt(2.0 * math.pi)
    mean: Floats = above * ndtr(above / wide) + wide * tail
    return mean
