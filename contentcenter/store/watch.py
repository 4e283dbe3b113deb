"""What an administrator watches: rows by state, facts not yet told, open notices."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from contentcenter.domain.content import INDEXED_STATES
from contentcenter.domain.errors import NotFound
from contentcenter.store.tables import ItemRow, NoteRow, OutboxRow
from contentcenter.store.tables.content import OUT_OF_STEP


@dataclass(frozen=True)
class Lag:
    """How far the search index is behind: items, and when the longest waiting one changed."""

    count: int
    oldest: datetime | None


def items_by_state(session: Session) -> dict[str, int]:
    counted = select(ItemRow.state, func.count()).group_by(ItemRow.state)
    return {row[0]: row[1] for row in session.execute(counted)}


def items_to_index(session: Session) -> int:
    """How many items the search index should hold."""
    counts = items_by_state(session)
    return sum(counts.get(state, 0) for state in INDEXED_STATES)


def out_of_step(session: Session) -> Lag:
    """Items that the search index holds differently than the store. Costs what is behind,
    not what is there."""
    query = select(func.count(), func.min(ItemRow.updated_at)).where(OUT_OF_STEP)
    count, oldest = session.execute(query).one()
    return Lag(count, oldest)


def facts_waiting(session: Session) -> tuple[int, datetime | None]:
    """How many facts wait to be told, and since when the oldest does."""
    query = select(func.count(), func.min(OutboxRow.created_at)).where(
        OutboxRow.relayed_at.is_(None)
    )
    count, oldest = session.execute(query).one()
    return count, oldest


def open_notices(session: Session, limit: int = 20) -> Sequence[NoteRow]:
    """Things a person must look at, newest first."""
    query = (
        select(NoteRow).where(NoteRow.settled_at.is_(None)).order_by(NoteRow.id.desc()).limit(limit)
    )
    return session.scalars(query).all()


def settle_notice(session: Session, notice_id: int, now: datetime) -> None:
    notice = session.get(NoteRow, notice_id)
    if notice is None:
        raise NotFound(f"No notice {notice_id}")
    notice.settled_at = notice.settled_at or now
