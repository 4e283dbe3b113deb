"""Personas with their history, seen items, feed answers."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from contentcenter.store.base import BigId, Json, Table
from recommend.identity.tables import ReaderDueRow, ReaderJoinRow
from recommend.matching.tables import MatchMemoryRow
from recommend.models.tables import LearnedModelRow

__all__ = [
    "CoReadRow",
    "FeedAnswerRow",
    "ItemSignalRow",
    "LearnedModelRow",
    "MatchMemoryRow",
    "PersonaHistoryRow",
    "PersonaRow",
    "ReaderDueRow",
    "ReaderJoinRow",
    "SeenArchiveRow",
    "SeenRow",
]


class PersonaRow(Table):
    """The learned persona of an audience or a reader (`subject`: audience or reader).

    `centres` holds the interest centres (float32, rows x dimension) with their weights in
    `learned`; `learned` also has decayed sums for categories, tags, prices and hours;
    `override` is what an operator fixed by hand. `seen_event_id` is the last event applied:
    an event is never applied twice.
    """

    __tablename__ = "personas"
    __table_args__ = (Index("uq_personas_subject", "subject", "subject_id", unique=True),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    subject: Mapped[str] = mapped_column(String(10))
    subject_id: Mapped[int] = mapped_column(BigId)
    centres: Mapped[bytes | None] = mapped_column(LargeBinary)
    # What people said, encoded: written by `refresh`, never by the learning job.
    declared: Mapped[dict[str, Any]] = mapped_column(Json, default=dict)
    declared_centres: Mapped[bytes | None] = mapped_column(LargeBinary)
    model: Mapped[str] = mapped_column(String(160), default="")
    learned: Mapped[dict[str, Any]]
    override: Mapped[dict[str, Any]]
    evidence: Mapped[float] = mapped_column(default=0.0)  # decayed sum of |event weight|
    seen_event_id: Mapped[int] = mapped_column(BigId, default=0)
    declared_version: Mapped[int] = mapped_column(default=0)
    version: Mapped[int] = mapped_column(default=1)
    updated_at: Mapped[datetime]


class PersonaHistoryRow(Table):
    """A picture of a persona at a time (at most one an hour), to show how it moved."""

    __tablename__ = "persona_history"
    __table_args__ = (Index("ix_persona_history_subject", "subject", "subject_id", "at"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    subject: Mapped[str] = mapped_column(String(10))
    subject_id: Mapped[int] = mapped_column(BigId)
    at: Mapped[datetime]
    snapshot: Mapped[dict[str, Any]]


class SeenRow(Table):
    """A reader has seen (or hidden) an item: the feed never shows it again."""

    __tablename__ = "seen_items"
    __table_args__ = (Index("ix_seen_items_item", "item_id"),)

    reader_id: Mapped[int] = mapped_column(
        ForeignKey("readers.id", ondelete="CASCADE"), primary_key=True
    )
    item_id: Mapped[int] = mapped_column(
        ForeignKey("items.id", ondelete="CASCADE"), primary_key=True
    )
    at: Mapped[datetime]
    hidden: Mapped[bool] = mapped_column(default=False)


class SeenArchiveRow(Table):
    """What a reader saw longer ago than the newest rows of `seen_items`, exactly and small.

    `items` is written and read by `recommend.events.seen.pack` and `unpack`.
    """

    __tablename__ = "seen_archives"

    reader_id: Mapped[int] = mapped_column(
        ForeignKey("readers.id", ondelete="CASCADE"), primary_key=True
    )
    items: Mapped[bytes] = mapped_column(LargeBinary)
    count: Mapped[int]
    updated_at: Mapped[datetime]


class ItemSignalRow(Table):
    """How readers answered one item, kept up by the learning job.

    `heat` is the base-2 logarithm of the decayed sum of responses (half-life a week) at a
    fixed origin: it can be ordered at any time without being touched. `shown` and `liked` are
    decayed counts as of day number `day`.
    """

    __tablename__ = "item_signals"
    __table_args__ = (Index("ix_item_signals_heat", "heat"),)

    item_id: Mapped[int] = mapped_column(
        ForeignKey("items.id", ondelete="CASCADE"), primary_key=True
    )
    heat: Mapped[float] = mapped_column(default=-1e9)
    shown: Mapped[float] = mapped_column(default=0.0)
    liked: Mapped[float] = mapped_column(default=0.0)
    orders: Mapped[float] = mapped_column(default=0.0)
    day: Mapped[float] = mapped_column(default=0.0)


class CoReadRow(Table):
    """Readers who liked `item_id` also liked `other_id`, so often."""

    __tablename__ = "co_reads"

    item_id: Mapped[int] = mapped_column(
        ForeignKey("items.id", ondelete="CASCADE"), primary_key=True
    )
    other_id: Mapped[int] = mapped_column(
        ForeignKey("items.id", ondelete="CASCADE"), primary_key=True
    )
    count: Mapped[float] = mapped_column(default=0.0)


class FeedAnswerRow(Table):
    """What a feed answered, so that later events can be traced to it."""

    __tablename__ = "feed_answers"

    trace_id: Mapped[str] = mapped_column(String(40), primary_key=True)
    reader_id: Mapped[int] = mapped_column(ForeignKey("readers.id"), index=True)
    scene: Mapped[str] = mapped_column(String(24))
    entries: Mapped[list[Any]] = mapped_column(Json)
    at: Mapped[datetime] = mapped_column(index=True)
