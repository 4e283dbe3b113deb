"""Stored events as attribution reads them, and its findings written back."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Connection,
    bindparam,
    case,
    func,
    literal_column,
    select,
    tuple_,
    update,
)
from sqlalchemy.orm import Session

from contentcenter.domain.events import EventKind
from contentcenter.store.tables import BookRow, EventRow, ItemBookRow
from contentcenter.store.tables.people import LOOSE
from recommend.among import among
from recommend.events.attribution import TOUCHES, Cause, Deed, Touched

CHUNK = 400
# Items about one work that are looked at; a work in more than that says little about any.
MOST_SIBLINGS = 200
_COLUMNS = (
    EventRow.id,
    EventRow.kind,
    EventRow.at,
    EventRow.reader_id,
    EventRow.item_id,
    EventRow.post_id,
    EventRow.trace_id,
    EventRow.order_ref,
    EventRow.value_fen,
    EventRow.attributed_post_id,
    EventRow.attributed_trace_id,
    EventRow.attribution,
    EventRow.refunded_event_id,
    EventRow.refunded_fen,
)
_PLAIN = 9
_TOUCH_KINDS = sorted(kind.value for kind in TOUCHES)
_THROUGH = EventRow.post_id.is_not(None) | EventRow.trace_id.is_not(None)
_MONEY = [EventKind.ORDER.value, EventKind.REFUND.value]
Pairs = Iterable[tuple[int, int]]
T = TypeVar("T")


@dataclass(frozen=True)
class NextDeeds:
    """The next stored events, from the id `first` to the id `last`.

    `deeds`: those that are no impressions. Of impressions, which are nine in ten, only the
    moments matter: they are in `touched`, with those of the clicks.
    """

    first: int
    last: int
    count: int
    deeds: Sequence[Deed]
    touched: Touched


def next_deeds(session: Session, after: int, limit: int) -> NextDeeds | None:
    """The next events above an id, at most `limit` of them; None when there is none."""
    told = {"after": after, "limit": limit}
    rows = session.connection().execute(_NEXT, told).all()
    if not rows:
        return None
    readers, counts, firsts, lasts, starts, ends = zip(*rows, strict=True)
    first, last = min(firsts), max(lasts)
    moments = {
        reader: (start, end)
        for reader, start, end in zip(readers, starts, ends, strict=True)
        if reader is not None and start is not None
    }
    deeds = _deeds(session, _ANSWERS, {"first": first, "last": last})
    return NextDeeds(first, last, sum(counts), deeds, moments)


def deeds_of(session: Session, reader_id: int) -> list[Deed]:
    """All events of one reader."""
    return _deeds(session, select(*_COLUMNS).where(EventRow.reader_id == reader_id))


def loose_within(session: Session, spans: Mapping[int, tuple[datetime, datetime]]) -> list[Deed]:
    """Responses without a reported cause, by readers, within a span of time for each."""
    found: list[Deed] = []
    for ids in _chunks(sorted(spans)):
        told = {
            "readers": ids,
            "start": min(spans[one][0] for one in ids),
            "end": max(spans[one][1] for one in ids),
        }
        for one in _deeds(session, _LOOSE, told):
            start, end = spans[one.reader_id or 0]
            if start <= one.at <= end:
                found.append(one)
    return found


def touches_of(session: Session, pairs: Pairs, start: datetime, end: datetime) -> list[Deed]:
    """Impressions and clicks through a post or an answer, of these (reader, item), in [start,
    end]."""
    wanted = (EventRow.at >= start, EventRow.at <= end, EventRow.kind.in_(_TOUCH_KINDS), _THROUGH)
    return _of_pairs(session, pairs, *wanted)


def money_of_pairs(session: Session, pairs: Pairs) -> list[Deed]:
    """Orders and refunds of these (reader, item)."""
    return _of_pairs(session, pairs, EventRow.kind.in_(_MONEY))


def money_of_refs(session: Session, refs: Iterable[str]) -> list[Deed]:
    """Orders and refunds that name one of these orders."""
    found: list[Deed] = []
    for some in _chunks(sorted(refs)):
        found += _deeds(session, _OF_REFS, {"refs": some})
    return found


def works_of(session: Session, item_ids: Iterable[int]) -> dict[int, set[int]]:
    """Works by item."""
    found: dict[int, set[int]] = defaultdict(set)
    wanted = sorted(set(item_ids))
    if wanted:
        for item, work in session.connection().execute(_WORKS, {"items": wanted}):
            found[item].add(work)
    return found


def items_of(session: Session, work_ids: Iterable[int]) -> dict[int, set[int]]:
    """Items by work, at most `MOST_SIBLINGS` of each."""
    found: dict[int, set[int]] = defaultdict(set)
    wanted = sorted(set(work_ids))
    if wanted:
        for work, item in session.connection().execute(_ITEMS, {"works": wanted}):
            if len(found[work]) < MOST_SIBLINGS:
                found[work].add(item)
    return found


def save_causes(connection: Connection, causes: Mapping[int, Cause]) -> None:
    """Write what events are attributed to."""
    rows = [
        {
            "event": one,
            "post": cause.post_id,
            "trace": cause.trace_id,
            "method": cause.method,
            "refunded": cause.refunded_event_id,
            "fen": cause.refunded_fen,
        }
        for one, cause in causes.items()
    ]
    if rows:
        connection.execute(_SAVE, rows)


def _of_pairs(session: Session, pairs: Pairs, *conditions: Any) -> list[Deed]:
    key = tuple_(EventRow.reader_id, EventRow.item_id)
    found: list[Deed] = []
    for some in _chunks(sorted(set(pairs))):
        found += _deeds(session, select(*_COLUMNS).where(key.in_(some), *conditions))
    return found


def _deeds(session: Session, query: Any, told: Mapping[str, Any] | None = None) -> list[Deed]:
    rows: Sequence[Any] = session.connection().execute(query, told or {}).all()
    return [Deed(*(*row[:_PLAIN], Cause(*row[_PLAIN:]))) for row in rows]


def _id(name: str) -> BindParameter[int]:
    return bindparam(name, type_=EventRow.id.type)


def _literals(kinds: Iterable[str]) -> list[ColumnElement[str]]:
    """Kinds as they stand in the text of a statement: partial indexes are chosen by it."""
    return [literal_column(f"'{kind}'") for kind in kinds]


def _chunks(values: Sequence[T]) -> Iterator[Sequence[T]]:
    for start in range(0, len(values), CHUNK):
        yield values[start : start + CHUNK]


# Built once: putting a statement together costs as much as running it.
_FOLLOWING = (
    select(
        EventRow.id,
        EventRow.reader_id,
        case((EventRow.kind.in_(_literals(_TOUCH_KINDS)) & _THROUGH, EventRow.at)).label("touch"),
    )
    .where(EventRow.id > _id("after"))
    .order_by(EventRow.id)
    .limit(_id("limit"))
    .subquery()
)
_NEXT = select(
    _FOLLOWING.c.reader_id,
    func.count(),
    func.min(_FOLLOWING.c.id),
    func.max(_FOLLOWING.c.id),
    func.min(_FOLLOWING.c.touch),
    func.max(_FOLLOWING.c.touch),
).group_by(_FOLLOWING.c.reader_id)
_ANSWERS = (
    select(*_COLUMNS)
    .where(
        EventRow.id >= _id("first"),
        EventRow.id <= _id("last"),
        EventRow.kind != literal_column(f"'{EventKind.IMPRESSION.value}'"),
    )
    .order_by(EventRow.id)
)
_LOOSE = select(*_COLUMNS).where(
    among(EventRow.reader_id, "readers"),
    EventRow.at >= bindparam("start", type_=EventRow.at.type),
    EventRow.at <= bindparam("end", type_=EventRow.at.type),
    LOOSE,
)
_OF_REFS = select(*_COLUMNS).where(
    among(EventRow.order_ref, "refs", texts=True),
    EventRow.order_ref.is_not(None),  # as the partial index says
    EventRow.kind.in_(_literals(_MONEY)),
)
_WORKS = (
    select(ItemBookRow.item_id, BookRow.work_id)
    .join(BookRow, BookRow.id == ItemBookRow.book_id)
    .where(among(ItemBookRow.item_id, "items"))
)
_ITEMS = (
    select(BookRow.work_id, ItemBookRow.item_id)
    .join(ItemBookRow, ItemBookRow.book_id == BookRow.id)
    .where(among(BookRow.work_id, "works"))
    .order_by(ItemBookRow.item_id.desc())
)
_EVENTS: Any = EventRow.__table__
_SAVE = (
    update(_EVENTS)
    .where(_EVENTS.c.id == bindparam("event"))
    .values(
        attributed_post_id=bindparam("post"),
        attributed_trace_id=bindparam("trace"),
        attribution=bindparam("method"),
        refunded_event_id=bindparam("refunded"),
        refunded_fen=bindparam("fen"),
    )
)
