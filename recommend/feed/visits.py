"""Who asks for a feed, which page of which session, and what must not be shown."""

from __future__ import annotations

import hashlib
import secrets
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import chain
from typing import Any

import numpy as np
import orjson
from sqlalchemy import (
    BindParameter,
    ColumnElement,
    CompoundSelect,
    Connection,
    Integer,
    Select,
    SQLColumnExpression,
    Text,
    bindparam,
    cast,
    func,
    literal_column,
    null,
    or_,
    select,
    union_all,
)

from contentcenter.domain.errors import InvalidInput
from contentcenter.domain.events import EventKind
from contentcenter.floor import Floor
from contentcenter.store.tables import EventRow, MembershipRow, ReaderRow
from recommend.cursors import pack_cursor, unpack_cursor
from recommend.events.seen import load_archive
from recommend.events.signals import LIKES
from recommend.feed.answers import Answers, answered_to
from recommend.personas.store import Subject
from recommend.readers import ReaderRef, find_app_reader, meet_readers, standing_for
from recommend.tables import FeedAnswerRow, PersonaRow, SeenArchiveRow, SeenRow

SERVED_WINDOW = timedelta(hours=6)
HIDDEN_KEPT = timedelta(days=60)
HIDDEN_READ = 40
GROUPS_READ = 4
SERVED_READ = 10
# How many of a reader's latest likes the co-reading model is asked with.
HISTORY = 50


@dataclass(frozen=True)
class Mark:
    """What must be the same for a session to go on with what was ranked before: the reader's
    last event that is more than an impression, whether the persona has learned from it, and
    the groups. Read from the store at every page, so that all processes agree."""

    reader_id: int
    told: int
    learned: bool
    audiences: tuple[int, ...]

    def same_reader(self, other: Mark) -> bool:
        """The same but for what they did and what was learned of it."""
        return (self.reader_id, self.audiences) == (other.reader_id, other.audiences)


@dataclass(frozen=True)
class Visit:
    """`served` is how many items the session's earlier pages held; `answered` whether this
    page has been made before."""

    reader_id: int
    session: str
    page: int
    seen: frozenset[int]
    barred: frozenset[int]
    served: int
    mark: Mark
    answered: bool = False

    @property
    def audiences(self) -> tuple[int, ...]:
        return self.mark.audiences

    @property
    def trace_id(self) -> str:
        return trace_of(self.session, self.page)

    @property
    def cursor(self) -> str:
        """Of the page after this one."""
        return pack_cursor({"s": self.session, "p": self.page + 1})

    def luck(self) -> np.random.Generator:
        """Random numbers of this page alone: a logged draw can be repeated from its trace id."""
        digest = hashlib.sha256(self.trace_id.encode()).digest()
        return np.random.default_rng(int.from_bytes(digest[:8], "big"))


@dataclass(frozen=True)
class Past:
    """What a reader did lately: liked items newest first, waved away ones with their time,
    and what the feed offered them in the last hours."""

    liked: Sequence[int]
    hidden: Mapping[int, datetime]
    served_lately: frozenset[int]


class Visits:
    """Reads visits and pasts over the caller's connection. Safe for several threads."""

    def __init__(self, floor: Floor) -> None:
        self._floor = floor
        self._answers = Answers()

    def visit(self, connection: Connection, app_reader_id: str, cursor: str | None) -> Visit:
        """The visit; a reader is created on first sight. `InvalidInput` for a foreign cursor."""
        session_id, page = _place(cursor)
        facts = _facts(connection, _BY_APP_ID, {"app_id": app_reader_id})
        if "reader" not in facts:
            reader_id = self._met(connection, app_reader_id)
            facts = _facts(connection, _OF_READER, {"reader": reader_id})
        return self._known(connection, facts, session_id, page)

    def _met(self, connection: Connection, app_reader_id: str) -> int:
        """The reader under this app id: one that was joined into another, or a new one."""
        known = find_app_reader(connection, app_reader_id)
        if known is not None:
            return known
        met = ReaderRef(app_id=app_reader_id)
        meet_readers(self._floor.db, [met], self._floor.clock.now())
        return standing_for(connection, [met])[met]

    def past(self, connection: Connection, reader_id: int) -> Past:
        now = self._floor.clock.now()
        asked = {
            "reader": reader_id,
            "hidden_since": now - HIDDEN_KEPT,
            "served_since": now - SERVED_WINDOW,
        }
        liked: dict[int, int] = {}
        hidden: dict[int, datetime] = {}
        traces: list[str] = []
        for item, at, trace, event in connection.execute(_PAST, asked):
            if trace is not None:
                traces.append(trace)
            elif at is not None:
                hidden[item] = at
            else:
                liked[event] = item
        lately = self._answers.of(connection, traces)
        return Past(
            liked=_each_once(liked[event] for event in sorted(liked, reverse=True)),
            hidden=hidden,
            served_lately=frozenset(chain.from_iterable(lately.values())),
        )

    def _known(
        self, connection: Connection, facts: Mapping[str, list[int]], session_id: str, page: int
    ) -> Visit:
        mark = _mark(facts)
        reader_id, seen = mark.reader_id, frozenset(facts.get("seen", ()))
        if "archived" in facts:
            seen |= load_archive(connection, reader_id)
        pages = self._pages(connection, reader_id, session_id, page) if page else {}
        served = frozenset(one for items in pages.values() for one in items)
        return Visit(
            reader_id=reader_id,
            session=session_id,
            page=page,
            seen=seen,
            barred=seen | served,
            served=len(served),
            mark=mark,
            answered=page > 0 and trace_of(session_id, page) in pages,
        )

    def answered(self, trace_id: str, items: Sequence[int]) -> None:
        """Remember what was just answered, so that it need not be read again."""
        self._answers.keep({trace_id: tuple(items)})

    def _pages(
        self, connection: Connection, reader_id: int, session_id: str, page: int
    ) -> dict[str, tuple[int, ...]]:
        """Item ids of this session's pages by trace id."""
        pages = self._answers.of_session(connection, session_id, reader_id)
        if trace_of(session_id, page - 1) not in pages:
            owner = answered_to(connection, trace_of(session_id, page))
            if owner not in (None, reader_id):
                raise InvalidInput("This cursor belongs to another reader", field="cursor")
        return pages


def trace_of(session_id: str, page: int) -> str:
    return f"{session_id}-{page}"


def liked_by(connection: Connection, reader_id: int) -> list[int]:
    """What a reader liked last, newest first, each item once."""
    return _each_once(row.item for row in connection.execute(_LIKED, {"reader": reader_id}))


def _each_once(items: Iterable[int]) -> list[int]:
    return list(dict.fromkeys(items))[:HISTORY]


def _facts(
    connection: Connection, query: CompoundSelect[str, int, str], asked: Mapping[str, Any]
) -> dict[str, list[int]]:
    """What is known of a reader, in one round trip."""
    found: dict[str, list[int]] = defaultdict(list)
    for name, value, several in connection.execute(query, asked):
        found[name] += orjson.loads(f"[{several or ''}]") if value is None else (value,)
    return dict(found)


def _mark(facts: Mapping[str, list[int]]) -> Mark:
    told, learned = max(facts.get("told", (0,))), max(facts.get("learned", (0,)))
    groups = tuple(sorted(facts.get("groups", ()))[:GROUPS_READ])
    return Mark(facts["reader"][0], told, learned >= told, groups)


def _place(cursor: str | None) -> tuple[str, int]:
    if cursor is None:
        return secrets.token_hex(12), 0
    value = unpack_cursor(cursor)
    session, page = value.get("s"), value.get("p")
    # Letters and digits only: the session becomes a pattern of LIKE.
    if not isinstance(session, str) or not session.isalnum():
        raise InvalidInput("This cursor is not one of ours", field="cursor")
    if not isinstance(page, int) or not 0 < page < 10_000:
        raise InvalidInput("This cursor is not one of ours", field="cursor")
    return session, page


# Built once: putting a statement together costs as much as running it.
_READER: BindParameter[int] = bindparam("reader", type_=SeenRow.reader_id.type)


def _fact(
    name: str, value: SQLColumnExpression[int], *conditions: ColumnElement[bool]
) -> Select[str, int, str]:
    return select(_named(name), value, null().cast(Text)).where(*conditions)


def _facts_at_once(
    name: str, value: SQLColumnExpression[int], *conditions: ColumnElement[bool]
) -> Select[str, int, str]:
    """All numbers in one row, as a text: SQLite's driver gives the interpreter away for every
    row it steps to, and beside busy threads each time waits to get it back."""
    comma: ColumnElement[str] = literal_column("','")
    # A bound comma would be put into the statement anew at every execution.
    numbers = func.aggregate_strings(cast(value, Text), comma)  # type: ignore[arg-type]
    return select(_named(name), null().cast(Integer), numbers).where(*conditions)


def _named(fact: str) -> ColumnElement[str]:
    return literal_column(f"'{fact}'")


def _facts_of(who: ColumnElement[int]) -> CompoundSelect[str, int, str]:
    """Rows (fact, number, None) of a reader; (fact, None, numbers) where there may be many."""
    # The last event that says more than "was shown".
    told = (
        select(EventRow.id.label("id"))
        .where(EventRow.reader_id == who, EventRow.kind != EventKind.IMPRESSION.value)
        .order_by(EventRow.id.desc())
        .limit(1)
        .subquery()
    )
    member = MembershipRow.reader_id == who
    reader = (PersonaRow.subject == Subject.READER.value, PersonaRow.subject_id == who)
    return union_all(
        _fact("reader", ReaderRow.id, ReaderRow.id == who),
        _facts_at_once("seen", SeenRow.item_id, SeenRow.reader_id == who),
        _fact("archived", SeenArchiveRow.count, SeenArchiveRow.reader_id == who),
        _fact("groups", MembershipRow.audience_id, member, MembershipRow.left_at.is_(None)),
        _fact("told", told.c.id),
        # The last event that the persona has learned.
        _fact("learned", PersonaRow.seen_event_id, *reader),
    )


_OF_READER = _facts_of(_READER)
# A reader that was joined into another one is not found so.
_BY_APP_ID = _facts_of(
    select(ReaderRow.id)
    .where(
        ReaderRow.app_id == bindparam("app_id", type_=ReaderRow.app_id.type),
        ReaderRow.joined_into.is_(None),
    )
    .scalar_subquery()
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
_LIKED = (
    select(EventRow.item_id.label("item"), EventRow.id.label("event"))
    .where(
        EventRow.reader_id == _READER,
        or_(*(EventRow.kind == kind.value for kind in sorted(LIKES))),
        EventRow.item_id.is_not(None),
    )
    .order_by(EventRow.id.desc())
    .limit(2 * HISTORY)
)
# Answers of the last hours, newest first.
_SERVED = (
    select(FeedAnswerRow.trace_id.label("trace"))
    .where(
        FeedAnswerRow.reader_id == _READER,
        FeedAnswerRow.at >= bindparam("served_since", type_=FeedAnswerRow.at.type),
    )
    .order_by(FeedAnswerRow.at.desc())
    .limit(SERVED_READ)
)


def _past() -> CompoundSelect[Any]:
    """Rows (item, time it was hidden, trace, event): a liked item has its event, a hidden one
    its time, an answer its trace."""
    liked, hidden, served = _LIKED.subquery(), _HIDDEN.subquery(), _SERVED.subquery()
    no_number, no_time = null().cast(SeenRow.item_id.type), null().cast(SeenRow.at.type)
    no_trace = null().cast(FeedAnswerRow.trace_id.type)
    return union_all(
        select(liked.c.item, no_time, no_trace, liked.c.event),
        select(hidden.c.item_id, hidden.c.at, no_trace, no_number),
        select(no_number, no_time, served.c.trace, no_number),
    )


_PAST = _past()
