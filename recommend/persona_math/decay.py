"""Decay that does not depend on the order of events.

A contribution is stored multiplied by 2^((t - landmark) / half-life) and divided by the same
growth when it is read (forward decay, Cormode et al. 2009). A late event therefore lands with
the weight it would have had in time. The landmark moves in whole blocks of 90 days: every
half-life divides a block, so rescaling is by a power of two and loses nothing.
"""

from __future__ import annotations

from datetime import UTC, datetime

BLOCK_DAYS = 90.0
_ORIGIN = datetime(2020, 1, 1, tzinfo=UTC)


def day_number(at: datetime) -> float:
    """Days since 2020-01-01 UTC."""
    return (at - _ORIGIN).total_seconds() / 86_400


def block_start(day: float) -> float:
    return (day // BLOCK_DAYS) * BLOCK_DAYS


def growth(day: float, landmark: float, half_life: float) -> float:
    """What a contribution made on `day` is multiplied with when it is stored."""
    # Events older than ten blocks weigh nothing; the bound keeps 2**x inside a float.
    return float(2.0 ** max((day - landmark) / half_life, -300.0))


def fade(day: float, landmark: float, half_life: float) -> float:
    """What a stored sum is multiplied with when it is read on `day`."""
    return float(2.0 ** -min(max((day - landmark) / half_life, -300.0), 900.0))
