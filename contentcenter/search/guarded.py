"""Any search engine behind circuit breakers: one for questions, one for writes.

They fail apart: a cluster whose disk is full refuses writes and still answers, and a write
may take longer than any page would wait. What each call may take is the engine's own
time-out; here it is decided whether to call at all.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager

from contentcenter.domain.errors import EngineUnavailable
from contentcenter.embedding.ports import ModelIdentity, Vectors
from contentcenter.search import patience
from contentcenter.search.breaker import Breaker, BreakerRules, BreakerStatus
from contentcenter.search.ports import (
    Filters,
    Hit,
    IndexDocument,
    IndexRebuild,
    IndexStats,
    LexicalQuery,
    Mark,
    Order,
    Page,
    SearchIndex,
)

# No item has it: taking it out is a real write that changes nothing.
_NOBODY = 0


class _Visit(threading.local):
    """What one thread's current page has learned about the engine."""

    lost: EngineUnavailable | None = None


class GuardedIndex:
    """`SearchIndex` around another one. Never slower than it by more than a lock."""

    def __init__(self, engine: SearchIndex, rules: BreakerRules | None = None) -> None:
        self._engine = engine
        self._reads = Breaker("search", lambda: engine.select(Filters(), 1), rules)
        self._writes = Breaker("indexing", lambda: engine.remove([_NOBODY]), rules)
        self._visit = _Visit()

    def breakers(self) -> tuple[BreakerStatus, BreakerStatus]:
        """Questions, writes."""
        return self._reads.status(), self._writes.status()

    def known_away(self) -> bool:
        """Whether a question would be refused without being asked."""
        return self._visit.lost is not None or not self._reads.closed

    def page_begins(self) -> None:
        """From here to `page_ends`, this thread waits for a lost engine once, not once a call:
        a page asks several things, and each would wait for its own (then short) time-out."""
        patience.page_begins()
        self._visit.lost = None

    def page_ends(self, _error: BaseException | None = None) -> None:
        patience.page_ends()
        self._visit.lost = None

    def put(self, documents: Sequence[IndexDocument]) -> None:
        self._writes.call(lambda: self._engine.put(documents))

    def remove(self, ids: Sequence[int]) -> None:
        self._writes.call(lambda: self._engine.remove(ids))

    def lexical(self, query: LexicalQuery, filters: Filters, limit: int) -> list[Hit]:
        with self._asking():
            return self._reads.call(lambda: self._engine.lexical(query, filters, limit))

    def nearest(self, vectors: Vectors, filters: Filters, limit: int) -> list[list[Hit]]:
        with self._asking():
            return self._reads.call(lambda: self._engine.nearest(vectors, filters, limit))

    def vectors(self, ids: Sequence[int]) -> Mapping[int, Vectors]:
        with self._asking():
            return self._reads.call(lambda: self._engine.vectors(ids))

    def select(self, filters: Filters, limit: int, order: Order = Order.NEWEST) -> list[int]:
        with self._asking():
            return self._reads.call(lambda: self._engine.select(filters, limit, order))

    def page(
        self, filters: Filters, limit: int, order: Order = Order.NEWEST, after: Mark | None = None
    ) -> Page:
        with self._asking():
            return self._reads.call(lambda: self._engine.page(filters, limit, order, after))

    def facets(
        self, ids: Iterable[int] | None, filters: Filters, names: Sequence[str], size: int = 20
    ) -> dict[str, list[tuple[str, int]]]:
        with self._asking():
            return self._reads.call(lambda: self._engine.facets(ids, filters, names, size))

    def stats(self) -> IndexStats:
        with self._asking():
            return self._reads.call(self._engine.stats)

    @contextmanager
    def rebuild(self, model: ModelIdentity) -> Iterator[IndexRebuild]:
        with ExitStack() as stack:
            target = self._writes.call(lambda: stack.enter_context(self._engine.rebuild(model)))
            yield _GuardedRebuild(target, self._writes)

    @contextmanager
    def _asking(self) -> Iterator[None]:
        lost = self._visit.lost
        if lost is not None:
            raise EngineUnavailable(lost.message, after_seconds=lost.after_seconds)
        try:
            yield
        except EngineUnavailable as error:
            if patience.in_page():
                self._visit.lost = error
            raise


class _GuardedRebuild:
    def __init__(self, target: IndexRebuild, writes: Breaker) -> None:
        self._target = target
        self._writes = writes

    def put(self, documents: Sequence[IndexDocument]) -> None:
        self._writes.call(lambda: self._target.put(documents))

    def commit(self) -> None:
        self._writes.call(self._target.commit)


def known_away(index: SearchIndex) -> bool:
    """Whether the engine is known not to answer: what only serves a question to it need not be
    made. False for an index without a guard."""
    return isinstance(index, GuardedIndex) and index.known_away()


def breakers_of(index: SearchIndex) -> tuple[BreakerStatus, ...]:
    """The breakers of an index that has some."""
    return index.breakers() if isinstance(index, GuardedIndex) else ()
