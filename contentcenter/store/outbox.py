"""The outbox: facts are written in the transaction that made them true.

A fact that is committed will be told; one that is rolled back never happened. The relay
turns rows into jobs after the commit, the sweeper finds what fell between
(https://microservices.io/patterns/data/transactional-outbox.html).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from contentcenter.domain.facts import Fact
from contentcenter.store.tables.outbox import OutboxRow


def record(session: Session, fact: Fact, now: datetime) -> None:
    """Write a fact beside the change it speaks of."""
    session.add(OutboxRow(topic=fact.topic, payload=fact.payload(), created_at=now))


def waiting(session: Session, limit: int) -> Sequence[OutboxRow]:
    """Facts not yet told, oldest first. Several relays may run: on PostgreSQL rows taken by
    another are skipped; on SQLite the write lock already keeps them apart."""
    query = (
        select(OutboxRow)
        .where(OutboxRow.relayed_at.is_(None))
        .order_by(OutboxRow.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    return session.scalars(query).all()


def mark_relayed(session: Session, ids: Sequence[int], now: datetime) -> None:
    session.execute(update(OutboxRow).where(OutboxRow.id.in_(ids)).values(relayed_at=now))


def forget(session: Session, before: datetime) -> int:
    """Drop facts told before a time. Returns how many."""
    done = session.execute(delete(OutboxRow).where(OutboxRow.relayed_at < before))
    return int(done.rowcount)  # type: ignore[attr-defined]
