"""Content items with revisions, passages and tags; books and works; sources and rights."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, LargeBinary, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from contentcenter.domain.content import INDEXED_STATES
from contentcenter.store.base import BigId, Table

_SHOWN = ", ".join(f"'{state}'" for state in sorted(INDEXED_STATES))
# The search index holds something else than it should. Written out, because a partial index
# serves only a condition with the very same words.
OUT_OF_STEP = text(
    f"((items.state IN ({_SHOWN}) AND items.indexed_version != items.version) "
    f"OR (items.state NOT IN ({_SHOWN}) AND items.indexed_version != 0))"
)


class ContributorRow(Table):
    """An author or supplier: whose content it is."""

    __tablename__ = "contributors"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    name: Mapped[str] = mapped_column(String(120), unique=True)
    kind: Mapped[str] = mapped_column(String(16))  # author, supplier, house
    contact: Mapped[str] = mapped_column(String(200), default="")
    created_at: Mapped[datetime]


class RightsRow(Table):
    """A licence of a contributor: when, and on which kinds of channel, content may be shown.

    `item_id` narrows it to one item. No row at all means no restriction; with rows, one of
    them has to cover the moment and the channel. Empty `channel_kinds` allows every kind.
    """

    __tablename__ = "rights_windows"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    contributor_id: Mapped[int] = mapped_column(ForeignKey("contributors.id"), index=True)
    item_id: Mapped[int | None] = mapped_column(ForeignKey("items.id", ondelete="CASCADE"))
    starts_at: Mapped[datetime | None]
    ends_at: Mapped[datetime | None]
    channel_kinds: Mapped[list[str]]
    promised_exposures: Mapped[int] = mapped_column(default=0)


class SourceRow(Table):
    """Where items come from: a supplier's feed, the editors' desk, the app's reader notes.

    `trusted` sources are published by rule, without an editor's approval.
    """

    __tablename__ = "sources"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    name: Mapped[str] = mapped_column(String(120), unique=True)
    kind: Mapped[str] = mapped_column(String(16))
    contributor_id: Mapped[int | None] = mapped_column(ForeignKey("contributors.id"))
    trusted: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime]


class ItemRow(Table):
    """One piece of content.

    `version` rises with every change that an index or an approval must notice.
    `source_ref` is the id the source gave it: the same (source, ref) is the same item.
    """

    __tablename__ = "items"
    __table_args__ = (
        Index("uq_items_source_ref", "source_id", "source_ref", unique=True),
        Index("ix_items_state", "state", "id"),
        Index("ix_items_content_hash", "content_hash"),
        # All that a search without the search index reads; the rows themselves hold texts
        # and are fifty times as large.
        Index(
            "ix_items_shown",
            *("state", "published_at", "id", "title", "author", "kind", "category", "source_id"),
        ),
        Index(
            "ix_items_out_of_step",
            "id",
            "updated_at",
            sqlite_where=OUT_OF_STEP,
            postgresql_where=OUT_OF_STEP,
        ),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    kind: Mapped[str] = mapped_column(String(16))
    form: Mapped[str] = mapped_column(String(16))
    state: Mapped[str] = mapped_column(String(16))
    title: Mapped[str] = mapped_column(String(200))
    summary: Mapped[str] = mapped_column(Text, default="")
    body: Mapped[str] = mapped_column(Text, default="")  # Markdown, as written
    html: Mapped[str] = mapped_column(Text, default="")  # sanitised, made by the pipeline
    text: Mapped[str] = mapped_column(Text, default="")  # plain, made by the pipeline
    author: Mapped[str] = mapped_column(String(120), default="")
    category: Mapped[str] = mapped_column(String(32), default="other")
    category_origin: Mapped[str] = mapped_column(String(16), default="suggested")
    cover: Mapped[str] = mapped_column(String(200), default="")
    source_id: Mapped[int] = mapped_column(ForeignKey("sources.id"))
    source_ref: Mapped[str | None] = mapped_column(String(200))
    contributor_id: Mapped[int | None] = mapped_column(ForeignKey("contributors.id"))
    content_hash: Mapped[str] = mapped_column(String(64))
    signature: Mapped[bytes | None] = mapped_column(LargeBinary)
    duplicate_of: Mapped[int | None] = mapped_column(ForeignKey("items.id"))
    quality: Mapped[float] = mapped_column(default=0.5)
    risks: Mapped[list[Any]]
    version: Mapped[int] = mapped_column(default=1)
    indexed_version: Mapped[int] = mapped_column(default=0)
    failure: Mapped[str] = mapped_column(Text, default="")
    reject_reason: Mapped[str] = mapped_column(Text, default="")
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    ready_at: Mapped[datetime | None]
    published_at: Mapped[datetime | None]


class RevisionRow(Table):
    """An earlier text of an item, as it was."""

    __tablename__ = "item_revisions"
    __table_args__ = (UniqueConstraint("item_id", "number"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    item_id: Mapped[int] = mapped_column(ForeignKey("items.id", ondelete="CASCADE"))
    number: Mapped[int]
    title: Mapped[str] = mapped_column(String(200))
    summary: Mapped[str] = mapped_column(Text, default="")
    body: Mapped[str] = mapped_column(Text, default="")
    actor: Mapped[str] = mapped_column(String(120))
    created_at: Mapped[datetime]


class PassageRow(Table):
    """A passage of an item with its vector (float16): tailoring picks from these.

    Position 0 is the title; the text begins at 1.
    """

    __tablename__ = "item_passages"
    __table_args__ = (UniqueConstraint("item_id", "position"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    item_id: Mapped[int] = mapped_column(ForeignKey("items.id", ondelete="CASCADE"))
    position: Mapped[int]
    text: Mapped[str] = mapped_column(Text)
    vector: Mapped[bytes] = mapped_column(LargeBinary)
    model: Mapped[str] = mapped_column(String(160))


class WorkRow(Table):
    """A work: what the editions of one book have in common. `key` is normalised title + author."""

    __tablename__ = "works"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    key: Mapped[str] = mapped_column(String(200), unique=True)
    title: Mapped[str] = mapped_column(String(200))
    author: Mapped[str] = mapped_column(String(200), default="")


class BookRow(Table):
    """An edition, with ISBN, price and stock. Prices are list prices in fen."""

    __tablename__ = "books"
    __table_args__ = (
        Index("uq_books_source_ref", "source_id", "source_ref", unique=True),
        # What filters ask for, without reading introductions.
        Index("ix_books_filters", "published_on", "price_fen", "publisher"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    work_id: Mapped[int] = mapped_column(ForeignKey("works.id"), index=True)
    isbn: Mapped[str | None] = mapped_column(String(13), unique=True)
    title: Mapped[str] = mapped_column(String(200))
    subtitle: Mapped[str] = mapped_column(String(200), default="")
    author: Mapped[str] = mapped_column(String(200), default="")
    translator: Mapped[str] = mapped_column(String(200), default="")
    publisher: Mapped[str] = mapped_column(String(120), default="")
    published_on: Mapped[str] = mapped_column(String(10), default="")  # YYYY, YYYY-MM or full
    price_fen: Mapped[int | None]
    stock: Mapped[int | None]
    category: Mapped[str] = mapped_column(String(32), default="other")
    intro: Mapped[str] = mapped_column(Text, default="")
    cover: Mapped[str] = mapped_column(String(200), default="")
    source_id: Mapped[int] = mapped_column(ForeignKey("sources.id"))
    source_ref: Mapped[str] = mapped_column(String(200))
    record_hash: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class ItemBookRow(Table):
    """A link from an item to a book, with where it came from and how sure it is."""

    __tablename__ = "item_books"

    item_id: Mapped[int] = mapped_column(
        ForeignKey("items.id", ondelete="CASCADE"), primary_key=True
    )
    book_id: Mapped[int] = mapped_column(ForeignKey("books.id"), primary_key=True, index=True)
    position: Mapped[int] = mapped_column(default=0)
    origin: Mapped[str] = mapped_column(String(16))  # editor, supplier, isbn, title
    confidence: Mapped[float] = mapped_column(default=1.0)


class TagRow(Table):
    __tablename__ = "tags"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    name: Mapped[str] = mapped_column(String(40), unique=True)


class ItemTagRow(Table):
    """A tag on an item: who put it there (origin) and how sure (0..1)."""

    __tablename__ = "item_tags"

    item_id: Mapped[int] = mapped_column(
        ForeignKey("items.id", ondelete="CASCADE"), primary_key=True
    )
    tag_id: Mapped[int] = mapped_column(ForeignKey("tags.id"), primary_key=True, index=True)
    origin: Mapped[str] = mapped_column(String(16))
    confidence: Mapped[float] = mapped_column(default=1.0)


class MediaRow(Table):
    """An uploaded picture, stored once by the SHA-256 of its bytes."""

    __tablename__ = "media"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    sha256: Mapped[str] = mapped_column(String(64), unique=True)
    mime: Mapped[str] = mapped_column(String(40))
    width: Mapped[int]
    height: Mapped[int]
    bytes: Mapped[int]
    original_name: Mapped[str] = mapped_column(String(200), default="")
    created_at: Mapped[datetime]
