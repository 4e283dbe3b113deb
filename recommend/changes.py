"""Hearing which items changed: a cache need not ask for every item whether it is still true.

Every change of a published item that a copy must notice writes a fact into the outbox, in its
own transaction. A listener reads the facts since it last looked, with an overlap: on
PostgreSQL a transaction may commit after one that took a later id.
"""

from __future__ import annotations

import threading

from sqlalchemy import func, select

from contentcenter.domain import facts
from contentcenter.store.database import Database
from contentcenter.store.tables import OutboxRow

OVERLAP = 200
TOPICS = (
    facts.ItemReady.topic,
    facts.ItemPublished.topic,
    facts.ItemChanged.topic,
)


class ItemChanges:
    """Remembers how far it has listened. Safe for several threads."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._lock = threading.Lock()
        self._last: int | None = None
        self._heard: set[int] = set()

    def since_last(self) -> set[int]:
        """Ids of items that changed since the call before; none at the first call. A fact
        that takes longer to be committed than `OVERLAP` later ones is missed: whoever keeps
        copies asks for each of them again from time to time."""
        with self._lock:
            if self._last is None:
                self._last, self._heard = self._start()
                return set()
            found = self._read(self._last - OVERLAP)
            fresh = {item for key, item in found.items() if key not in self._heard}
            self._last = max([self._last, *found])
            self._heard = {key for key in {*self._heard, *found} if key > self._last - 2 * OVERLAP}
            return fresh

    def _start(self) -> tuple[int, set[int]]:
        with self._db.reading() as session:
            last = session.scalar(select(func.max(OutboxRow.id))) or 0
        return last, set(self._read(last - OVERLAP))

    def _read(self, after: int) -> dict[int, int]:
        query = select(OutboxRow.id, OutboxRow.payload).where(
            OutboxRow.id > after, OutboxRow.topic.in_(TOPICS)
        )
        with self._db.reading() as session:
            return {row.id: int(row.payload["item_id"]) for row in session.execute(query)}
