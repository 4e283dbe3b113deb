"""A learned version of matching: weights of parts, and how ordinary traits are. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from recommend.matching.settings import MatchSettings
from recommend.matching.traits import TraitStatistics

# What answers can teach. Fatigue, exploration and the appetite of an audience are the same for
# all items it was shown together, or are policy: their weights stay as they are set.
LEARNED_PARTS = (
    "semantic",
    "tags",
    "category",
    "price",
    "freshness",
    "quality",
    "members",
    "words",
    "authors",
    "publisher",
    "standing",
    "co_read",
    "answered",
)


class WeightsFrom(StrEnum):
    """Where a version's weights come from; its statistics of traits are measured each time."""

    LEARNED = "learned"
    PRIOR = "prior"  # as they are set by hand: there were too few choices to learn from
    KEPT = "kept"  # learned by an earlier version; too few choices since


@dataclass(frozen=True)
class MatchModel:
    """`weights` of the parts of `LEARNED_PARTS` (none: those of the settings hold)."""

    weights: Mapping[str, float] = field(default_factory=dict)
    known: TraitStatistics = field(default_factory=TraitStatistics)

    def rules(self, base: MatchSettings) -> MatchSettings:
        return base.weighted(self.weights)

    def to_bytes(self) -> bytes:
        value = {"weights": dict(self.weights), "known": self.known.to_json()}
        return json.dumps(value, separators=(",", ":")).encode()

    @classmethod
    def from_bytes(cls, blob: bytes) -> MatchModel:
        """Raises `ValueError` for what `to_bytes` did not write."""
        value = json.loads(blob)
        return cls(value["weights"], TraitStatistics.from_json(value["known"]))
