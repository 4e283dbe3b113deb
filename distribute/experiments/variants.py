"""A matcher with other weights: the same candidates, personas and parts, weighed differently."""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy
from dataclasses import replace

from recommend.match_service import MatchService


def weighted(matcher: MatchService, weights: Mapping[str, float]) -> MatchService:
    """The same matcher with these weights of `MatchSettings` by name; it shares all caches."""
    variant = copy(matcher)
    variant.settings = replace(matcher.settings, **dict(weights))  # type: ignore[arg-type]
    return variant
