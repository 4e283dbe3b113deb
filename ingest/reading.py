"""Small looks that screens need: sources, faults grouped, the next item that waits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import func, select

from contentcenter.domain.content import ItemState
from contentcenter.store.database import Database
from contentcenter.store.tables import ItemRow, SourceRow
from ingest.tables import ImportErrorRow


@dataclass(frozen=True)
class FaultGroup:
    """The same fault in many rows, said once."""

    field: str
    reason: str
    mend: str
    fatal: bool
    rows: int
    first_row: int


class ReadingService:
    def __init__(self, db: Database) -> None:
        self._db = db

    def sources(self) -> Sequence[str]:
        """Names of all sources, in order."""
        with self._db.reading() as session:
            return session.scalars(select(SourceRow.name).order_by(SourceRow.name)).all()

    def fault_groups(self, import_id: int, limit: int = 20) -> list[FaultGroup]:
        """What went wrong most often first: one mend may help a thousand rows."""
        rows = func.count(func.distinct(ImportErrorRow.row))
        group = (
            ImportErrorRow.field,
            ImportErrorRow.reason,
            ImportErrorRow.mend,
            ImportErrorRow.fatal,
        )
        query = (
            select(*group, rows, func.min(ImportErrorRow.row))
            .where(ImportErrorRow.import_id == import_id)
            .group_by(*group)
            .order_by(rows.desc())
            .limit(limit)
        )
        with self._db.reading() as session:
            return [FaultGroup(*line) for line in session.execute(query)]

    def next_ready(self, after_id: int = 0) -> int | None:
        """The next item that waits for an editor, oldest first, going round at the end."""
        waiting = select(func.min(ItemRow.id)).where(ItemRow.state == ItemState.READY)
        with self._db.reading() as session:
            found = session.scalar(waiting.where(ItemRow.id > after_id))
            return found if found is not None else session.scalar(waiting)
