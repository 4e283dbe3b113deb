"""The known texts of this process, built behind the back of requests and kept near the store.

What is published changes all the time, building takes seconds at a hundred thousand texts:
so one thread builds everything now and then, the few items changed since come from a small
build of their own, and requests are answered from what there is.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog
from sqlalchemy import func, select

from contentcenter.domain.content import ItemState
from contentcenter.domain.errors import EngineUnavailable
from contentcenter.floor import Floor
from contentcenter.store.tables import ItemRow
from recommend.search.completions import Completions
from recommend.search.known_texts import MOST_TEXTS, Counts, KnownText, load_counts, load_texts
from recommend.search.spelling import Spelling

log = structlog.get_logger()
CHECK_SECONDS = 5.0
# A look that takes longer than this is left to the thread.
QUICK_SECONDS = 0.2
# Everything is built anew when so many items have changed, or after so long.
MOST_RECENT = 2_000
WHOLE_SECONDS = 900.0
# The first question of a process waits this long for the first build.
FIRST_WAIT_SECONDS = 2.0
# What only stands beside an answer is worth this much waiting for.
HINT_WAIT_SECONDS = 0.3


@dataclass(frozen=True)
class KnownView:
    """One build. `mark` tells whether published items have changed since."""

    completions: Completions = field(default_factory=lambda: Completions([]))
    spelling: Spelling = field(default_factory=lambda: Spelling([]))
    counts: Counts = field(default_factory=Counts)
    mark: tuple[int, int] | None = None


@dataclass(frozen=True)
class _State:
    whole: KnownView = field(default_factory=KnownView)
    recent: KnownView = field(default_factory=KnownView)
    begun: datetime | None = None
    due: float = 0.0


class KnownTexts:
    """Answers from the last build; never waits for the next one."""

    def __init__(self, floor: Floor, most: int = MOST_TEXTS) -> None:
        self._floor = floor
        self._most = most
        self._state = _State()
        self._looking = threading.Lock()
        self._ready = threading.Event()
        self._checked = -CHECK_SECONDS
        self._took = 0.0

    def views(self, wait: float = FIRST_WAIT_SECONDS) -> tuple[KnownView, KnownView]:
        """Everything, and what has changed since. Sees to a look when one is due: at once
        where looks are quick, in a thread where they are not; `wait` is for the very first."""
        if time.monotonic() - self._checked >= CHECK_SECONDS:
            self._checked = time.monotonic()
            if self._ready.is_set() and self._took < QUICK_SECONDS:
                self.refresh()
            else:
                threading.Thread(target=self.refresh, name="known-texts", daemon=True).start()
                if not self._ready.is_set():
                    self._ready.wait(wait)
        state = self._state
        return state.whole, state.recent

    def refresh(self) -> None:
        """One look at the store; a second caller meanwhile goes on with what there is. With
        the store away the last build stays good."""
        if not self._looking.acquire(blocking=False):
            return
        begun = time.monotonic()
        try:
            self._state = self._look(self._state)
        except EngineUnavailable as error:
            log.warning("known_texts_not_refreshed", reason=error.message)
        finally:
            self._took = time.monotonic() - begun
            self._ready.set()
            self._looking.release()

    def _look(self, state: _State) -> _State:
        mark = self._mark()
        if state.begun is None or self._whole_due(state, mark):
            return self._whole(mark)
        if mark == (state.recent.mark or state.whole.mark):
            return state
        with self._floor.db.reading() as session:
            texts = load_texts(session, MOST_RECENT, since=state.begun)
        recent = KnownView(Completions(texts), Spelling(texts), mark=mark)
        return _State(state.whole, recent, state.begun, state.due)

    def _whole_due(self, state: _State, mark: tuple[int, int]) -> bool:
        """Small shops are always built whole; also when items went away."""
        if mark == state.whole.mark:
            return False
        small = len(state.whole.completions) <= MOST_RECENT
        many = len(state.recent.completions) >= MOST_RECENT
        return small or many or time.monotonic() >= state.due

    def _whole(self, mark: tuple[int, int]) -> _State:
        # A minute of overlap: another process's clock, a transaction that was still open.
        begun = self._floor.clock.now() - timedelta(minutes=1)
        with self._floor.db.reading() as session:
            texts: list[KnownText] = load_texts(session, self._most)
            counts = load_counts(session, texts)
        view = KnownView(Completions(texts), Spelling(texts), counts, mark)
        return _State(view, KnownView(), begun, time.monotonic() + WHOLE_SECONDS)

    def _mark(self) -> tuple[int, int]:
        query = select(func.count(), func.coalesce(func.sum(ItemRow.version), 0))
        with self._floor.db.reading() as session:
            count, versions = session.execute(
                query.where(ItemRow.state == ItemState.PUBLISHED.value)
            ).one()
        return int(count), int(versions)
