"""Looking at items: the full view of one, and pages of many."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, or_, select
from sqlalchemy.orm import Session

from contentcenter.domain.errors import InvalidInput, NotFound
from contentcenter.store import audit
from contentcenter.store.cards import BookCard, ItemCard, RightsCard, book_card, load_items
from contentcenter.store.tables import (
    BookRow,
    ContributorRow,
    ItemBookRow,
    ItemRow,
    ItemTagRow,
    RevisionRow,
    SourceRow,
    TagRow,
)
from ingest.quality import quality_parts

PAGE_MAX = 200


@dataclass(frozen=True)
class BookLink:
    book: BookCard
    origin: str
    confidence: float


@dataclass(frozen=True)
class Revision:
    number: int
    title: str
    summary: str
    body: str
    actor: str
    created_at: datetime


@dataclass(frozen=True)
class TrailLine:
    at: datetime
    actor: str
    action: str
    details: Mapping[str, Any]


@dataclass(frozen=True)
class ItemView:
    """One item with all an editor decides on. `quality_parts` sum to `card.quality`."""

    card: ItemCard
    body: str
    html: str
    category_origin: str
    source_ref: str | None
    contributor: str | None
    book_links: tuple[BookLink, ...]
    rights: tuple[RightsCard, ...]
    risks: tuple[Mapping[str, Any], ...]
    quality_parts: Mapping[str, float]
    failure: str
    reject_reason: str
    indexed: bool
    revisions: tuple[Revision, ...]
    trail: tuple[TrailLine, ...]


@dataclass(frozen=True)
class ItemFilter:
    """Conditions that all must hold; None asks nothing. `text` looks into title and author."""

    state: str | None = None
    kind: str | None = None
    source: str | None = None
    tag: str | None = None
    category: str | None = None
    text: str | None = None


@dataclass(frozen=True)
class ItemPage:
    items: tuple[ItemCard, ...]
    next_cursor: str | None


def view_item(session: Session, item_id: int) -> ItemView:
    """The full view. Raises `NotFound`."""
    row = session.get(ItemRow, item_id)
    if row is None:
        raise NotFound(f"没有编号为 {item_id} 的内容", item_id=item_id)
    card = load_items(session, [item_id])[item_id]
    owner = session.get(ContributorRow, row.contributor_id) if row.contributor_id else None
    return ItemView(
        card=card, body=row.body, html=row.html, category_origin=row.category_origin,
        source_ref=row.source_ref, contributor=owner.name if owner else None,
        book_links=_book_links(session, item_id), rights=card.rights, risks=tuple(row.risks),
        quality_parts=quality_parts(card, row.html), failure=row.failure,
        reject_reason=row.reject_reason, indexed=row.indexed_version == row.version,
        revisions=_revisions(session, item_id), trail=_trail(session, item_id),
    )  # fmt: skip


def _book_links(session: Session, item_id: int) -> tuple[BookLink, ...]:
    query = (
        select(ItemBookRow, BookRow)
        .join(BookRow, BookRow.id == ItemBookRow.book_id)
        .where(ItemBookRow.item_id == item_id)
        .order_by(ItemBookRow.position, BookRow.id)
    )
    return tuple(
        BookLink(book_card(book), link.origin, link.confidence)
        for link, book in session.execute(query)
    )


def _revisions(session: Session, item_id: int) -> tuple[Revision, ...]:
    query = select(RevisionRow).where(RevisionRow.item_id == item_id).order_by(RevisionRow.number)
    return tuple(
        Revision(row.number, row.title, row.summary, row.body, row.actor, row.created_at)
        for row in session.scalars(query)
    )


def _trail(session: Session, item_id: int) -> tuple[TrailLine, ...]:
    lines = audit.trail(session, "item", item_id)
    return tuple(TrailLine(line.at, line.actor, line.action, line.details) for line in lines)


def list_items(session: Session, wanted: ItemFilter, size: int, cursor: str | None) -> ItemPage:
    """One page, newest id first. The cursor is the last id seen: new items do not shift it."""
    if not 1 <= size <= PAGE_MAX:
        raise InvalidInput(f"size 要在 1 到 {PAGE_MAX} 之间", fields={"size": str(size)})
    query = _filtered(select(ItemRow.id), wanted)
    if cursor is not None:
        query = query.where(ItemRow.id < read_cursor(cursor))
    found = session.execute(query.order_by(ItemRow.id.desc()).limit(size + 1))
    ids = [item_id for (item_id,) in found]
    cards = load_items(session, ids[:size])
    return ItemPage(tuple(cards.values()), str(ids[size - 1]) if len(ids) > size else None)


def read_cursor(cursor: str) -> int:
    """The id in a cursor of ours. Raises `InvalidInput` for anything else."""
    if not cursor.isascii() or not cursor.isdigit() or len(cursor) > 18:
        raise InvalidInput("cursor 不是我们给出的", fields={"cursor": cursor[:40]})
    return int(cursor)


def _filtered(query: Select[int], wanted: ItemFilter) -> Select[int]:
    equal: Sequence[tuple[Any, str | None]] = (
        (ItemRow.state, wanted.state),
        (ItemRow.kind, wanted.kind),
        (ItemRow.category, wanted.category),
    )
    for column, value in equal:
        if value is not None:
            query = query.where(column == value)
    if wanted.source is not None:
        query = query.join(SourceRow, SourceRow.id == ItemRow.source_id)
        query = query.where(SourceRow.name == wanted.source)
    if wanted.tag is not None:
        tagged = select(ItemTagRow.item_id).join(TagRow, TagRow.id == ItemTagRow.tag_id)
        query = query.where(ItemRow.id.in_(tagged.where(TagRow.name == wanted.tag)))
    if wanted.text:
        like = [
            column.icontains(wanted.text, autoescape=True)
            for column in (ItemRow.title, ItemRow.author)
        ]
        query = query.where(or_(*like))
    return query
