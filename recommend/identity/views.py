"""What is known of a reader, as values for pages and answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from contentcenter.store.tables import (
    AudienceRow,
    EventRow,
    ItemRow,
    MembershipRow,
    ReaderRow,
)
from recommend.events.seen import load_seen
from recommend.identity.joining import ID_FIELDS, group_of
from recommend.identity.tables import DueTask, ReaderJoinRow
from recommend.personas.service import FieldView

RECENT = 30


@dataclass(frozen=True)
class IdView:
    """One id, and the row it belongs to."""

    reader_id: int
    kind: str
    value: str


@dataclass(frozen=True)
class JoinView:
    """One line of the trail: `reader_id` joined `into_id`, on what evidence, and how it ended."""

    id: int
    state: str
    reader_id: int
    into_id: int | None
    why: str
    evidence: Mapping[str, Any]
    actor: str
    at: datetime
    ended_at: datetime | None
    ended_by: str
    ended_why: str


@dataclass(frozen=True)
class ConflictView(JoinView):
    """Evidence that was not followed; `claim` says what contradicts."""

    claim: str = ""


@dataclass(frozen=True)
class EventView:
    at: datetime
    kind: str
    item_id: int | None
    title: str
    attribution: str | None
    post_id: int | None
    trace_id: str | None


@dataclass(frozen=True)
class ReaderView:
    """A person: all ids, the rows joined under `id`, what they did and what is learned."""

    id: int
    created_at: datetime
    ids: tuple[IdView, ...]
    rows: tuple[int, ...]
    joins: tuple[JoinView, ...]
    counts: Mapping[str, int]
    seen: int
    audience_ids: tuple[int, ...]
    audiences: tuple[str, ...]
    events: tuple[EventView, ...]
    persona: tuple[FieldView, ...] = ()
    pending: tuple[DueTask, ...] = ()

    def with_persona(self, fields: Sequence[FieldView], pending: Sequence[DueTask]) -> ReaderView:
        return replace(self, persona=tuple(fields), pending=tuple(pending))


def view_reader(session: Session, root: ReaderRow) -> ReaderView:
    """Everything but the persona, read in the caller's session. `root` stands for itself."""
    group = group_of(session, root)
    rows = tuple(row.id for row in group)
    members = _members(session, root.id)
    return ReaderView(
        id=root.id,
        created_at=root.created_at,
        ids=tuple(_ids(group)),
        rows=rows,
        joins=tuple(_joins(session, rows)),
        counts=_counts(session, root.id),
        seen=len(load_seen(session, root.id)),
        audience_ids=tuple(one for one, _ in members),
        audiences=tuple(name for _, name in members),
        events=tuple(_events(session, root.id)),
    )


def join_view(row: ReaderJoinRow) -> JoinView:
    return JoinView(**_values(row))


def conflict_view(row: ReaderJoinRow) -> ConflictView:
    return ConflictView(**_values(row), claim=row.claim)


def _values(row: ReaderJoinRow) -> dict[str, Any]:
    names = (
        *("id", "state", "reader_id", "into_id", "why", "evidence", "actor", "at"),
        *("ended_at", "ended_by", "ended_why"),
    )
    return {name: getattr(row, name) for name in names}


def _ids(group: Sequence[ReaderRow]) -> list[IdView]:
    return [
        IdView(row.id, name, value)
        for row in group
        for name in ID_FIELDS
        if (value := getattr(row, name)) is not None
    ]


def _joins(session: Session, rows: Sequence[int]) -> list[JoinView]:
    query = (
        select(ReaderJoinRow)
        .where(or_(ReaderJoinRow.reader_id.in_(rows), ReaderJoinRow.into_id.in_(rows)))
        .order_by(ReaderJoinRow.id)
    )
    return [join_view(row) for row in session.scalars(query)]


def _counts(session: Session, reader_id: int) -> dict[str, int]:
    query = (
        select(EventRow.kind, func.count())
        .where(EventRow.reader_id == reader_id)
        .group_by(EventRow.kind)
    )
    return {row[0]: row[1] for row in session.execute(query)}


def _members(session: Session, reader_id: int) -> list[tuple[int, str]]:
    query = (
        select(AudienceRow.id, AudienceRow.name)
        .join(MembershipRow, MembershipRow.audience_id == AudienceRow.id)
        .where(MembershipRow.reader_id == reader_id, MembershipRow.left_at.is_(None))
        .order_by(AudienceRow.id)
        .limit(50)
    )
    return [(row[0], row[1]) for row in session.execute(query)]


def _events(session: Session, reader_id: int) -> list[EventView]:
    query = (
        select(EventRow, ItemRow.title)
        .outerjoin(ItemRow, ItemRow.id == EventRow.item_id)
        .where(EventRow.reader_id == reader_id)
        .order_by(EventRow.id.desc())
        .limit(RECENT)
    )
    return [
        EventView(
            at=row.at,
            kind=row.kind,
            item_id=row.item_id,
            title=title or "",
            attribution=row.attribution,
            post_id=row.attributed_post_id,
            trace_id=row.attributed_trace_id,
        )
        for row, title in session.execute(query)
    ]
