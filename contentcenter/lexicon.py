"""The shop's own words (titles, authors, tags) and the operators' synonyms, for the analyser
of every process that cuts text: web, workers, commands.

How text is cut does not depend on it (see text/words.py); what a process has not learnt yet
costs a match its bonus, nothing more. So learning may take its time and nobody waits for it.
"""

from __future__ import annotations

import threading
import time

import structlog
from sqlalchemy import select

from contentcenter.domain.errors import EngineUnavailable
from contentcenter.search_words import SearchWordService
from contentcenter.store.database import Database
from contentcenter.store.tables import BookRow, TagRow
from contentcenter.text.analysis import Analyser
from contentcenter.text.names import name_parts
from contentcenter.text.normalise import normalise

log = structlog.get_logger()
EVERY_SECONDS = 30.0
# Rows of one look: a question or a document waits for no more (about 0.1 s).
STEP = 2_000


class Lexicon:
    """Feeds an analyser from the store, a step at a time: everything at first, then what is
    new. Rows are read by rising id, so a look with nothing new costs three index lookups.
    """

    def __init__(self, db: Database, analyser: Analyser, words: SearchWordService) -> None:
        self._db = db
        self._analyser = analyser
        self._words = words
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
            self._words.refresh()
            words = self._read_on()
            self._analyser.learn(words)
            if len(words) >= STEP:
                self._due = 0.0  # there is more
        except EngineUnavailable as error:
            log.warning("lexicon_not_refreshed", reason=error.message)
        finally:
            self._lock.release()

    def refresh(self) -> int:
        """Learn all that is new; returns how many words that were."""
        self._words.refresh()
        learnt = 0
        while words := self._read_on():
            learnt += self._analyser.learn(words)
        return learnt

    def _read_on(self) -> list[str]:
        with self._db.reading() as session:
            books = session.execute(
                select(BookRow.id, BookRow.title, BookRow.author)
                .where(BookRow.id > self._last_book)
                .order_by(BookRow.id)
                .limit(STEP)
            ).all()
            tags = session.execute(
                select(TagRow.id, TagRow.name)
                .where(TagRow.id > self._last_tag)
                .order_by(TagRow.id)
                .limit(STEP)
            ).all()
        self._last_book = books[-1][0] if books else self._last_book
        self._last_tag = tags[-1][0] if tags else self._last_tag
        titles = [title for _, title, _ in books]
        people = [one for *_, author in books for one in name_parts(normalise(author))]
        return [*titles, *people, *(name for _, name in tags)]
