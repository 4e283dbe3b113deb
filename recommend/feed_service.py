"""The feed: recall, rank, spread, say why; never a seen item, never empty without need."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from contentcenter.domain.categories import category_label
from contentcenter.domain.content import VISIBLE_STATES
from contentcenter.domain.errors import InvalidInput
from contentcenter.floor import Floor
from contentcenter.store.cards import ItemCard, load_items
from contentcenter.store.tables import MembershipRow, ReaderRow
from recommend.corpus_service import CorpusService
from recommend.cursors import pack_cursor, unpack_cursor
from recommend.feed import (
    Candidate,
    FeedSettings,
    Reason,
    ReasonFacts,
    Recall,
    merge_recalls,
    rank,
    reason,
)
from recommend.feed_recall import FeedRecall, RecallFor, followed
from recommend.match_service import MatchService
from recommend.matching import Scores
from recommend.persona_math import Persona
from recommend.persona_service import PersonaService
from recommend.readers import LONGEST_ID, ReaderRef, resolve_readers
from recommend.shelf import Shelf, ShelfItem
from recommend.tables import FeedAnswerRow, SeenRow

LARGEST_PAGE = 50
SPARE = 5  # picked beyond the page, in case a fact changed since the shelf was filled
SERVED_WINDOW = timedelta(hours=6)
REST_BATCH = 600
ANSWERS_KEPT = timedelta(days=30)


@dataclass(frozen=True)
class FeedItem:
    card: ItemCard
    score: float
    parts: Mapping[str, float]
    reason: Reason
    recalls: tuple[Recall, ...]


@dataclass(frozen=True)
class FeedAnswer:
    """`trace_id` belongs to this page: events that name it are traced to it."""

    items: tuple[FeedItem, ...]
    trace_id: str
    next_cursor: str | None
    degraded: bool = False
    away: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Visit:
    """Who asks, which page of which session, and what must not be shown."""

    reader_id: int
    session: str
    page: int
    seen: frozenset[int]
    barred: frozenset[int]
    served_lately: frozenset[int]
    audiences: tuple[int, ...]

    @property
    def trace_id(self) -> str:
        return f"{self.session}-{self.page}"


class FeedService:
    """`page` answers one page of a reader's feed."""

    def __init__(
        self,
        floor: Floor,
        *,
        corpus: CorpusService,
        personas: PersonaService,
        matches: MatchService,
        shelf: Shelf,
        settings: FeedSettings | None = None,
    ) -> None:
        self._floor = floor
        self._personas = personas
        self._matches = matches
        self._shelf = shelf
        self._recall = FeedRecall(floor, corpus)
        self._settings = settings or FeedSettings()

    def page(
        self, app_reader_id: str, scene: str = "home", size: int = 10, cursor: str | None = None
    ) -> FeedAnswer:
        """One page. A reader is created on first sight. Items of one cursor chain never
        repeat, and what a reader has seen never comes back at all."""
        _check(app_reader_id, scene, size)
        visit = self._visit(app_reader_id, cursor)
        again = self._replayed(visit, size)
        if again is not None:
            return again
        persona = self._personas.reader(visit.reader_id, visit.audiences)
        found = self._recall.recall(RecallFor(visit.reader_id, persona, visit.barred))
        came = merge_recalls(found.lists, visit.barred, self._settings.candidates)
        items = self._choose(visit, persona, came, size)
        more = len(items) == size
        self._remember(visit, scene, items)
        return FeedAnswer(
            items=tuple(items),
            trace_id=visit.trace_id,
            next_cursor=_cursor(visit) if more else None,
            degraded=bool(found.away),
            away=found.away,
        )

    def forget_old(self) -> int:
        """Drop answers that no late event will be traced to any more; returns how many."""
        before = self._floor.clock.now() - ANSWERS_KEPT
        with self._floor.db.transaction() as session:
            done = session.execute(delete(FeedAnswerRow).where(FeedAnswerRow.at < before))
        return int(done.rowcount)  # type: ignore[attr-defined]

    def _choose(
        self,
        visit: _Visit,
        persona: Persona,
        came: dict[int, tuple[Recall, ...]],
        size: int,
    ) -> list[FeedItem]:
        """A full page if there is enough to fill one; the rest of the store is the reserve."""
        chosen = self._ranked(visit, persona, came, size)
        tried, after = set(came), None
        while len(chosen) < size:
            ids = self._recall.rest(visit.barred, REST_BATCH, after)
            if not ids:
                break
            after = ids[-1]
            fresh = {one: (Recall.REST,) for one in ids if one not in tried}
            tried |= set(fresh)
            chosen += self._ranked(visit, persona, fresh, size - len(chosen))
        return chosen

    def _ranked(
        self,
        visit: _Visit,
        persona: Persona,
        came: Mapping[int, tuple[Recall, ...]],
        size: int,
    ) -> list[FeedItem]:
        now = self._floor.clock.now()
        shelf = [one for one in self._shelf.visible(came).values() if one.open(now)]
        if not shelf:
            return []
        scores, features = self._matches.scored(shelf, persona)
        candidates = [_candidate(one, came[one.id], one.id in visit.served_lately) for one in shelf]
        order = rank(candidates, scores.total[:, 0], features.vectors, size + SPARE, self._settings)
        rows = [picked.row for picked in order]
        return self._checked(shelf, rows, scores, candidates, _Why(persona))[:size]

    def _checked(
        self,
        shelf: Sequence[ShelfItem],
        rows: Sequence[int],
        scores: Scores,
        candidates: Sequence[Candidate],
        why: _Why,
    ) -> list[FeedItem]:
        """The facts once more from the store, right before they are shown."""
        now = self._floor.clock.now()
        with self._floor.db.reading() as session:
            cards = load_items(session, [shelf[row].id for row in rows])
        out = []
        for row in rows:
            card = cards.get(shelf[row].id)
            if card is None or not showable(card, now):
                continue
            parts = scores.explain(row, 0)
            score = round(sum(parts.values()), 4)
            said = why.reason(card, candidates[row].recalls, parts)
            out.append(FeedItem(card, score, parts, said, candidates[row].recalls))
        return out

    def _visit(self, app_reader_id: str, cursor: str | None) -> _Visit:
        now = self._floor.clock.now()
        session_id, page = _place(cursor)
        reader_id = self._reader_id(app_reader_id, now)
        with self._floor.db.reading() as session:
            seen = set(
                session.scalars(select(SeenRow.item_id).where(SeenRow.reader_id == reader_id))
            )
            served = _served(session, session_id, reader_id) if page else set()
            lately = _served_lately(session, reader_id, now - SERVED_WINDOW)
            members = session.scalars(
                select(MembershipRow.audience_id)
                .where(MembershipRow.reader_id == reader_id, MembershipRow.left_at.is_(None))
                .order_by(MembershipRow.audience_id)
                .limit(4)
            ).all()
        return _Visit(
            reader_id,
            session_id,
            page,
            frozenset(seen),
            frozenset(seen | served),
            frozenset(lately),
            tuple(members),
        )

    def _reader_id(self, app_reader_id: str, now: datetime) -> int:
        query = select(ReaderRow.id).where(ReaderRow.app_id == app_reader_id)
        with self._floor.db.reading() as session:
            known = session.scalar(query)
        if known is not None:
            return known
        ref = ReaderRef(app_id=app_reader_id)
        with self._floor.db.transaction() as session:
            return resolve_readers(session, [ref], now)[ref]

    def _remember(self, visit: _Visit, scene: str, items: Sequence[FeedItem]) -> None:
        row = FeedAnswerRow(
            trace_id=visit.trace_id,
            reader_id=visit.reader_id,
            scene=scene,
            entries=[_entry(item) for item in items],
            at=self._floor.clock.now(),
        )
        with self._floor.db.transaction() as session:
            session.add(row)

    def _replayed(self, visit: _Visit, size: int) -> FeedAnswer | None:
        """The same cursor asked twice gets the same page, less what was seen since."""
        if visit.page == 0:
            return None  # a session that has just been made up
        now = self._floor.clock.now()
        with self._floor.db.reading() as session:
            row = session.get(FeedAnswerRow, visit.trace_id)
            if row is None:
                return None
            if row.reader_id != visit.reader_id:
                raise InvalidInput("This cursor belongs to another reader", field="cursor")
            cards = load_items(session, [entry["item_id"] for entry in row.entries])
        items = [
            _from_entry(cards[entry["item_id"]], entry)
            for entry in row.entries
            if entry["item_id"] in cards
            and entry["item_id"] not in visit.seen
            and showable(cards[entry["item_id"]], now)
        ]
        cursor = _cursor(visit) if len(row.entries) >= size else None
        return FeedAnswer(tuple(items), visit.trace_id, cursor)


def _entry(item: FeedItem) -> dict[str, Any]:
    return {
        "item_id": item.card.id,
        "score": item.score,
        "parts": dict(item.parts),
        "reason": item.reason.code,
        "text": item.reason.text,
        "recalls": [str(recall) for recall in item.recalls],
    }


def _from_entry(card: ItemCard, entry: Mapping[str, Any]) -> FeedItem:
    return FeedItem(
        card=card,
        score=entry["score"],
        parts=entry["parts"],
        reason=Reason(entry["reason"], entry["text"]),
        recalls=tuple(Recall(name) for name in entry["recalls"]),
    )


@dataclass(frozen=True)
class _Why:
    """What reasons are made of."""

    persona: Persona

    def reason(
        self, card: ItemCard, recalls: tuple[Recall, ...], parts: Mapping[str, float]
    ) -> Reason:
        tags, categories = followed(self.persona)
        liked = next((tag for tag in tags if tag in card.tag_names), "")
        if not liked and card.category in categories:
            liked = category_label(card.category)
        facts = ReasonFacts(recalls, parts, liked, category_label(card.category))
        return reason(facts)


def showable(card: ItemCard, at: datetime) -> bool:
    """Published, on sale and licensed at this moment."""
    return card.state in _VISIBLE and card.in_stock and card.allowed(at, "in_app")


_VISIBLE = frozenset(state.value for state in VISIBLE_STATES)


def _candidate(item: ShelfItem, recalls: tuple[Recall, ...], served: bool) -> Candidate:
    return Candidate(
        id=item.id,
        works=item.works,
        author=item.author,
        category=item.match.category,
        source=item.source,
        recalls=recalls,
        served_before=served,
    )


def _check(app_reader_id: str, scene: str, size: int) -> None:
    if not 1 <= len(app_reader_id) <= LONGEST_ID:
        raise InvalidInput(f"reader_id: 1 to {LONGEST_ID} characters", field="reader_id")
    if not 1 <= len(scene) <= 24:
        raise InvalidInput("scene: 1 to 24 characters", field="scene")
    if not 1 <= size <= LARGEST_PAGE:
        raise InvalidInput(f"size: 1 to {LARGEST_PAGE}", field="size")


def _place(cursor: str | None) -> tuple[str, int]:
    if cursor is None:
        return secrets.token_hex(12), 0
    value = unpack_cursor(cursor)
    session, page = value.get("s"), value.get("p")
    if not isinstance(session, str) or not isinstance(page, int) or not 0 < page < 10_000:
        raise InvalidInput("This cursor is not one of ours", field="cursor")
    return session, page


def _cursor(visit: _Visit) -> str:
    return pack_cursor({"s": visit.session, "p": visit.page + 1})


def _served(session: Session, session_id: str, reader_id: int) -> set[int]:
    """Everything the pages of this cursor chain have shown."""
    query = select(FeedAnswerRow.entries).where(
        FeedAnswerRow.trace_id.startswith(f"{session_id}-", autoescape=True),
        FeedAnswerRow.reader_id == reader_id,
    )
    return {entry["item_id"] for entries in session.scalars(query) for entry in entries}


def _served_lately(session: Session, reader_id: int, since: datetime) -> set[int]:
    query = (
        select(FeedAnswerRow.entries)
        .where(FeedAnswerRow.reader_id == reader_id, FeedAnswerRow.at >= since)
        .order_by(FeedAnswerRow.at.desc())
        .limit(10)
    )
    return {entry["item_id"] for entries in session.scalars(query) for entry in entries}
