"""Prices on a logarithmic scale: a decayed histogram, its quantiles, and the fit of a price."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from contentcenter.embedding.ports import Vectors

LOWEST_FEN = 300
HIGHEST_FEN = 100_000
BINS = 32
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


def fit_table(p20: float, p80: float, sensitivity: float) -> Vectors:
    """How well each bin of the scale suits a price band: 1 inside, falling outside.

    Above the band the fall is steeper, the more sensitive the audience; a cheap book is
    a smaller fault than a dear one. Shape (BINS,), values 0..1.
    """
    places = np.arange(BINS, dtype=np.float64) * _STEP
    low, high = position(p20) * _STEP, position(p80) * _STEP
    under = np.maximum(low - places, 0.0)
    over = np.maximum(places - high, 0.0) * (0.75 + 1.5 * sensitivity)
    return np.exp(-0.9 * under * under - 2.2 * over * over).astype(np.float32)
