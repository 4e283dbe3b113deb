"""Learned models as rows: a blob, a card, a state."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Index, LargeBinary, String, text
from sqlalchemy.orm import Mapped, mapped_column

from contentcenter.store.base import BigId, Json, Table


class ModelKind(StrEnum):
    """What a model is for. One version of each kind serves at a time."""

    CO_READING = "co_reading"
    FEED_RANKING = "feed_ranking"
    MATCHING = "matching"
    CONTENT_BRIDGE = "content_bridge"


class ModelState(StrEnum):
    CANDIDATE = "candidate"  # trained and compared, never served
    ACTIVE = "active"
    RETIRED = "retired"  # served once; a roll back brings the latest of them back


class LearnedModelRow(Table):
    """One trained version. `card` tells what it was trained on, when, how long, with what
    memory and how well; `blob` is the model itself, read only by whoever serves it."""

    __tablename__ = "learned_models"
    __table_args__ = (
        Index("uq_learned_models_version", "kind", "version", unique=True),
        # The database itself keeps two versions of a kind from serving at once.
        Index(
            "uq_learned_models_active",
            "kind",
            unique=True,
            sqlite_where=text("state = 'active'"),
            postgresql_where=text("state = 'active'"),
        ),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    kind: Mapped[str] = mapped_column(String(24))
    version: Mapped[int]
    state: Mapped[str] = mapped_column(String(12))
    card: Mapped[dict[str, Any]] = mapped_column(Json, default=dict)
    blob: Mapped[bytes] = mapped_column(LargeBinary, deferred=True)
    created_at: Mapped[datetime]
    activated_at: Mapped[datetime | None]
    actor: Mapped[str] = mapped_column(String(120), default="system")
