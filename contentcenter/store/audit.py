"""The audit log: the trail of every item, post, audience and user."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from contentcenter.store.tables.outbox import AuditRow


def log(
    session: Session,
    now: datetime,
    actor: str,
    action: str,
    subject: tuple[str, int],
    **details: object,
) -> None:
    """Add a line to the trail of `subject` = (type, id), in the caller's transaction."""
    subject_type, subject_id = subject
    session.add(
        AuditRow(
            at=now,
            actor=actor,
            action=action,
            subject_type=subject_type,
            subject_id=subject_id,
            details=details,
        )
    )


def trail(session: Session, subject_type: str, subject_id: int) -> Sequence[AuditRow]:
    """All lines about one thing, oldest first."""
    query = (
        select(AuditRow)
        .where(AuditRow.subject_type == subject_type, AuditRow.subject_id == subject_id)
        .order_by(AuditRow.id)
    )
    return session.scalars(query).all()
