"""A visit goes on where it stopped: what was ranked for one page serves the next ones too.

Ranking looks a few pages ahead. What the next pages need of it (the picks, and who competes for
their drawn places, with all that is told of them) is good for a minute. It is kept in the
process, and in Valkey for the others (see `handover`). What a reader does (a click, a dislike, an
order), what the persona has learned from it, a joined group or another version of the ranking
ends it: all of that is read from the store at every page (see `visits.Mark`), so it holds for
events that another process took. Impressions only filter.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from recommend.feed.items import Why
from recommend.feed.scenes import Asked
from recommend.feed.scoring import Scored, contenders
from recommend.feed.visits import Mark, Visit
from recommend.ranking.explore import ExploreSettings

PAGES_AHEAD = 3
SPARE = 5  # picked beyond a page, in case a fact changed since the shelf was filled
FRESH_FOR = timedelta(seconds=60)
# While a crowd waits a visit goes on for longer: readers who got their page late turn it late.
KEPT_FOR = timedelta(minutes=5)
KEPT_VISITS = 3_000


@dataclass(frozen=True)
class Prepared:
    """Candidates of one `page` (its trace id), ranked at `at`; `picks` are rows of `scored` in the
    spread order, far enough for more pages. `away` names what did not take part."""

    page: str
    asked: Asked
    mark: Mark
    at: datetime
    why: Why
    scored: Scored
    picks: Sequence[int]
    away: tuple[str, ...] = ()

    def left(self, barred: frozenset[int]) -> list[int]:
        """Picks that may still be shown."""
        items = self.scored.items
        return [row for row in self.picks if items[row].id not in barred]

    def narrowed(self, rules: ExploreSettings) -> Prepared:
        """Without what no page of the visit will need: a fifth of it is left. As many compete for
        drawn places as would if the picks took the best of them."""
        competing = contenders(self.scored, len(self.picks) + rules.offered, rules)
        rows = sorted({*self.picks, *competing})
        place = {row: number for number, row in enumerate(rows)}
        scored = self.scored.narrowed(rows)
        recalls = {item.id: self.why.recalls[item.id] for item in scored.items}
        return replace(
            self,
            why=replace(self.why, recalls=recalls),
            scored=scored,
            picks=[place[row] for row in self.picks],
        )

    def serves(self, visit: Visit, asked: Asked, size: int, version: int) -> bool:
        """Whether the next page can be taken from it, whatever the reader did meanwhile."""
        same = self.asked == asked and self.mark.same_reader(visit.mark)
        if not same or self.scored.serving.version != version:
            return False
        return len(self.left(visit.barred)) >= size + SPARE

    def fresh(self, mark: Mark, now: datetime) -> bool:
        """Whether it is what would be ranked now."""
        return self.mark == mark and timedelta(0) <= now - self.at <= FRESH_FOR


def picks_ahead(size: int) -> int:
    """How many places to fill for a page of this size and those after it."""
    return max(PAGES_AHEAD * min(size, 20), size) + SPARE


class KeptPages:
    """What visits go on with by session, the last used ones. Safe for several threads."""

    def __init__(self, limit: int = KEPT_VISITS) -> None:
        self._limit = limit
        self._lock = threading.Lock()
        self._kept: OrderedDict[str, Prepared] = OrderedDict()

    def keep(self, session: str, prepared: Prepared) -> None:
        with self._lock:
            self._kept[session] = prepared
            self._kept.move_to_end(session)
            while len(self._kept) > self._limit:
                self._kept.popitem(last=False)

    def find(self, session: str) -> Prepared | None:
        with self._lock:
            return self._kept.get(session)
