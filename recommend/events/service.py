"""Taking in what readers did: idempotent, in batches, bad events reported one by one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from contentcenter.domain.errors import Conflict, InvalidInput
from contentcenter.floor import Floor
from recommend.events.attribution import DIRECT
from recommend.events.incoming import (
    LONGEST_REF,
    EventCounts,
    IncomingEvent,
    PostLookup,
    PostRef,
    RejectedEvent,
    fault_of,
    filled,
    keep,
    no_posts,
    unknown_post,
)
from recommend.events.lookup import Look, look
from recommend.events.members import MOVE_KINDS, move_members
from recommend.events.storing import Prepared, put, store
from recommend.identity.turns import hold_order, read_joins
from recommend.readers import ReaderRef, meet_readers, resolve_readers, standing_for

__all__ = [
    "LARGEST_BATCH",
    "LONGEST_REF",
    "EventCounts",
    "EventService",
    "IncomingEvent",
    "PostLookup",
    "PostRef",
    "RejectedEvent",
]
LARGEST_BATCH = 5_000
# Events of one unit at most: it keeps other writers waiting for some 10 to 15 ms on SQLite. Apps
# report some hundreds at a time, seldom a round number.
AT_ONCE = 600
LOOKS = 4


@dataclass(frozen=True)
class _Looked:
    """What a look without holding anything led to. Nothing prepared: nothing to store."""

    found: Look
    prepared: Prepared | None


class EventService:
    """`record` is the only way events come in. `post_lookup` may be set later by the roof."""

    def __init__(self, floor: Floor, post_lookup: PostLookup = no_posts) -> None:
        self._floor = floor
        self.post_lookup = post_lookup

    def record(self, events: Sequence[IncomingEvent]) -> EventCounts:
        """Store a batch, a few hundred events a unit, and tell the learning job.

        The same `event_id` again is a duplicate, not an error; late events are fine. A report
        that fails half-way is told again as it was: what was stored of it are duplicates then.
        `InvalidInput` for a batch over 5,000; everything else is reported per event.
        """
        if len(events) > LARGEST_BATCH:
            raise InvalidInput(f"At most {LARGEST_BATCH} events in one call", limit=LARGEST_BATCH)
        now = self._floor.clock.now()
        bad: dict[int, RejectedEvent] = {}
        checked = keep(events, lambda one: fault_of(one, now), bad)
        checked = keep(self._with_posts(checked), unknown_post, bad)
        accepted = duplicates = 0
        for some in evenly(checked, AT_ONCE):
            found = self._stored(some, now)
            accepted, duplicates = accepted + len(found.fresh), duplicates + found.duplicates
            bad |= found.refused
        return EventCounts(accepted, duplicates, tuple(bad[index] for index in sorted(bad)))

    def _with_posts(self, events: Sequence[IncomingEvent]) -> Sequence[IncomingEvent]:
        codes = sorted({one.post_code for one in events if one.post_code})
        if not codes:
            return events
        known = self.post_lookup(codes)
        return [filled(one, known) for one in events]

    def _stored(self, events: Sequence[IncomingEvent], now: datetime) -> Look:
        """Looked up beside all others, then written at once; if something moved in between,
        looked up again, and at last while holding the order."""
        if not any(one.kind in MOVE_KINDS for one in events):
            for _ in range(LOOKS):
                looked = self._looked(events, now)
                if looked is None:
                    continue
                if looked.prepared is None or store(self._floor.db, looked.prepared, now):
                    return looked.found
        try:
            return self._stored_in_turn(events, now)
        except Conflict:  # the feed met one of the readers at this moment
            return self._stored_in_turn(events, now)

    def _looked(self, events: Sequence[IncomingEvent], now: datetime) -> _Looked | None:
        """None when somebody else wrote of the same readers at this moment."""
        with self._floor.db.connected() as connection:
            found = look(connection, events)
            joins = read_joins(connection)
            named = _named(found.fresh)
            readers: Mapping[ReaderRef, int] = standing_for(connection, named)
        if not found.fresh:
            return _Looked(found, None)
        if len(readers) < len(named):
            try:
                joins, readers = self._settled(named, readers, now)
            except Conflict:
                return None
            if len(readers) < len(named):
                return None
        return _Looked(found, Prepared([_row(one, readers, now) for one in found.fresh], joins))

    def _settled(
        self, named: Mapping[ReaderRef, str], known: Mapping[ReaderRef, int], now: datetime
    ) -> tuple[int, Mapping[ReaderRef, int]]:
        """All of these readers, after what had to be written about them was; with how often
        readers had been joined by then."""
        db = self._floor.db
        meet_readers(db, (ref for ref in named if ref not in known), now)
        with db.connected() as connection:
            joins, known = read_joins(connection), standing_for(connection, named)
        rest = [ref for ref in named if ref not in known]
        if not rest:
            return joins, known
        with db.transaction() as session:
            settled = resolve_readers(session, rest, now, named)
            connection = session.connection()
            # What stood before may have been joined just now.
            known = settled | standing_for(connection, [ref for ref in named if ref in known])
            return read_joins(connection), known

    def _stored_in_turn(self, events: Sequence[IncomingEvent], now: datetime) -> Look:
        """Memberships follow from all joins and leaves there are: these take turns."""
        with self._floor.db.transaction() as session:
            hold_order(session, now)
            found = look(session.connection(), events)
            if found.fresh:
                named = _named(found.fresh)
                readers = resolve_readers(session, list(named), now, named, held=True)
                rows = [_row(one, readers, now) for one in found.fresh]
                put(session, rows, now)
                move_members(session, rows)
        return found


def evenly(events: Sequence[IncomingEvent], most: int) -> Iterator[Sequence[IncomingEvent]]:
    """The events in as few parts of at most so many as it takes, none much smaller than the
    others: around its rows a part costs as much as twenty rows do."""
    size = -(-len(events) // max(-(-len(events) // most), 1))
    for start in range(0, len(events), size or 1):
        yield events[start : start + size]


def _named(events: Sequence[IncomingEvent]) -> dict[ReaderRef, str]:
    """References of readers, each with an event that brought it."""
    return {one.reader: one.event_id for one in events if one.reader}


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
