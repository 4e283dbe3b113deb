"""A visit goes on where it stopped: what was ranked for one page serves the next ones too.

Ranking looks a few pages ahead, and these are kept for a minute in the process. What a reader
does (a click, a dislike, an order), what the persona has learned from it, a joined group or
another version of the ranking ends it: all of that is read from the store at every page (see
`visits.Mark`), so it holds for events that another process took. Impressions only filter.
Another process, or this one when it has forgotten, ranks anew.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from recommend.feed.scenes import Anchor, Asked
from recommend.feed.scoring import Found, Scored
from recommend.feed.visits import Mark, Past, Visit
from recommend.persona_math import Persona
from recommend.ranking.features import Context

PAGES_AHEAD = 3
SPARE = 5  # picked beyond a page, in case a fact changed since the shelf was filled
KEPT_FOR = timedelta(seconds=60)
KEPT_VISITS = 1_200


@dataclass(frozen=True)
class Request:
    """Who asks, what for, and what is known of them."""

    asked: Asked
    mark: Mark
    persona: Persona
    past: Past
    context: Context
    anchor: Anchor | None


@dataclass(frozen=True)
class Ranking:
    """Candidates of a request, scored; `picks` are rows of `scored` in the spread order, far
    enough for some pages."""

    request: Request
    found: Found
    scored: Scored
    picks: Sequence[int]
    away: tuple[str, ...] = ()

    def left(self, barred: frozenset[int]) -> list[int]:
        """Picks that may still be shown."""
        items = self.scored.items
        return [row for row in self.picks if items[row].id not in barred]


def picks_ahead(size: int) -> int:
    """How many places to fill for a page of this size and those after it."""
    return max(PAGES_AHEAD * min(size, 20), size) + SPARE


class KeptRankings:
    """Rankings by session, the last used ones. Safe for several threads."""

    def __init__(self, limit: int = KEPT_VISITS) -> None:
        self._limit = limit
        self._lock = threading.Lock()
        self._kept: OrderedDict[str, Ranking] = OrderedDict()

    def keep(self, session: str, ranking: Ranking) -> None:
        with self._lock:
            self._kept[session] = ranking
            self._kept.move_to_end(session)
            while len(self._kept) > self._limit:
                self._kept.popitem(last=False)

    def still_good(
        self, visit: Visit, asked: Asked, size: int, *, version: int, now: datetime
    ) -> Ranking | None:
        """What the session goes on with; None if it must be ranked (anew). `version` is the
        ranking that serves."""
        with self._lock:
            kept = self._kept.get(visit.session)
        if kept is None or kept.request.mark != visit.mark or kept.request.asked != asked:
            return None
        fresh = timedelta(0) <= now - kept.request.context.now <= KEPT_FOR
        if not fresh or kept.scored.serving.version != version:
            return None
        return kept if len(kept.left(visit.barred)) >= size + SPARE else None
