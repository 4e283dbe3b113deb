"""Rising interests: what was answered in the last days, against what is usual.

How much: ln((recent + s) / (expected + s)), the log of a rate ratio shrunk by s answers on both
sides (the posterior mean of a Gamma-Poisson model with mean 1, DuMouchel 1999). As the new
becomes usual it says nothing again.

Whether at all: one answer where none was expected has a large ratio and means little. For
categories the ratio counts by the evidence for it, the Bayes factor of "wanted some ten times as
much" (an exponential prior over the rate ratio) against "as usual". Under the usual rate this is
a test martingale: it ever reaches 20 with a chance of at most 1/20, however often one looks
(Ville 1939). Counts that fade, as ours do, and a usual rate that is itself estimated make that a
guide; false alarms are measured (docs/decisions/0016).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

PRIOR_ANSWERS = 0.5
MOST = 2.5
# A new taste is wanted about so many times as often as before.
TIMES_WANTED = 10.0
# A Bayes factor at which a rise counts in full.
SURE_AT = 20.0


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


def surely_risen(recent: Mapping[str, float], usual: Mapping[str, float]) -> dict[str, float]:
    """0 .. `MOST` by name, ratios counted by their evidence; only those that rose. `recent`:
    numbers of answers of the last days (below zero is none), `usual`: any scale."""
    total, size = sum(max(one, 0.0) for one in recent.values()), sum(usual.values())
    if total <= 0.0 or size <= 0.0:
        return {}
    out = {}
    for name in sorted(recent):
        found, expected = max(recent[name], 0.0), total * usual.get(name, 0.0) / size
        value = _log_ratio(found, expected) * sureness(found, expected)
        if value > 0.0:
            out[name] = value
    return out


def sureness(found: float, expected: float) -> float:
    """0 .. 1: the log of the Bayes factor as a share of that of `SURE_AT`."""
    return min(max(log_evidence(found, expected) / math.log(SURE_AT), 0.0), 1.0)


def log_evidence(found: float, expected: float) -> float:
    """ln of E[(r ** found) * exp(-expected * (r - 1))] over rate ratios r of an exponential
    prior with mean `TIMES_WANTED`: of that many answers against `expected` (both >= 0)."""
    rate = 1.0 / TIMES_WANTED
    return (
        expected
        + math.log(rate)
        + math.lgamma(found + 1.0)
        - (found + 1.0) * math.log(rate + expected)
    )


def _log_ratio(found: float, expected: float) -> float:
    ratio = math.log((found + PRIOR_ANSWERS) / (expected + PRIOR_ANSWERS))
    return min(max(ratio, 0.0), MOST)
