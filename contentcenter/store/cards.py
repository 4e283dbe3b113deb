"""Reading models: an item or an audience with all that decisions and screens need.

A card is a plain value, safe to hand to pure code and to keep after the session is closed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from contentcenter.store.tables import (
    AudienceRow,
    BookRow,
    ChannelRow,
    ItemBookRow,
    ItemRow,
    ItemTagRow,
    RightsRow,
    SourceRow,
    TagRow,
)


@dataclass(frozen=True)
class BookCard:
    id: int
    work_id: int
    isbn: str | None
    title: str
    author: str
    translator: str
    publisher: str
    price_fen: int | None
    stock: int | None
    category: str
    cover: str
    published_on: str = ""

    @property
    def year(self) -> int | None:
        """When it came out; None when unknown."""
        year = self.published_on[:4]
        return int(year) if len(year) == 4 and year.isdecimal() and int(year) else None

    @property
    def in_stock(self) -> bool:
        """Unknown stock counts as there: most suppliers do not tell."""
        return self.stock is None or self.stock > 0


@dataclass(frozen=True)
class TagCard:
    name: str
    origin: str
    confidence: float


@dataclass(frozen=True)
class RightsCard:
    """Empty `channel_kinds` allows every kind; an open end is None."""

    starts_at: datetime | None
    ends_at: datetime | None
    channel_kinds: tuple[str, ...]

    def allows(self, at: datetime, channel_kind: str | None = None) -> bool:
        if self.starts_at is not None and at < self.starts_at:
            return False
        if self.ends_at is not None and at >= self.ends_at:
            return False
        return channel_kind is None or not self.channel_kinds or channel_kind in self.channel_kinds


@dataclass(frozen=True)
class ItemCard:
    id: int
    kind: str
    form: str
    state: str
    title: str
    summary: str
    text: str
    author: str
    category: str
    cover: str
    source: str
    source_trusted: bool
    quality: float
    version: int
    content_hash: str
    duplicate_of: int | None
    created_at: datetime
    updated_at: datetime
    published_at: datetime | None
    books: tuple[BookCard, ...] = ()
    tags: tuple[TagCard, ...] = ()
    rights: tuple[RightsCard, ...] = field(default=())

    @property
    def tag_names(self) -> tuple[str, ...]:
        return tuple(tag.name for tag in self.tags)

    @property
    def works(self) -> tuple[int, ...]:
        return tuple(dict.fromkeys(book.work_id for book in self.books))

    @property
    def years(self) -> tuple[int, ...]:
        """When its books came out, each year once."""
        return tuple(dict.fromkeys(book.year for book in self.books if book.year is not None))

    @property
    def price_fen(self) -> int | None:
        """Lowest price of the linked books; None when no linked book has one."""
        prices = [book.price_fen for book in self.books if book.price_fen is not None]
        return min(prices) if prices else None

    @property
    def in_stock(self) -> bool:
        """An item about books needs at least one that can be bought."""
        return not self.books or any(book.in_stock for book in self.books)

    def allowed(self, at: datetime, channel_kind: str | None = None) -> bool:
        """Whether some licence covers this moment and channel; no licence row = allowed."""
        return not self.rights or any(window.allows(at, channel_kind) for window in self.rights)


@dataclass(frozen=True)
class AudienceCard:
    id: int
    kind: str
    name: str
    description: str
    platform_ref: str
    owner_userid: str
    size: int
    tags: tuple[str, ...]
    categories: tuple[str, ...]
    price_ceiling_fen: int | None
    reading_age: int | None
    timezone: str
    quiet_from: str
    quiet_until: str
    cap_per_day: int | None
    cap_per_week: int | None
    cool_down_hours: float
    auto_approve: bool
    state: str
    version: int
    channel_id: int
    channel_kind: str
    channel_name: str
    channel_account: str
    channel_state: str


def load_items(session: Session, ids: Sequence[int]) -> dict[int, ItemCard]:
    """Cards by id, in the order asked; unknown ids are left out."""
    found: dict[int, tuple[ItemRow, SourceRow]] = {}
    for chunk in _chunks(ids):
        query = (
            select(ItemRow, SourceRow)
            .join(SourceRow, SourceRow.id == ItemRow.source_id)
            .where(ItemRow.id.in_(chunk))
        )
        found.update({item.id: (item, source) for item, source in session.execute(query)})
    books = _books(session, list(found))
    tags = _tags(session, list(found))
    rights = _rights(session, found)
    return {
        item_id: _item_card(*found[item_id], books[item_id], tags[item_id], rights[item_id])
        for item_id in dict.fromkeys(ids)
        if item_id in found
    }


def load_audiences(session: Session, ids: Sequence[int] | None = None) -> dict[int, AudienceCard]:
    """Audience cards by id (default: all), ordered by id."""
    query = (
        select(AudienceRow, ChannelRow)
        .join(ChannelRow, ChannelRow.id == AudienceRow.channel_id)
        .order_by(AudienceRow.id)
    )
    if ids is not None:
        query = query.where(AudienceRow.id.in_(ids))
    return {row.id: _audience_card(row, channel) for row, channel in session.execute(query)}


def _chunks(ids: Sequence[int], size: int = 500) -> list[Sequence[int]]:
    # SQLite takes a bounded number of variables in one statement.
    return [ids[start : start + size] for start in range(0, len(ids), size)]


def _books(session: Session, ids: Sequence[int]) -> Mapping[int, list[BookCard]]:
    out: dict[int, list[BookCard]] = defaultdict(list)
    for chunk in _chunks(ids):
        query = (
            select(ItemBookRow.item_id, BookRow)
            .join(BookRow, BookRow.id == ItemBookRow.book_id)
            .where(ItemBookRow.item_id.in_(chunk))
            .order_by(ItemBookRow.item_id, ItemBookRow.position, BookRow.id)
        )
        for item_id, book in session.execute(query):
            out[item_id].append(book_card(book))
    return out


def book_card(book: BookRow) -> BookCard:
    return BookCard(
        id=book.id,
        work_id=book.work_id,
        isbn=book.isbn,
        title=book.title,
        author=book.author,
        translator=book.translator,
        publisher=book.publisher,
        price_fen=book.price_fen,
        stock=book.stock,
        category=book.category,
        cover=book.cover,
        published_on=book.published_on,
    )


def _tags(session: Session, ids: Sequence[int]) -> Mapping[int, list[TagCard]]:
    out: dict[int, list[TagCard]] = defaultdict(list)
    for chunk in _chunks(ids):
        query = (
            select(ItemTagRow, TagRow.name)
            .join(TagRow, TagRow.id == ItemTagRow.tag_id)
            .where(ItemTagRow.item_id.in_(chunk))
            .order_by(ItemTagRow.item_id, ItemTagRow.confidence.desc(), TagRow.name)
        )
        for row, name in session.execute(query):
            out[row.item_id].append(TagCard(name, row.origin, row.confidence))
    return out


def _rights(
    session: Session, items: Mapping[int, tuple[ItemRow, SourceRow]]
) -> Mapping[int, list[RightsCard]]:
    """A licence of the item itself wins over its contributor's general ones."""
    out: dict[int, list[RightsCard]] = defaultdict(list)
    owners = {item.contributor_id for item, _ in items.values() if item.contributor_id is not None}
    if not owners:
        return out
    query = select(RightsRow).where(
        RightsRow.contributor_id.in_(owners),
        or_(RightsRow.item_id.is_(None), RightsRow.item_id.in_(items)),
    )
    general: dict[int, list[RightsCard]] = defaultdict(list)
    for row in session.scalars(query):
        card = RightsCard(row.starts_at, row.ends_at, tuple(row.channel_kinds))
        if row.item_id is None:
            general[row.contributor_id].append(card)
        else:
            out[row.item_id].append(card)
    for item, _ in items.values():
        if item.contributor_id is not None and item.id not in out:
            out[item.id] = general[item.contributor_id]
    return out


def _item_card(
    item: ItemRow,
    source: SourceRow,
    books: list[BookCard],
    tags: list[TagCard],
    rights: list[RightsCard],
) -> ItemCard:
    return ItemCard(
        id=item.id,
        kind=item.kind,
        form=item.form,
        state=item.state,
        title=item.title,
        summary=item.summary,
        text=item.text,
        author=item.author,
        category=item.category,
        cover=item.cover,
        source=source.name,
        source_trusted=source.trusted,
        quality=item.quality,
        version=item.version,
        content_hash=item.content_hash,
        duplicate_of=item.duplicate_of,
        created_at=item.created_at,
        updated_at=item.updated_at,
        published_at=item.published_at,
        books=tuple(books),
        tags=tuple(tags),
        rights=tuple(rights),
    )


def _audience_card(row: AudienceRow, channel: ChannelRow) -> AudienceCard:
    return AudienceCard(
        id=row.id,
        kind=row.kind,
        name=row.name,
        description=row.description,
        platform_ref=row.platform_ref,
        owner_userid=row.owner_userid,
        size=row.size,
        tags=tuple(row.tags),
        categories=tuple(row.categories),
        price_ceiling_fen=row.price_ceiling_fen,
        reading_age=row.reading_age,
        timezone=row.timezone,
        quiet_from=row.quiet_from,
        quiet_until=row.quiet_until,
        cap_per_day=row.cap_per_day,
        cap_per_week=row.cap_per_week,
        cool_down_hours=row.cool_down_hours,
        auto_approve=row.auto_approve,
        state=row.state,
        version=row.version,
        channel_id=row.channel_id,
        channel_kind=channel.kind,
        channel_name=channel.name,
        channel_account=channel.account,
        channel_state=channel.state,
    )
