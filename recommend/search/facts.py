"""Quality, age, popularity and names of items for the ranking of searches; lean and cached."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict, defaultdict
from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from contentcenter.floor import Floor
from contentcenter.store.tables import BookRow, ItemBookRow, ItemRow
from recommend.events.signals import load_signals
from recommend.search.ranking import ItemFacts, squeezed

CACHED_ITEMS = 50_000
# The small parts of a score may be this old.
TRUST_SECONDS = 30.0
_CHUNK = 500


class FactsService:
    """One per process; safe for several threads."""

    def __init__(
        self, floor: Floor, size: int = CACHED_ITEMS, trust_seconds: float = TRUST_SECONDS
    ) -> None:
        self._floor = floor
        self._size = size
        self._trust = trust_seconds
        self._lock = threading.Lock()
        self._kept: OrderedDict[int, tuple[float, ItemFacts]] = OrderedDict()

    def facts(self, ids: Sequence[int]) -> dict[int, ItemFacts]:
        """Facts of those items that exist, whatever their state."""
        since = time.monotonic() - self._trust
        with self._lock:
            known = {one: self._kept[one] for one in ids if one in self._kept}
        found = {one: facts for one, (at, facts) in known.items() if at >= since}
        missing = [one for one in ids if one not in found]
        if missing:
            found |= self._load(missing)
        return found

    def _load(self, ids: Sequence[int]) -> dict[int, ItemFacts]:
        with self._floor.db.reading() as session:
            loaded = self._read(session, ids)
        at = time.monotonic()
        with self._lock:
            for one, facts in loaded.items():
                self._kept[one] = (at, facts)
                self._kept.move_to_end(one)
            while len(self._kept) > self._size:
                self._kept.popitem(last=False)
        return loaded

    def _read(self, session: Session, ids: Sequence[int]) -> dict[int, ItemFacts]:
        signals = load_signals(session, ids, self._floor.clock.now())
        names, isbns = _books(session, ids)
        out: dict[int, ItemFacts] = {}
        for start in range(0, len(ids), _CHUNK):
            query = select(ItemRow.id, ItemRow.title, ItemRow.quality, ItemRow.published_at)
            for row in session.execute(query.where(ItemRow.id.in_(ids[start : start + _CHUNK]))):
                out[row.id] = ItemFacts(
                    id=row.id,
                    names=frozenset({squeezed(row.title)}),
                    book_names=frozenset(names[row.id]),
                    isbns=frozenset(isbns[row.id]),
                    quality=row.quality,
                    published_at=row.published_at,
                    clicks=signals[row.id].liked if row.id in signals else 0.0,
                )
        return out


_Words = defaultdict[int, set[str]]


def _books(session: Session, ids: Sequence[int]) -> tuple[_Words, _Words]:
    """Squeezed titles and ISBNs of the books of each item."""
    names: _Words = defaultdict(set)
    isbns: _Words = defaultdict(set)
    for start in range(0, len(ids), _CHUNK):
        query = (
            select(ItemBookRow.item_id, BookRow.title, BookRow.isbn)
            .join(BookRow, BookRow.id == ItemBookRow.book_id)
            .where(ItemBookRow.item_id.in_(ids[start : start + _CHUNK]))
        )
        for row in session.execute(query):
            names[row.item_id].add(squeezed(row.title))
            if row.isbn:
                isbns[row.item_id].add(row.isbn)
    return names, isbns
