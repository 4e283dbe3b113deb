"""What a batch of events needs from the store to be learned from, in as few statements as it
takes and without the mapper: this runs for every event there is."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar
from zoneinfo import ZoneInfo

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from contentcenter.store.tables import (
    AudienceRow,
    BookRow,
    EventRow,
    ItemBookRow,
    ItemRow,
    ItemTagRow,
    TagRow,
)
from recommend.corpus import CorpusView
from recommend.events.learning_events import (
    StoredEvent,
    SubjectKey,
    by_subject,
    load_moves,
    waiting,
)
from recommend.events.signals import CO_READ_DEPTH, LIKES
from recommend.identity.turns import read_epoch
from recommend.matching.memory import Memory
from recommend.matching.memory_store import load_memories
from recommend.personas.store import StoredPersona, Subject, load_personas

_CHUNK = 500
_MOST_LIKES = 20_000
_Value = TypeVar("_Value")


@dataclass(frozen=True)
class PlainFacts:
    """An item as personas learn it from the store: `ItemFacts` without the vector."""

    category: str
    tags: tuple[str, ...]
    price_fen: int | None


@dataclass(frozen=True)
class Surroundings:
    """What events are told with: items by id, time zones by audience."""

    items: Mapping[int, PlainFacts]
    zones: Mapping[int, ZoneInfo]


@dataclass(frozen=True)
class Batch:
    """The next events, in the order of their ids, and what they meet in the store.

    `groups`: whom they teach. `liked`: what their readers liked before, newest first.
    `memories`: of the audiences among the groups. `epoch`: when all of this was read.
    """

    epoch: int
    events: Sequence[StoredEvent]
    groups: Mapping[SubjectKey, Sequence[StoredEvent]]
    personas: Mapping[SubjectKey, StoredPersona]
    around: Surroundings
    liked: Mapping[int, Sequence[int]]
    memories: Mapping[int, Memory]


def read_batch(
    session: Session, span: tuple[int, int], corpus: CorpusView, member_share: float
) -> Batch | None:
    """The next events after `span[0]`, at most `span[1]` of them; None when there is none."""
    epoch = read_epoch(session)
    events = waiting(session, *span)
    if not events:
        return None
    groups = by_subject(events, load_moves(session, events), member_share)
    audiences = sorted(one for kind, one in groups if kind is Subject.AUDIENCE)
    return Batch(
        epoch=epoch,
        events=events,
        groups=groups,
        personas=_personas(session, groups, corpus),
        around=read_surroundings(session, events, audiences),
        liked=_liked_before(session, events),
        memories=load_memories(session, audiences),
    )


def read_surroundings(
    session: Session, events: Iterable[StoredEvent], audience_ids: Sequence[int]
) -> Surroundings:
    """Items of these events and zones of these audiences."""
    items = {one.item_id for one in events if one.item_id is not None}
    return Surroundings(_plain_facts(session, items), _zones(session, audience_ids))


def _plain_facts(session: Session, ids: Collection[int]) -> dict[int, PlainFacts]:
    tags: dict[int, list[str]] = defaultdict(list)
    prices: dict[int, int | None] = {}
    categories: dict[int, str] = {}
    for some in _chunks(sorted(ids)):
        for item, category in session.execute(
            select(ItemRow.id, ItemRow.category).where(ItemRow.id.in_(some))
        ):
            categories[item] = category
        for item, tag in session.execute(
            select(ItemTagRow.item_id, TagRow.name)
            .join(TagRow, TagRow.id == ItemTagRow.tag_id)
            .where(ItemTagRow.item_id.in_(some))
            .order_by(ItemTagRow.item_id, ItemTagRow.confidence.desc(), TagRow.name)
        ):
            tags[item].append(tag)
        for item, price in session.execute(
            select(ItemBookRow.item_id, func.min(BookRow.price_fen))
            .join(BookRow, BookRow.id == ItemBookRow.book_id)
            .where(ItemBookRow.item_id.in_(some))
            .group_by(ItemBookRow.item_id)
        ):
            prices[item] = price
    return {
        one: PlainFacts(category, tuple(tags.get(one, ())), prices.get(one))
        for one, category in categories.items()
    }


def _zones(session: Session, audience_ids: Sequence[int]) -> dict[int, ZoneInfo]:
    return {
        row.id: ZoneInfo(row.timezone)
        for some in _chunks(audience_ids)
        for row in session.execute(
            select(AudienceRow.id, AudienceRow.timezone).where(AudienceRow.id.in_(some))
        )
    }


def _personas(
    session: Session, groups: Iterable[SubjectKey], corpus: CorpusView
) -> dict[SubjectKey, StoredPersona]:
    out: dict[SubjectKey, StoredPersona] = {}
    keys = list(groups)
    for subject in Subject:
        ids = [one for kind, one in keys if kind is subject]
        found = load_personas(session, subject, ids, corpus.model, corpus.dimension)
        out.update({(subject, one): persona for one, persona in found.items()})
    return out


def _liked_before(session: Session, events: Sequence[StoredEvent]) -> dict[int, list[int]]:
    """What the readers of this batch liked before it, newest first."""
    readers = {one.reader_id for one in events if one.reader_id is not None and one.kind in LIKES}
    likes = [kind.value for kind in LIKES]
    out: dict[int, list[int]] = defaultdict(list)
    for some in _chunks(sorted(readers)):
        query = (
            select(EventRow.reader_id, EventRow.item_id)
            .where(
                EventRow.reader_id.in_(some),
                EventRow.kind.in_(likes),
                EventRow.id < events[0].id,
            )
            .order_by(EventRow.id.desc())
            .limit(_MOST_LIKES)
        )
        for reader, item in session.execute(query):
            _add_liked(out, reader, item)
    return dict(out)


def _add_liked(liked: dict[int, list[int]], reader: int | None, item: int | None) -> None:
    if reader is None or item is None:
        return
    own = liked[reader]
    if item not in own and len(own) < CO_READ_DEPTH:
        own.append(item)


def _chunks(values: Sequence[_Value]) -> Iterator[Sequence[_Value]]:
    for start in range(0, len(values), _CHUNK):
        yield values[start : start + _CHUNK]
