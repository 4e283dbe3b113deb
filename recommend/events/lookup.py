"""What the store knows of a batch of reported events. Only reads: nobody waits for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Select, select

from contentcenter.store.tables import AudienceRow, EventRow, ItemRow
from recommend.among import among
from recommend.events.incoming import IncomingEvent, RejectedEvent, keep, unknown_thing


@dataclass(frozen=True)
class Look:
    """`fresh`: to be stored, with the audiences that were named by a reference. `refused`: by
    their place in the report."""

    fresh: Sequence[IncomingEvent]
    duplicates: int
    refused: dict[int, RejectedEvent]


def look(connection: Connection, events: Sequence[IncomingEvent]) -> Look:
    """Which of these are new, and which of the new ones speak of what is not there."""
    new = _without_known(connection, events)
    named = _with_audiences(connection, new)
    items = _existing(connection, _ITEMS, {one.item_id for one in named})
    audiences = _existing(connection, _AUDIENCES, {one.audience_id for one in named})
    refused: dict[int, RejectedEvent] = {}
    fresh = keep(named, lambda one: unknown_thing(one, items, audiences), refused)
    return Look(fresh, len(events) - len(new), refused)


def _without_known(
    connection: Connection, events: Sequence[IncomingEvent]
) -> Sequence[IncomingEvent]:
    told = {"ids": [one.event_id for one in events]}
    known = set(connection.execute(_KNOWN, told).scalars().all()) if events else set()
    fresh = []
    for one in events:
        if one.event_id not in known:
            known.add(one.event_id)
            fresh.append(one)
    return fresh


def _with_audiences(
    connection: Connection, events: Sequence[IncomingEvent]
) -> Sequence[IncomingEvent]:
    refs = sorted({one.audience_ref for one in events if one.audience_ref})
    if not refs:
        return events
    known: dict[str, int] = dict(connection.execute(_REFS, {"refs": refs}).all())
    return [
        one._replace(audience_id=one.audience_id or known.get(one.audience_ref))
        if one.audience_ref
        else one
        for one in events
    ]


def _existing(connection: Connection, query: Select[int], wanted: set[int | None]) -> set[int]:
    ids = sorted(one for one in wanted if one is not None)
    return set(connection.execute(query, {"ids": ids}).scalars().all()) if ids else set()


# Built once: putting a statement together costs as much as running it.
_KNOWN = select(EventRow.event_id).where(among(EventRow.event_id, "ids", texts=True))
_ITEMS = select(ItemRow.id).where(among(ItemRow.id, "ids"))
_AUDIENCES = select(AudienceRow.id).where(among(AudienceRow.id, "ids"))
_REFS: Any = select(AudienceRow.platform_ref, AudienceRow.id).where(
    among(AudienceRow.platform_ref, "refs", texts=True)
)
