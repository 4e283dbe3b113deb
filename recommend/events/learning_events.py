"""Stored events as learning needs them, each with the subjects it teaches.

An event teaches its reader and its audience. What a reader did alone (in the app, in search)
also teaches the audiences the reader belongs to, by a share: a group is its members. Who
belonged where is told by the joins and leaves that were stored before the event, so the
same events give the same lessons in whatever batches they are read.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import BindParameter, ColumnElement, Connection, bindparam, select

from contentcenter.domain.events import EventKind
from contentcenter.store.tables import EventRow
from contentcenter.store.tables.people import MOVES
from recommend.among import among
from recommend.personas.store import Subject, SubjectKey

_KINDS = {kind.value: kind for kind in EventKind}


class StoredEvent(NamedTuple):
    """`share` below 1: a member of the subject did this alone."""

    id: int
    kind: EventKind
    at: datetime
    reader_id: int | None
    audience_id: int | None
    item_id: int | None
    share: float = 1.0

    @property
    def alone(self) -> bool:
        return self.audience_id is None and self.reader_id is not None and self.item_id is not None


@dataclass(frozen=True)
class Move:
    """A join or a leave, in the order of arrival."""

    id: int
    audience_id: int
    at: datetime
    joined: bool


Moves = Mapping[int, Sequence[Move]]  # by reader


def audiences_at(moves: Sequence[Move], event: StoredEvent) -> list[int]:
    """Where the reader belonged when it happened, as far as was known before it was stored."""
    last: dict[int, Move] = {}
    for move in moves:
        known = last.get(move.audience_id)
        if move.id < event.id and move.at <= event.at and (known is None or known.at <= move.at):
            last[move.audience_id] = move
    return sorted(audience for audience, move in last.items() if move.joined)


def by_subject(
    events: Iterable[StoredEvent], moves: Moves, member_share: float
) -> dict[SubjectKey, list[StoredEvent]]:
    """Events by whom they teach, each list in the order of the ids."""
    groups: dict[SubjectKey, list[StoredEvent]] = defaultdict(list)
    for one in events:
        if one.audience_id is not None:
            groups[Subject.AUDIENCE, one.audience_id].append(one)
        if one.reader_id is not None:
            groups[Subject.READER, one.reader_id].append(one)
        own = moves.get(one.reader_id) if one.reader_id is not None else None
        if own and member_share and one.alone:
            for audience in audiences_at(own, one):
                groups[Subject.AUDIENCE, audience].append(one._replace(share=member_share))
    return dict(groups)


def load_moves(connection: Connection, events: Iterable[StoredEvent]) -> dict[int, list[Move]]:
    """Joins and leaves of the readers who did something alone here."""
    readers = sorted({one.reader_id for one in events if one.alone and one.reader_id is not None})
    out: dict[int, list[Move]] = defaultdict(list)
    if not readers:
        return out
    rows = connection.execute(_MOVES, {"readers": readers}).all()
    for reader, one, audience, at, kind in rows:
        out[reader].append(Move(one, audience, at, kind == EventKind.JOIN))
    return dict(out)


def waiting(connection: Connection, after: int, limit: int) -> list[StoredEvent]:
    """The next events above an id, by id."""
    told = {"after": after, "limit": limit}
    return [_stored(row) for row in connection.execute(_WAITING, told).all()]


def history(
    connection: Connection, subject: SubjectKey, span: tuple[int, int], limit: int
) -> list[StoredEvent]:
    """The next events after `span[0]`, up to `span[1]`, that may teach the subject: its own,
    and for an audience those of everyone who ever joined it."""
    kind, one = subject
    told = {"one": one, "after": span[0], "last": span[1], "limit": limit}
    queries = (_OF_READER,) if kind is Subject.READER else (_OF_AUDIENCE, _OF_MEMBERS)
    found = [_stored(row) for query in queries for row in connection.execute(query, told).all()]
    return sorted(found, key=lambda event: event.id)[:limit]


def _stored(row: Any) -> StoredEvent:
    one, kind, at, reader_id, audience_id, item_id = row
    return StoredEvent(one, _KINDS[kind], at, reader_id, audience_id, item_id)


def _by_id(*conditions: ColumnElement[bool]) -> Any:
    """The next events after an id, by id."""
    return (
        select(
            EventRow.id,
            EventRow.kind,
            EventRow.at,
            EventRow.reader_id,
            EventRow.audience_id,
            EventRow.item_id,
        )
        .where(EventRow.id > _id("after"), *conditions)
        .order_by(EventRow.id)
        .limit(_id("limit"))
    )


def _id(name: str) -> BindParameter[int]:
    return bindparam(name, type_=EventRow.id.type)


# Built once: putting a statement together costs as much as running it.
_MOVES: Any = (
    select(EventRow.reader_id, EventRow.id, EventRow.audience_id, EventRow.at, EventRow.kind)
    .where(MOVES, among(EventRow.reader_id, "readers"), EventRow.audience_id.is_not(None))
    .order_by(EventRow.id)
)
_WAITING = _by_id()
_JOINED = (
    select(EventRow.reader_id)
    .where(MOVES, EventRow.audience_id == _id("one"), EventRow.kind == EventKind.JOIN.value)
    .distinct()
)
_OF_READER = _by_id(EventRow.id <= _id("last"), EventRow.reader_id == _id("one"))
_OF_AUDIENCE = _by_id(EventRow.id <= _id("last"), EventRow.audience_id == _id("one"))
_OF_MEMBERS = _by_id(
    EventRow.id <= _id("last"), EventRow.audience_id.is_(None), EventRow.reader_id.in_(_JOINED)
)
