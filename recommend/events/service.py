"""Taking in what readers did: idempotent, in batches, bad events reported one by one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from contentcenter.domain.errors import InvalidInput
from contentcenter.domain.events import AUDIENCE_EVENTS, EventKind
from contentcenter.domain.facts import EventsRecorded
from contentcenter.floor import Floor
from contentcenter.store import outbox
from contentcenter.store.tables import AudienceRow, EventRow, ItemRow
from recommend.among import among
from recommend.events.attribution import DIRECT
from recommend.events.members import move_members
from recommend.events.seen import mark_seen
from recommend.identity.turns import hold_order
from recommend.readers import ReaderRef, resolve_readers
from recommend.upserts import insert_all

LARGEST_BATCH = 5_000
LONGEST_REF = 80
_KINDS = frozenset(EventKind)
AHEAD = timedelta(minutes=10)


@dataclass(frozen=True)
class PostRef:
    """What a tracked post code stands for."""

    post_id: int
    item_id: int
    audience_id: int


PostLookup = Callable[[Sequence[str]], Mapping[str, PostRef]]


@dataclass(frozen=True)
class IncomingEvent:
    """One reported event. `index` is its place in the report; `at` None means now."""

    index: int
    event_id: str
    kind: str
    reader: ReaderRef | None = None
    item_id: int | None = None
    post_id: int | None = None
    post_code: str | None = None
    audience_id: int | None = None
    audience_ref: str | None = None
    trace_id: str | None = None
    order_ref: str | None = None
    value_fen: int | None = None
    at: datetime | None = None


@dataclass(frozen=True)
class RejectedEvent:
    index: int
    event_id: str
    reason: str


@dataclass(frozen=True)
class EventCounts:
    accepted: int
    duplicates: int
    rejected: tuple[RejectedEvent, ...]


def no_posts(codes: Sequence[str]) -> Mapping[str, PostRef]:  # noqa: ARG001
    """The lookup of a hub without distribution: no code is known."""
    return {}


class EventService:
    """`record` is the only way events come in. `post_lookup` may be set later by the roof."""

    def __init__(self, floor: Floor, post_lookup: PostLookup = no_posts) -> None:
        self._floor = floor
        self.post_lookup = post_lookup

    def record(self, events: Sequence[IncomingEvent]) -> EventCounts:
        """Store a batch in one transaction and tell the learning job.

        The same `event_id` again is a duplicate, not an error; late events are fine.
        `InvalidInput` for a batch over 5,000; everything else is reported per event.
        """
        if len(events) > LARGEST_BATCH:
            raise InvalidInput(f"At most {LARGEST_BATCH} events in one call", limit=LARGEST_BATCH)
        now = self._floor.clock.now()
        bad: dict[int, RejectedEvent] = {}
        checked = _keep(events, lambda one: _fault(one, now), bad)
        checked = _keep(self._with_posts(checked), _unknown_post, bad)
        with self._floor.db.transaction() as session:
            accepted, duplicates = self._store(session, checked, bad, now)
        rejected = tuple(bad[index] for index in sorted(bad))
        return EventCounts(accepted, duplicates, rejected)

    def _with_posts(self, events: Sequence[IncomingEvent]) -> list[IncomingEvent]:
        codes = sorted({one.post_code for one in events if one.post_code})
        known = self.post_lookup(codes) if codes else {}
        return [_filled(one, known) for one in events]

    def _store(
        self,
        session: Session,
        events: Sequence[IncomingEvent],
        bad: dict[int, RejectedEvent],
        now: datetime,
    ) -> tuple[int, int]:
        hold_order(session, now)
        fresh = _without_known(session, events)
        duplicates = len(events) - len(fresh)
        fresh = _with_audiences(session, fresh)
        items, audiences = _known_items(session, fresh), _known_audiences(session, fresh)
        fresh = _keep(fresh, lambda one: _unknown_thing(one, items, audiences), bad)
        if not fresh:
            return 0, duplicates
        named = {one.reader: one.event_id for one in fresh if one.reader}
        readers = resolve_readers(session, list(named), now, named, held=True)
        rows = [_row(one, readers, now) for one in fresh]
        insert_all(session, EventRow, rows)
        last = session.connection().execute(_LAST).scalar_one()
        # Nobody else inserts while the order is held: the ids are those before the last.
        first = last - len(rows) + 1
        mark_seen(session, rows)
        move_members(session, rows)
        outbox.record(session, EventsRecorded(first, last), now)
        return len(fresh), duplicates


def _keep(
    events: Iterable[IncomingEvent],
    fault: Callable[[IncomingEvent], str | None],
    bad: dict[int, RejectedEvent],
) -> list[IncomingEvent]:
    """Events without a fault; the others go to `bad` with their reason."""
    good = []
    for one in events:
        reason = fault(one)
        if reason is None:
            good.append(one)
        else:
            bad[one.index] = RejectedEvent(one.index, one.event_id, reason)
    return good


def _fault(event: IncomingEvent, now: datetime) -> str | None:
    """Why an event cannot be taken as it is, or None."""
    if not 1 <= len(event.event_id) <= 80:
        return "event_id: 1 to 80 characters are needed"
    if event.kind not in _KINDS:
        return f"kind: {event.kind!r} is not one of {', '.join(EventKind)}"
    return _odd_time(event, now) or _too_long(event) or _missing(event)


def _odd_time(event: IncomingEvent, now: datetime) -> str | None:
    if event.at is None:
        return None
    if event.at.tzinfo is None:
        return "at: a time zone is needed"
    return "at: lies in the future" if event.at > now + AHEAD else None


def _too_long(event: IncomingEvent) -> str | None:
    if event.trace_id is not None and len(event.trace_id) > 40:
        return "trace_id: at most 40 characters"
    if event.order_ref is not None and len(event.order_ref) > LONGEST_REF:
        return f"order_ref: at most {LONGEST_REF} characters"
    return None


def _missing(event: IncomingEvent) -> str | None:
    if event.kind in AUDIENCE_EVENTS:
        there = event.audience_id or event.audience_ref or event.post_code
        return None if there else "audience_id: this kind of event needs an audience"
    if event.item_id is None and not event.post_code:
        return "item_id: this kind of event needs an item or a post_code"
    if event.reader is None and not (event.audience_id or event.audience_ref or event.post_code):
        return "reader_id: a reader or an audience is needed"
    return None


def _filled(event: IncomingEvent, posts: Mapping[str, PostRef]) -> IncomingEvent:
    post = posts.get(event.post_code or "")
    if post is None:
        return event
    return replace(
        event,
        post_code=None,
        post_id=post.post_id,
        item_id=event.item_id or post.item_id,
        audience_id=event.audience_id or post.audience_id,
    )


def _unknown_post(event: IncomingEvent) -> str | None:
    return f"post_code: there is no post {event.post_code}" if event.post_code else None


def _unknown_thing(event: IncomingEvent, items: set[int], audiences: set[int]) -> str | None:
    if event.item_id is not None and event.item_id not in items:
        return f"item_id: there is no item {event.item_id}"
    if event.audience_ref is not None and event.audience_id is None:
        return f"audience_ref: there is no audience {event.audience_ref}"
    if event.audience_id is not None and event.audience_id not in audiences:
        return f"audience_id: there is no audience {event.audience_id}"
    return None


def _without_known(session: Session, events: Sequence[IncomingEvent]) -> list[IncomingEvent]:
    told = {"ids": [one.event_id for one in events]}
    known = set(session.connection().execute(_KNOWN, told).scalars())
    fresh = []
    for one in events:
        if one.event_id not in known:
            known.add(one.event_id)
            fresh.append(one)
    return fresh


def _with_audiences(session: Session, events: Sequence[IncomingEvent]) -> list[IncomingEvent]:
    refs = sorted({one.audience_ref for one in events if one.audience_ref})
    if not refs:
        return list(events)
    query = select(AudienceRow.platform_ref, AudienceRow.id).where(
        AudienceRow.platform_ref.in_(refs)
    )
    known = {row.platform_ref: row.id for row in session.execute(query)}
    return [
        replace(one, audience_id=one.audience_id or known.get(one.audience_ref))
        if one.audience_ref
        else one
        for one in events
    ]


def _known_items(session: Session, events: Sequence[IncomingEvent]) -> set[int]:
    return _existing(session, _ITEMS, {one.item_id for one in events if one.item_id})


def _known_audiences(session: Session, events: Sequence[IncomingEvent]) -> set[int]:
    return _existing(session, _AUDIENCES, {one.audience_id for one in events if one.audience_id})


def _existing(session: Session, query: Select[int], wanted: set[int]) -> set[int]:
    if not wanted:
        return set()
    return set(session.connection().execute(query, {"ids": sorted(wanted)}).scalars())


# Built once: putting a statement together costs as much as running it.
_KNOWN = select(EventRow.event_id).where(among(EventRow.event_id, "ids", texts=True))
_ITEMS = select(ItemRow.id).where(among(ItemRow.id, "ids"))
_AUDIENCES = select(AudienceRow.id).where(among(AudienceRow.id, "ids"))
_LAST = select(func.max(EventRow.id))


def _row(event: IncomingEvent, readers: Mapping[ReaderRef, int], now: datetime) -> dict[str, Any]:
    return {
        "event_id": event.event_id,
        "kind": event.kind,
        "reader_id": readers[event.reader] if event.reader else None,
        "audience_id": event.audience_id,
        "item_id": event.item_id,
        "post_id": event.post_id,
        "trace_id": event.trace_id,
        "order_ref": event.order_ref,
        "value_fen": event.value_fen,
        "attributed_post_id": event.post_id,
        "attributed_trace_id": event.trace_id,
        "attribution": DIRECT if event.post_id or event.trace_id else None,
        "at": event.at or now,
        "received_at": now,
    }
