"""The weights of matching, in one place."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class MatchSettings:
    """Weights of the named parts and the scales inside them.

    `freshness_half_life` is days. `response_evidence` is how many impressions make a click
    rate half sure; `explore_impressions` how many make an item half explored.
    `exploration` is the bonus of an unshown item, `discovery` that of an unshown category for
    an audience nothing is known about (it shrinks as the persona becomes sure); both are in
    the part `exploration`.
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
    small_centre: float = 0.6
    freshness_half_life: float = 14.0
    response_evidence: float = 60.0
    explore_impressions: float = 30.0
    repeat_impressions: float = 40.0
    tag_columns: int = 64

    def weight(self, part: str) -> float:
        return float(getattr(self, part))


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
)
