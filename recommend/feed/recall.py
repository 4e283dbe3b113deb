"""Recall for the feed: named sources, each of which may be away."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from sqlalchemy import Connection, select

from contentcenter.domain.content import ItemState
from contentcenter.domain.errors import EngineUnavailable, ModelMismatch
from contentcenter.floor import Floor
from contentcenter.search.ports import Filters
from contentcenter.store.tables import ItemRow
from recommend.collaborative.serving import CoReading
from recommend.corpus_service import CorpusService
from recommend.events.signals import hottest, load_signals
from recommend.feed.partners import Partners
from recommend.feed.spreading import Recall
from recommend.models import ModelRegistry
from recommend.persona_math import Persona

EACH = 100
LIKED_DEPTH = 12
NEWEST = 400
HOTTEST = 500
COMMON_SECONDS = 5.0
# The index filters this many seen items inside its scan; the rest is dropped afterwards.
EXCLUDED = 2_000


@dataclass(frozen=True)
class Recalled:
    lists: Mapping[Recall, Sequence[int]]
    away: tuple[str, ...] = ()


@dataclass(frozen=True)
class RecallFor:
    """Whom to recall for: what the reader is like, what they liked last (newest first), and
    what must not come back."""

    persona: Persona
    history: Sequence[int] = ()
    barred: frozenset[int] = field(default_factory=frozenset)


class FeedRecall:
    """Runs all sources. An engine that is away empties its sources, never the feed."""

    def __init__(
        self, floor: Floor, corpus: CorpusService, co_reading: CoReading | None = None
    ) -> None:
        self._floor = floor
        self._corpus = corpus
        self._co_reading = co_reading or CoReading(ModelRegistry(floor))
        self._partners = Partners()
        self._lock = threading.Lock()
        self._kept: tuple[float, dict[Recall, list[int]]] | None = None
        self._hot: tuple[float, list[int]] | None = None

    def recall(self, connection: Connection, who: RecallFor) -> Recalled:
        now = self._floor.clock.now()
        exclude = tuple(sorted(who.barred)[-EXCLUDED:])
        base = Filters(
            states=(ItemState.PUBLISHED.value,), rights_at=now, exclude_ids=exclude, in_stock=True
        )
        lists: dict[Recall, Sequence[int]] = {
            Recall.CO_READ: self._co_read(connection, who.history, who.barred)
        }
        popular = [one for one in self._popular() if one not in who.barred]
        lists[Recall.POPULAR] = popular[:EACH]
        try:
            lists |= self._from_index(who.persona, base)
            away: tuple[str, ...] = ()
        except (EngineUnavailable, ModelMismatch):
            lists |= self._from_store()
            away = ("index",)
        return Recalled(lists, away)

    def _co_read(
        self, connection: Connection, history: Sequence[int], barred: frozenset[int]
    ) -> list[int]:
        """By the model that serves; counts of common readers fill up, and stand in for it."""
        served = self._co_reading.current() if history else None
        found: list[int] = []
        if served is not None:
            likes = dict.fromkeys(history, 1.0)
            # Deep enough that what the reader has seen does not empty the list.
            ranked = served.model.recall(likes, EACH + len(barred))
            found = [one for one in ranked if one not in barred][:EACH]
        if len(found) < EACH and history:
            found += self._partners.of(connection, history[:LIKED_DEPTH], EACH)
        return list(dict.fromkeys(found))[:EACH]

    def rest(self, barred: frozenset[int], limit: int, after: int | None = None) -> list[int]:
        """Published items by falling id, for when every source has run dry."""
        query = select(ItemRow.id).where(ItemRow.state == ItemState.PUBLISHED.value)
        if after is not None:
            query = query.where(ItemRow.id < after)
        out: list[int] = []
        with self._floor.db.reading() as session:
            for one in session.scalars(
                query.order_by(ItemRow.id.desc()).execution_options(yield_per=500)
            ):
                if one not in barred:
                    out.append(one)
                if len(out) >= limit:
                    break
        return out

    def _from_index(self, persona: Persona, base: Filters) -> dict[Recall, Sequence[int]]:
        barred = set(base.exclude_ids)
        common = {
            recall: [one for one in ids if one not in barred][:EACH]
            for recall, ids in self._common().items()
        }
        return {
            Recall.PERSONA: self._near(persona, base),
            Recall.FOLLOWED: self._followed(persona, base),
            **common,
        }

    def _near(self, persona: Persona, base: Filters) -> list[int]:
        if not persona.centre_shares:
            return []
        corpus = self._corpus.view()
        lists = self._floor.index.nearest(corpus.centre(persona.centres), base, EACH // 2)
        ids = [hits[place].id for place in range(EACH // 2) for hits in lists if place < len(hits)]
        return list(dict.fromkeys(ids))[:EACH]

    def _followed(self, persona: Persona, base: Filters) -> list[int]:
        tags, categories = followed(persona)
        ids: list[int] = []
        if tags:
            ids += self._floor.index.select(replace(base, tags=tags), EACH // 2)
        if categories:
            ids += self._floor.index.select(replace(base, categories=categories), EACH // 2)
        return list(dict.fromkeys(ids))

    def _popular(self) -> list[int]:
        with self._lock:
            if self._hot is not None and time.monotonic() - self._hot[0] < COMMON_SECONDS:
                return self._hot[1]
        with self._floor.db.reading() as session:
            ids = hottest(session, HOTTEST)
        with self._lock:
            self._hot = (time.monotonic(), ids)
        return ids

    def _common(self) -> dict[Recall, list[int]]:
        """What is the same for every reader: kept for a few seconds, longer than one page
        needs so that a reader who has seen much still finds some."""
        with self._lock:
            if self._kept is not None and time.monotonic() - self._kept[0] < COMMON_SECONDS:
                return self._kept[1]
        base = Filters(
            states=(ItemState.PUBLISHED.value,), rights_at=self._floor.clock.now(), in_stock=True
        )
        lists = {
            Recall.EDITORS: self._floor.index.select(replace(base, kinds=("pgc",)), NEWEST),
            Recall.EXPLORE: self._unexplored(base),
        }
        with self._lock:
            self._kept = (time.monotonic(), lists)
        return lists

    def _unexplored(self, base: Filters) -> list[int]:
        """The newest items, least shown first."""
        newest = self._floor.index.select(base, NEWEST)
        with self._floor.db.reading() as session:
            signals = load_signals(session, newest, self._floor.clock.now())
        order = {one: place for place, one in enumerate(newest)}
        shown = {one: signals[one].shown if one in signals else 0.0 for one in newest}
        return sorted(newest, key=lambda one: (shown[one] // 20, order[one]))

    def _from_store(self) -> dict[Recall, Sequence[int]]:
        query = (
            select(ItemRow.id, ItemRow.kind)
            .where(ItemRow.state == ItemState.PUBLISHED.value)
            .order_by(ItemRow.published_at.desc(), ItemRow.id.desc())
            .limit(3 * EACH)
        )
        with self._floor.db.reading() as session:
            rows = session.execute(query).all()
        return {
            Recall.EDITORS: [row.id for row in rows if row.kind == "pgc"][:EACH],
            Recall.EXPLORE: [row.id for row in rows],
        }


def followed(persona: Persona) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Tags and categories a reader is drawn to, strongest first."""

    def strongest(table: Mapping[str, float], limit: int) -> tuple[str, ...]:
        names = sorted(table, key=lambda name: (-table[name], name))
        return tuple(name for name in names if table[name] > 0.15)[:limit]

    return strongest(persona.tags, 8), strongest(persona.categories, 3)
