"""Completions while somebody types: characters, pinyin, initials, mixed, one wrong letter."""

from __future__ import annotations

from recommend.search.completions import best_first
from recommend.search.known_service import KnownTexts
from recommend.search.known_texts import KnownText

MOST = 50


class SuggestService:
    """Completions over what is published, the most used first."""

    def __init__(self, known: KnownTexts) -> None:
        self._known = known

    def suggest(self, prefix: str, limit: int = 10) -> list[KnownText]:
        """At most `limit` texts; none for a prefix of signs."""
        limit = min(max(limit, 1), MOST)
        whole, recent = self._known.views()
        found = whole.completions.complete(prefix, limit)
        fresh = recent.completions.complete(prefix, limit)
        return best_first([*found, *fresh], limit) if fresh else found
