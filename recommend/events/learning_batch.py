"""What a batch of events needs from the store to be learned from, in as few statements as it
takes and without the mapper: this runs for every event there is."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, bindparam, func, literal_column, select

from contentcenter.domain.events import EventKind
from contentcenter.store.tables import (
    AudienceRow,
    BookRow,
    EventRow,
    ItemBookRow,
    ItemRow,
    ItemTagRow,
    TagRow,
)
from recommend.among import among
from recommend.corpus import CorpusView
from recommend.events.learning_events import StoredEvent, by_subject, load_moves, waiting
from recommend.events.signals import CO_READ_DEPTH, LIKES, Signal
from recommend.identity.turns import EPOCH, read_states
from recommend.matching.memory import Memory
from recommend.matching.memory_store import load_memories
from recommend.personas.learned_store import LearnedPersona, load_learned
from recommend.personas.store import Subject, SubjectKey
from recommend.tables import ItemSignalRow

WATERMARK = "personas.events"


class PlainFacts(NamedTuple):
    """An item as personas learn it from the store: `ItemFacts` without the vector."""

    category: str
    tags: tuple[str, ...]
    price_fen: int | None


@dataclass(frozen=True)
class Surroundings:
    """What events are told with: items by id, time zones by audience; and how the items were
    answered before."""

    items: Mapping[int, PlainFacts]
    zones: Mapping[int, ZoneInfo]
    signals: Mapping[int, Signal]


@dataclass(frozen=True)
class Batch:
    """The next events, in the order of their ids, and what they meet in the store.

    `groups`: whom they teach. `liked`: what their readers liked before, newest first.
    `memories`: of the audiences that answered here. `epoch`: when all of this was read.
    """

    epoch: int
    events: Sequence[StoredEvent]
    groups: Mapping[SubjectKey, Sequence[StoredEvent]]
    personas: Mapping[SubjectKey, LearnedPersona]
    around: Surroundings
    liked: Mapping[int, Sequence[int]]
    memories: Mapping[int, Memory]


def read_batch(
    connection: Connection, limit: int, corpus: CorpusView, member_share: float
) -> Batch | None:
    """The next events behind the watermark, at most `limit` of them; None when there is none."""
    states = read_states(connection, WATERMARK, EPOCH)
    events = waiting(connection, int(states[WATERMARK].get("last_id", 0)), limit)
    if not events:
        return None
    groups = by_subject(events, load_moves(connection, events), member_share)
    audiences = sorted(one for kind, one in groups if kind is Subject.AUDIENCE)
    answering = [
        one for one in audiences if any(_answers(told) for told in groups[Subject.AUDIENCE, one])
    ]
    return Batch(
        epoch=int(states[EPOCH].get("n", 0)),
        events=events,
        groups=groups,
        personas=load_learned(connection, groups, corpus.model, corpus.dimension),
        around=read_surroundings(connection, events, audiences),
        liked=_liked_before(connection, events),
        memories=load_memories(connection, answering),
    )


def _answers(event: StoredEvent) -> bool:
    """Whether an audience may remember it: its own, and more than being shown."""
    return event.share >= 1.0 and event.kind is not EventKind.IMPRESSION


def read_surroundings(
    connection: Connection, events: Iterable[StoredEvent], audience_ids: Sequence[int]
) -> Surroundings:
    """Items of these events and zones of these audiences."""
    ids = {one.item_id for one in events if one.item_id is not None}
    items, signals = _items(connection, ids) if ids else ({}, {})
    return Surroundings(items, _zones(connection, audience_ids), signals)


def _items(
    connection: Connection, ids: Collection[int]
) -> tuple[dict[int, PlainFacts], dict[int, Signal]]:
    told = {"items": sorted(ids)}
    tags: dict[int, list[str]] = defaultdict(list)
    for item, tag in connection.execute(_TAGS, told).all():
        tags[item].append(tag)
    facts: dict[int, PlainFacts] = {}
    signals: dict[int, Signal] = {}
    for item, category, price, heat, *counts in connection.execute(_ITEMS, told).all():
        facts[item] = PlainFacts(category, tuple(tags.get(item, ())), price)
        if heat is not None:
            signals[item] = Signal(heat, *counts)
    return facts, signals


def _zones(connection: Connection, audience_ids: Sequence[int]) -> dict[int, ZoneInfo]:
    if not audience_ids:
        return {}
    rows = connection.execute(_ZONES, {"audiences": list(audience_ids)})
    return {one: ZoneInfo(name) for one, name in rows}


def _liked_before(connection: Connection, events: Sequence[StoredEvent]) -> dict[int, list[int]]:
    """What the readers who like something here liked before, newest first."""
    readers = {one.reader_id for one in events if one.reader_id is not None and one.kind in LIKES}
    out: dict[int, list[int]] = defaultdict(list)
    if readers:
        told = {"readers": sorted(readers), "before": events[0].id}
        for reader, item in connection.execute(_LIKED, told).all():
            out[reader].append(item)
    return dict(out)


# Built once: putting a statement together costs as much as running it.
_ITEMS = (
    select(
        ItemRow.id,
        ItemRow.category,
        select(func.min(BookRow.price_fen))
        .join(ItemBookRow, ItemBookRow.book_id == BookRow.id)
        .where(ItemBookRow.item_id == ItemRow.id)
        .scalar_subquery(),
        ItemSignalRow.heat,
        ItemSignalRow.shown,
        ItemSignalRow.liked,
        ItemSignalRow.orders,
        ItemSignalRow.day,
    )
    .outerjoin(ItemSignalRow, ItemSignalRow.item_id == ItemRow.id)
    .where(among(ItemRow.id, "items"))
)
_TAGS = (
    select(ItemTagRow.item_id, TagRow.name)
    .join(TagRow, TagRow.id == ItemTagRow.tag_id)
    .where(among(ItemTagRow.item_id, "items"))
    .order_by(ItemTagRow.item_id, ItemTagRow.confidence.desc(), TagRow.name)
)
_ZONES = select(AudienceRow.id, AudienceRow.timezone).where(among(AudienceRow.id, "audiences"))
# Each item counts where it was liked last.
_LAST_LIKED = (
    select(
        EventRow.reader_id,
        EventRow.item_id,
        func.max(EventRow.id).label("last"),
        func.row_number()
        .over(partition_by=EventRow.reader_id, order_by=func.max(EventRow.id).desc())
        .label("place"),
    )
    .where(
        among(EventRow.reader_id, "readers"),
        EventRow.kind.in_([literal_column(f"'{kind.value}'") for kind in sorted(LIKES)]),
        EventRow.id < bindparam("before", type_=EventRow.id.type),
        EventRow.item_id.is_not(None),
    )
    .group_by(EventRow.reader_id, EventRow.item_id)
    .subquery()
)
_LIKED = (
    select(_LAST_LIKED.c.reader_id, _LAST_LIKED.c.item_id)
    .where(_LAST_LIKED.c.place <= CO_READ_DEPTH)
    .order_by(_LAST_LIKED.c.reader_id, _LAST_LIKED.c.place)
)
