"""A matcher with other weights: the same candidates, personas and parts, weighed differently."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from recommend.matching.service import MatchService
from recommend.matching.settings import MatchSettings


class WeightedMatches(MatchService):
    """Shares everything with the matcher it is made from, also what that one learns later; only
    the named weights are its own."""

    def __init__(self, matcher: MatchService, weights: Mapping[str, float]) -> None:
        vars(self).update(vars(matcher))
        self._weights: dict[str, Any] = dict(weights)

    @property
    def settings(self) -> MatchSettings:
        return replace(super().settings, **self._weights)
