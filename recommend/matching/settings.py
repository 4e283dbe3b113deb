"""The weights of matching, in one place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any


@dataclass(frozen=True)
class MatchSettings:
    """Weights of the named parts and the scales inside them.

    `freshness_half_life` is days. `response_evidence` is how many impressions make a click
    rate half sure; `explore_impressions` how many make an item half explored.
    `exploration` is the bonus of an unshown item, `discovery` that of an unshown category for
    an audience nothing is known about (it shrinks as the persona becomes sure); both are in
    the part `exploration`.
    `centre_evidence` is how many answers make an interest centre half sure. `rising` is how
    much more an answer of the last days counts in the part `response` than the long-run lift of
    a category, `rising_centre` the bonus of an interest centre for the same (see
    `persona_math.rising`); 0 switches either off.
    `price_after` is how many answers its interests rest on when an audience's sensitivity to
    prices counts by half.
    `members` to `appetite` weigh the echo of what an audience answered to (see `match_echo`);
    `refined` is how many of an audience's best are scored with them after a sweep.
    """

    semantic: float = 1.0
    tags: float = 0.5
    category: float = 0.5
    price: float = 0.4
    freshness: float = 0.15
    quality: float = 0.2
    response: float = 0.45
    exploration: float = 0.2
    discovery: float = 2.0
    fatigue: float = 0.5
    members: float = 0.5
    words: float = 0.5
    authors: float = 0.1
    publisher: float = 0.05
    standing: float = 0.1
    co_read: float = 0.3
    answered: float = 0.1
    appetite: float = 0.0
    refined: int = 200
    small_centre: float = 0.6
    centre_evidence: float = 2.0
    price_after: float = 8.0
    rising: float = 8.0
    rising_centre: float = 1.5
    freshness_half_life: float = 14.0
    response_evidence: float = 60.0
    explore_impressions: float = 30.0
    repeat_impressions: float = 40.0
    tag_columns: int = 64

    def weight(self, part: str) -> float:
        return float(getattr(self, part))

    def weighted(self, weights: Mapping[str, float]) -> MatchSettings:
        """These settings with other weights of some parts. `KeyError` for no part."""
        unknown = weights.keys() - set(PARTS)
        if unknown:
            raise KeyError(f"No parts of a match: {', '.join(sorted(unknown))}")
        changed: dict[str, Any] = dict(weights)
        return replace(self, **changed)


PARTS = (
    "semantic",
    "tags",
    "category",
    "price",
    "freshness",
    "quality",
    "response",
    "exploration",
    "fatigue",
    "members",
    "words",
    "authors",
    "publisher",
    "standing",
    "co_read",
    "answered",
    "appetite",
)
