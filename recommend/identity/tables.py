"""Who was joined with whom, on what evidence; and what still has to follow such a change."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Index, String
from sqlalchemy.orm import Mapped, mapped_column

from contentcenter.store.base import BigId, Table


class JoinState(StrEnum):
    JOINED = "joined"
    PARTED = "parted"  # taken apart by a person: never joined again by evidence alone
    CONFLICT = "conflict"  # evidence that contradicts itself waits for a person
    SETTLED = "settled"  # a conflict or a parting that a person has dealt with


class DueTask(StrEnum):
    PERSONA = "persona"
    ATTRIBUTION = "attribution"
    AUDIENCES = "audiences"  # where the reader belonged, taught by what was done alone


class ReaderJoinRow(Table):
    """One join, or one that was not made. `reader_id` joined (or would join) `into_id`.

    `why`: reference (ids came in one reference) or person. `evidence`: the ids that met and
    the event that brought them, or a person's note. `claim` tells one conflict from another.
    No foreign keys: the trail outlives its readers.
    """

    __tablename__ = "reader_joins"
    __table_args__ = (
        Index("ix_reader_joins_reader", "reader_id", "state"),
        Index("ix_reader_joins_into", "into_id", "state"),
        Index("ix_reader_joins_state", "state", "id"),
        Index("ix_reader_joins_claim", "claim"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    state: Mapped[str] = mapped_column(String(10))
    reader_id: Mapped[int] = mapped_column(BigId)
    into_id: Mapped[int | None] = mapped_column(BigId)
    why: Mapped[str] = mapped_column(String(16))
    evidence: Mapped[dict[str, Any]]
    claim: Mapped[str] = mapped_column(String(200), default="")
    actor: Mapped[str] = mapped_column(String(120))
    at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    ended_by: Mapped[str] = mapped_column(String(120), default="")
    ended_why: Mapped[str] = mapped_column(String(400), default="")


class ReaderDueRow(Table):
    """A reader whose persona, attribution or audiences must be computed anew from all events.

    `round` rises when the reader falls due again: who worked on an older round leaves the row.
    """

    __tablename__ = "reader_dues"

    reader_id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=False)
    task: Mapped[str] = mapped_column(String(12), primary_key=True)
    round: Mapped[int] = mapped_column(default=1)
    at: Mapped[datetime]
