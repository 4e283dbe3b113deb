"""Matches as values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from recommend.matching.lags import Lag
from recommend.matching.refusals import Refusal
from recommend.matching.would import Would


@dataclass(frozen=True)
class Because:
    """An item that the audience answered to and that speaks for a match through co-reading;
    `share` of what speaks for it (0..1)."""

    item_id: int
    title: str
    share: float


@dataclass(frozen=True)
class Match:
    """One item for one audience. `parts` sum to `score`; `centre` is the interest centre that
    was nearest (-1: none known). `refused` is empty for an eligible pair. Where it was asked
    for: `lags` has the parts in which it trails the audience's first item, worst first, and
    `would` what it would take to be eligible or first, and `because` has what the audience
    answered to that speaks most for it, strongest first."""

    item_id: int
    audience_id: int
    score: float
    parts: Mapping[str, float]
    title: str
    audience: str
    centre: int
    refused: tuple[Refusal, ...] = ()
    category: str = ""
    lags: tuple[Lag, ...] = ()
    would: tuple[Would, ...] = ()
    because: tuple[Because, ...] = ()

    @property
    def eligible(self) -> bool:
        return not self.refused

    @property
    def why_not(self) -> tuple[Refusal, ...]:
        """What stands against it: refusals, or where it trails the first."""
        if self.refused:
            return self.refused
        return tuple(Refusal(f"trails_{lag.part}", lag.text) for lag in self.lags)


@dataclass(frozen=True)
class MatchList:
    """Eligible matches best first, and the strongest of the refused ones."""

    items: tuple[Match, ...]
    refused: tuple[Match, ...]
    candidates: int
    degraded: bool = False
