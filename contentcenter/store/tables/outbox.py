"""Rows of the machinery: outbox, audit log, named settings, vector cache."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Index, LargeBinary, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from contentcenter.store.base import BigId, Table


class OutboxRow(Table):
    """A fact waiting to be told, or told."""

    __tablename__ = "outbox"
    __table_args__ = (Index("ix_outbox_waiting", "relayed_at", "id"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    topic: Mapped[str] = mapped_column(String(64))
    payload: Mapped[dict[str, Any]]
    created_at: Mapped[datetime]
    relayed_at: Mapped[datetime | None]


class AuditRow(Table):
    """Who did what to which thing, and when; also the trail shown on an item or a post."""

    __tablename__ = "audit_log"
    __table_args__ = (Index("ix_audit_subject", "subject_type", "subject_id", "id"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    at: Mapped[datetime]
    actor: Mapped[str] = mapped_column(String(120))
    action: Mapped[str] = mapped_column(String(64))
    subject_type: Mapped[str] = mapped_column(String(32))
    subject_id: Mapped[int] = mapped_column(BigId)
    details: Mapped[dict[str, Any]]


class StateRow(Table):
    """Small named values that must survive a restart (leader times, watermarks)."""

    __tablename__ = "state"

    name: Mapped[str] = mapped_column(String(64), primary_key=True)
    value: Mapped[dict[str, Any]]
    updated_at: Mapped[datetime]


class EmbeddingCacheRow(Table):
    """Vector of a text by content hash and model identity; float16, little endian."""

    __tablename__ = "embedding_cache"

    key: Mapped[str] = mapped_column(String(96), primary_key=True)
    vector: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[datetime]


class NoteRow(Table):
    """Something a person must look at (a channel that stopped, an index out of step)."""

    __tablename__ = "notices"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    at: Mapped[datetime]
    level: Mapped[str] = mapped_column(String(16))
    topic: Mapped[str] = mapped_column(String(64))
    message: Mapped[str] = mapped_column(Text)
    subject_type: Mapped[str] = mapped_column(String(32), default="")
    subject_id: Mapped[int | None] = mapped_column(BigId)
    settled_at: Mapped[datetime | None]
