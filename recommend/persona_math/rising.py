"""Rising interests: what was answered in the last days, against what is usual.

The answers of a few days are compared with how many the usual shares would have given:
ln((recent + s) / (expected + s)), the log of a rate ratio shrunk by s answers on both sides
(the posterior mean of a Gamma-Poisson model with mean 1, DuMouchel 1999). One answer says
little, five where half a one was expected say much; as the new becomes usual it says nothing
again.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

PRIOR_ANSWERS = 0.5
MOST = 2.0


def risen(recent: Sequence[float], usual: Sequence[float]) -> tuple[float, ...]:
    """0 .. `MOST` for each interest. `recent` (k,): weight of the answers of the last days,
    `usual` (k,): of all, on any scale; 0 for what did not rise, or when nothing is usual."""
    total, size = sum(recent), sum(usual)
    if total <= 0.0 or size <= 0.0:
        return (0.0,) * len(recent)
    return tuple(
        _log_ratio(max(now, 0.0), total * max(then, 0.0) / size)
        for now, then in zip(recent, usual, strict=True)
    )


def risen_by_name(recent: Mapping[str, float], usual: Mapping[str, float]) -> dict[str, float]:
    """`risen` for named interests; only those that rose."""
    names = sorted({*recent, *usual})
    found = risen(
        [max(recent.get(name, 0.0), 0.0) for name in names],
        [max(usual.get(name, 0.0), 0.0) for name in names],
    )
    return {name: value for name, value in zip(names, found, strict=True) if value > 0.0}


def _log_ratio(found: float, expected: float) -> float:
    ratio = math.log((found + PRIOR_ANSWERS) / (expected + PRIOR_ANSWERS))
    return min(max(ratio, 0.0), MOST)
