"""Console users, API keys, readers."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, TextClause, text
from sqlalchemy.orm import Mapped, mapped_column

from contentcenter.store.base import BigId, Table


class UserRow(Table):
    """A person who signs in. `session_epoch` rises to end all sessions of the user."""

    __tablename__ = "users"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    username: Mapped[str] = mapped_column(String(80), unique=True)
    display_name: Mapped[str] = mapped_column(String(80), default="")
    password_hash: Mapped[str] = mapped_column(String(200))
    role: Mapped[str] = mapped_column(String(16))
    language: Mapped[str] = mapped_column(String(8), default="zh")
    active: Mapped[bool] = mapped_column(default=True)
    session_epoch: Mapped[int] = mapped_column(default=0)
    failed_logins: Mapped[int] = mapped_column(default=0)
    locked_until: Mapped[datetime | None]
    created_at: Mapped[datetime]


class ApiKeyRow(Table):
    """An API key. The secret is shown once; only its SHA-256 is kept."""

    __tablename__ = "api_keys"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    name: Mapped[str] = mapped_column(String(80))
    prefix: Mapped[str] = mapped_column(String(12))
    sha256: Mapped[str] = mapped_column(String(64), unique=True)
    scopes: Mapped[list[str]]
    created_at: Mapped[datetime]
    last_used_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]


class ReaderRow(Table):
    """A person who reads, across channels. At least one of the four ids is known.

    `joined_into` points at the row that stands for this person since the two were joined; a
    row that stands for itself has none. Ids stay where they were first heard of.
    """

    __tablename__ = "readers"
    __table_args__ = (Index("ix_readers_joined_into", "joined_into"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    app_id: Mapped[str | None] = mapped_column(String(80), unique=True)
    openid: Mapped[str | None] = mapped_column(String(80), unique=True)
    external_userid: Mapped[str | None] = mapped_column(String(80), unique=True)
    unionid: Mapped[str | None] = mapped_column(String(80), index=True)
    # No foreign key: SQLite can add one only by copying the table, and dropping the old one
    # would cascade.
    joined_into: Mapped[int | None] = mapped_column(BigId)
    created_at: Mapped[datetime]


class MembershipRow(Table):
    """A reader in an audience; `left_at` ends it, the row stays."""

    __tablename__ = "memberships"
    __table_args__ = (Index("uq_memberships_pair", "audience_id", "reader_id", unique=True),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    audience_id: Mapped[int] = mapped_column(ForeignKey("audiences.id", ondelete="CASCADE"))
    reader_id: Mapped[int] = mapped_column(ForeignKey("readers.id", ondelete="CASCADE"), index=True)
    joined_at: Mapped[datetime]
    left_at: Mapped[datetime | None]


# Conditions of partial indexes; a query must say the same to be served by one.
ATTRIBUTED = text("attributed_post_id IS NOT NULL")
ANSWERED = text("attributed_trace_id IS NOT NULL")
REFERRED = text("order_ref IS NOT NULL")
REFUNDS = text("refunded_event_id IS NOT NULL")
MOVES = text("kind IN ('join', 'leave')")
# Responses whose cause was not reported with them.
LOOSE = text(
    "kind IN ('click', 'favourite', 'cart', 'order') AND post_id IS NULL AND trace_id IS NULL"
)


def _partial(name: str, *columns: str, where: TextClause) -> Index:
    return Index(name, *columns, sqlite_where=where, postgresql_where=where)


class EventRow(Table):
    """What a reader did. `event_id` is the reporter's id: the same id twice is one event.

    `reader_id` is who stands for the reader now, `recorded_reader_id` who it was before a
    join moved the event (null: the same). `post_id` and `trace_id` are what was reported;
    `attributed_*` the post or feed answer that caused the event and `attribution` how that is
    known (direct, look_back, order). A refund names the order event it belongs to and the
    part of its value that counts (an order never sinks below zero).
    """

    __tablename__ = "events"
    __table_args__ = (
        Index("ix_events_reader", "reader_id", "id"),
        Index("ix_events_reader_item", "reader_id", "item_id", "at"),
        Index("ix_events_audience", "audience_id", "id"),
        Index("ix_events_post", "post_id", "kind"),
        Index("ix_events_item", "item_id", "kind"),
        _partial("ix_events_attributed_post", "attributed_post_id", "kind", where=ATTRIBUTED),
        _partial("ix_events_attributed_trace", "attributed_trace_id", where=ANSWERED),
        _partial("ix_events_order_ref", "order_ref", where=REFERRED),
        _partial("ix_events_refunded_event", "refunded_event_id", where=REFUNDS),
        _partial("ix_events_moves", "reader_id", "audience_id", where=MOVES),
        _partial("ix_events_loose", "reader_id", "at", where=LOOSE),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    event_id: Mapped[str] = mapped_column(String(80), unique=True)
    kind: Mapped[str] = mapped_column(String(16))
    reader_id: Mapped[int | None] = mapped_column(ForeignKey("readers.id"))
    recorded_reader_id: Mapped[int | None] = mapped_column(BigId)
    audience_id: Mapped[int | None] = mapped_column(ForeignKey("audiences.id"))
    item_id: Mapped[int | None] = mapped_column(ForeignKey("items.id"))
    # No foreign key: posts live in a room above; the id is a fact about the past.
    post_id: Mapped[int | None] = mapped_column(BigId)
    trace_id: Mapped[str | None] = mapped_column(String(40))
    order_ref: Mapped[str | None] = mapped_column(String(80))
    value_fen: Mapped[int | None]
    attributed_post_id: Mapped[int | None] = mapped_column(BigId)
    attributed_trace_id: Mapped[str | None] = mapped_column(String(40))
    attribution: Mapped[str | None] = mapped_column(String(10))
    refunded_event_id: Mapped[int | None] = mapped_column(BigId)
    refunded_fen: Mapped[int | None]
    at: Mapped[datetime]
    received_at: Mapped[datetime]
