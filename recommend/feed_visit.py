"""Who asks for a feed, which page of which session, and what must not be shown."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from sqlalchemy import BindParameter, bindparam, select
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
    ref = ReaderRef(app_id=app_reader_id)
    with floor.db.reading() as session:
        reader_id = find_reader(session, ref)
        if reader_id is not None:
            return _known(session, reader_id, session_id, page, now)
    with floor.db.transaction() as session:
        reader_id = resolve_readers(session, [ref], now)[ref]
    with floor.db.reading() as session:
        return _known(session, reader_id, session_id, page, now)


def _known(session: Session, reader_id: int, session_id: str, page: int, now: datetime) -> Visit:
    seen = load_seen(session, reader_id)
    served = _served(session, session_id, reader_id) if page else set()
    told = {"reader": reader_id, "since": now - SERVED_WINDOW, "hidden_since": now - HIDDEN_KEPT}
    return Visit(
        reader_id=reader_id,
        session=session_id,
        page=page,
        seen=seen,
        barred=seen | served,
        served_lately=frozenset(_items(session.scalars(_LATELY, told))),
        served=len(served),
        hidden={row.item_id: row.at for row in session.execute(_HIDDEN, told)},
        audiences=tuple(session.scalars(_MEMBERS, told)),
    )


# Built once: putting a statement together costs as much as running it.
_READER: BindParameter[int] = bindparam("reader", type_=SeenRow.reader_id.type)
_MEMBERS = (
    select(MembershipRow.audience_id)
    .where(MembershipRow.reader_id == _READER, MembershipRow.left_at.is_(None))
    .order_by(MembershipRow.audience_id)
    .limit(4)
)
# What the reader waved away lately, newest first.
_HIDDEN = (
    select(SeenRow.item_id, SeenRow.at)
    .where(
        SeenRow.reader_id == _READER,
        SeenRow.hidden.is_(True),
        SeenRow.at >= bindparam("hidden_since", type_=SeenRow.at.type),
    )
    .order_by(SeenRow.at.desc(), SeenRow.item_id)
    .limit(HIDDEN_READ)
)
_LATELY = (
    select(FeedAnswerRow.entries)
    .where(
        FeedAnswerRow.reader_id == _READER,
        FeedAnswerRow.at >= bindparam("since", type_=FeedAnswerRow.at.type),
    )
    .order_by(FeedAnswerRow.at.desc())
    .limit(10)
)


def _items(answers: Iterable[Sequence[Mapping[str, Any]]]) -> set[int]:
    return {entry["item_id"] for entries in answers for entry in entries}


def _place(cursor: str | None) -> tuple[str, int]:
    if cursor is None:
        return secrets.token_hex(12), 0
    value = unpack_cursor(cursor)
    session, page = value.get("s"), value.get("p")
    if not isinstance(session, str) or not isinstance(page, int) or not 0 < page < 10_000:
        raise InvalidInput("This cursor is not one of ours", field="cursor")
    return session, page


def _served(session: Session, session_id: str, reader_id: int) -> set[int]:
    """Everything the pages of this cursor chain have shown."""
    query = select(FeedAnswerRow.entries).where(
        FeedAnswerRow.trace_id.startswith(f"{session_id}-", autoescape=True),
        FeedAnswerRow.reader_id == reader_id,
    )
    return _items(session.scalars(query))
