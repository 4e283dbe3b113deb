"""Who asks for a feed, which page of which session, and what must not be shown."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
from sqlalchemy import select
from sqlalchemy.orm import Session

from contentcenter.domain.errors import InvalidInput
from contentcenter.floor import Floor
from contentcenter.store.tables import MembershipRow
from recommend.cursors import pack_cursor, unpack_cursor
from recommend.readers import ReaderRef, find_reader, resolve_readers
from recommend.seen import load_seen
from recommend.tables import FeedAnswerRow, SeenRow

SERVED_WINDOW = timedelta(hours=6)
HIDDEN_KEPT = timedelta(days=60)
HIDDEN_READ = 40


@dataclass(frozen=True)
class Visit:
    """`served` is how many items the session's earlier pages held; `hidden` what the reader
    waved away lately, with its time."""

    reader_id: int
    session: str
    page: int
    seen: frozenset[int]
    barred: frozenset[int]
    served_lately: frozenset[int]
    served: int
    hidden: Mapping[int, datetime]
    audiences: tuple[int, ...]

    @property
    def trace_id(self) -> str:
        return f"{self.session}-{self.page}"

    @property
    def cursor(self) -> str:
        """Of the page after this one."""
        return pack_cursor({"s": self.session, "p": self.page + 1})

    def luck(self) -> np.random.Generator:
        """Random numbers of this page alone: a logged draw can be repeated from its trace id."""
        digest = hashlib.sha256(self.trace_id.encode()).digest()
        return np.random.default_rng(int.from_bytes(digest[:8], "big"))


def visit_of(floor: Floor, app_reader_id: str, cursor: str | None) -> Visit:
    """The visit; a reader is created on first sight. `InvalidInput` for a foreign cursor."""
    now = floor.clock.now()
    session_id, page = _place(cursor)
    reader_id = _reader_id(floor, ReaderRef(app_id=app_reader_id), now)
    with floor.db.reading() as session:
        seen = load_seen(session, reader_id)
        hidden = _hidden(session, reader_id, now - HIDDEN_KEPT)
        served = _served(session, session_id, reader_id) if page else set()
        lately = _served_lately(session, reader_id, now - SERVED_WINDOW)
        members = session.scalars(
            select(MembershipRow.audience_id)
            .where(MembershipRow.reader_id == reader_id, MembershipRow.left_at.is_(None))
            .order_by(MembershipRow.audience_id)
            .limit(4)
        ).all()
    return Visit(
        reader_id=reader_id,
        session=session_id,
        page=page,
        seen=seen,
        barred=seen | served,
        served_lately=frozenset(lately),
        served=len(served),
        hidden=hidden,
        audiences=tuple(members),
    )


def _place(cursor: str | None) -> tuple[str, int]:
    if cursor is None:
        return secrets.token_hex(12), 0
    value = unpack_cursor(cursor)
    session, page = value.get("s"), value.get("p")
    if not isinstance(session, str) or not isinstance(page, int) or not 0 < page < 10_000:
        raise InvalidInput("This cursor is not one of ours", field="cursor")
    return session, page


def _reader_id(floor: Floor, ref: ReaderRef, now: datetime) -> int:
    with floor.db.reading() as session:
        known = find_reader(session, ref)
    if known is not None:
        return known
    with floor.db.transaction() as session:
        return resolve_readers(session, [ref], now)[ref]


def _hidden(session: Session, reader_id: int, since: datetime) -> dict[int, datetime]:
    """What the reader waved away lately, newest first."""
    query = (
        select(SeenRow.item_id, SeenRow.at)
        .where(SeenRow.reader_id == reader_id, SeenRow.hidden.is_(True), SeenRow.at >= since)
        .order_by(SeenRow.at.desc(), SeenRow.item_id)
        .limit(HIDDEN_READ)
    )
    return {row.item_id: row.at for row in session.execute(query)}


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
