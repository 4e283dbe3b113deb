"""What must follow a join or a parting: personas and attribution computed anew."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import structlog
from sqlalchemy import delete, func, select

from contentcenter.domain.errors import EngineUnavailable, RetryLater
from contentcenter.floor import Floor
from recommend.event_causes import AttributionService
from recommend.identity.tables import DueTask, ReaderDueRow
from recommend.learning_service import LearningService
from recommend.persona_store import Subject

log = structlog.get_logger()


@dataclass(frozen=True)
class _Due:
    reader_id: int
    task: DueTask
    round: int


class ReaderDues:
    """The list of readers whose persona or attribution is out of date, and working it off."""

    def __init__(
        self, floor: Floor, learning: LearningService, attribution: AttributionService
    ) -> None:
        self._floor = floor
        self._learning = learning
        self._attribution = attribution

    def pending(self) -> int:
        with self._floor.db.reading() as session:
            return session.scalar(select(func.count()).select_from(ReaderDueRow)) or 0

    def of(self, reader_id: int) -> list[DueTask]:
        """What is still to follow for one reader."""
        query = select(ReaderDueRow.task).where(ReaderDueRow.reader_id == reader_id)
        with self._floor.db.reading() as session:
            return sorted(DueTask(task) for task in session.scalars(query))

    def settle(self, limit: int = 500) -> int:
        """Work off what is due, oldest first; returns how much is done. What events keep
        interrupting stays on the list."""
        return sum(self._settled(due) for due in self._waiting(limit))

    def _waiting(self, limit: int) -> Sequence[_Due]:
        query = select(ReaderDueRow).order_by(ReaderDueRow.at, ReaderDueRow.reader_id).limit(limit)
        with self._floor.db.reading() as session:
            rows = session.scalars(query)
            return [_Due(row.reader_id, DueTask(row.task), row.round) for row in rows]

    def _settled(self, due: _Due) -> bool:
        try:
            done = self._follow(due)
        except EngineUnavailable:
            raise
        except RetryLater as error:
            log.info("reader_due_waits", reader_id=due.reader_id, reason=error.message)
            return False
        if done:
            self._strike(due)
        return done

    def _follow(self, due: _Due) -> bool:
        if due.task is DueTask.ATTRIBUTION:
            return self._attribution.redo(due.reader_id)
        self._learning.rebuild(Subject.READER, due.reader_id)
        return True

    def _strike(self, due: _Due) -> None:
        """Off the list, unless the reader fell due again meanwhile."""
        with self._floor.db.transaction() as session:
            session.execute(
                delete(ReaderDueRow).where(
                    ReaderDueRow.reader_id == due.reader_id,
                    ReaderDueRow.task == due.task.value,
                    ReaderDueRow.round == due.round,
                )
            )
