"""The shop's own words (titles, authors, tags) for the segmenter of every process.

The process that indexes a document has just learnt its words; the one that reads questions
must know them too, or a title is split one way in the index and another in the question.
"""

from __future__ import annotations

import threading
import time

import structlog
from sqlalchemy import select

from contentcenter.domain.errors import EngineUnavailable
from contentcenter.store.database import Database
from contentcenter.store.tables import BookRow, TagRow
from contentcenter.text.analysis import Analyser

log = structlog.get_logger()
EVERY_SECONDS = 30.0
BATCH = 50_000


class Lexicon:
    """Feeds an analyser from the store: everything at first, then what is new.

    Rows are read by rising id, so a look with nothing new costs two index lookups.
    """

    def __init__(self, db: Database, analyser: Analyser) -> None:
        self._db = db
        self._analyser = analyser
        self._lock = threading.Lock()
        self._last_book = self._last_tag = 0
        self._due = 0.0

    def refresh_if_due(self) -> None:
        """Look for new words every half minute; one thread does it, the others go on.

        With the store away the words of the last look stay good.
        """
        if time.monotonic() < self._due or not self._lock.acquire(blocking=False):
            return
        try:
            self._due = time.monotonic() + EVERY_SECONDS
            self.refresh()
        except EngineUnavailable as error:
            log.warning("lexicon_not_refreshed", reason=error.message)
        finally:
            self._lock.release()

    def refresh(self) -> int:
        """Learn what is new; returns how many words that were."""
        learnt = 0
        while True:
            words = self._read_on()
            if not words:
                return learnt
            learnt += self._analyser.learn(words)

    def _read_on(self) -> list[str]:
        with self._db.reading() as session:
            books = session.execute(
                select(BookRow.id, BookRow.title, BookRow.author)
                .where(BookRow.id > self._last_book)
                .order_by(BookRow.id)
                .limit(BATCH)
            ).all()
            tags = session.execute(
                select(TagRow.id, TagRow.name)
                .where(TagRow.id > self._last_tag)
                .order_by(TagRow.id)
                .limit(BATCH)
            ).all()
        self._last_book = books[-1][0] if books else self._last_book
        self._last_tag = tags[-1][0] if tags else self._last_tag
        named = [word for _, title, author in books for word in (title, author) if word]
        return named + [name for _, name in tags]
