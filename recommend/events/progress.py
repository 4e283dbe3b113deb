"""How far a job that reads stored events in their order has to go."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from contentcenter.store.tables import EventRow


def events_beyond(session: Session, watermark: int) -> int:
    """How many events are stored after this id, counted by ids: an upper bound."""
    last = session.scalar(select(EventRow.id).order_by(EventRow.id.desc()).limit(1)) or 0
    return max(last - watermark, 0)
