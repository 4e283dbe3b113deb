"""What must follow a join or a parting: personas and attribution computed anew, and the
personas of audiences that learned from what the readers did alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

import structlog
from sqlalchemy import ColumnElement, delete, func, select

from contentcenter.domain.errors import EngineUnavailable, RetryLater
from contentcenter.floor import Floor
from recommend.events.causes import AttributionService
from recommend.events.learning_service import LearningService
from recommend.events.members import audiences_of
from recommend.identity.tables import DueTask, ReaderDueRow
from recommend.personas.store import Subject

log = structlog.get_logger()
AUDIENCES_WAIT = timedelta(minutes=10)


@dataclass(frozen=True)
class _Due:
    reader_id: int
    task: DueTask
    round: int


class ReaderDues:
    """The list of readers whose persona, attribution or audiences are out of date, and working
    it off. An audience is read from all its members' events, so audiences wait for each other:
    each is computed once in ten minutes, however many of its members were joined."""

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
        done = sum(self._settled(due) for due in self._waiting(limit))
        return done + self._audiences_settled(self._waiting_audiences(limit))

    def _waiting(self, limit: int) -> Sequence[_Due]:
        return self._list(ReaderDueRow.task != DueTask.AUDIENCES.value, limit)

    def _waiting_audiences(self, limit: int) -> Sequence[_Due]:
        """All of them once the oldest has waited long enough, none before."""
        which = ReaderDueRow.task == DueTask.AUDIENCES.value
        with self._floor.db.reading() as session:
            oldest = session.scalar(select(func.min(ReaderDueRow.at)).where(which))
        ripe = oldest is not None and oldest <= self._floor.clock.now() - AUDIENCES_WAIT
        return self._list(which, limit) if ripe else []

    def _list(self, which: ColumnElement[bool], limit: int) -> Sequence[_Due]:
        order = (ReaderDueRow.at, ReaderDueRow.reader_id, ReaderDueRow.task)
        query = select(ReaderDueRow).where(which).order_by(*order).limit(limit)
        with self._floor.db.reading() as session:
            rows = session.scalars(query)
            return [_Due(row.reader_id, DueTask(row.task), row.round) for row in rows]

    def _audiences_settled(self, dues: Sequence[_Due]) -> int:
        """Each audience once, for all the readers who wait for it."""
        with self._floor.db.reading() as session:
            belonged = audiences_of(session, [due.reader_id for due in dues])
        wanted = sorted({one for own in belonged.values() for one in own})
        anew = {one for one in wanted if self._learned_anew(one)}
        ready = [due for due in dues if belonged.get(due.reader_id, set()) <= anew]
        for due in ready:
            self._strike(due)
        return len(ready)

    def _learned_anew(self, audience_id: int) -> bool:
        try:
            self._learning.rebuild(Subject.AUDIENCE, audience_id)
        except EngineUnavailable:
            raise
        except RetryLater as error:
            log.info("audience_due_waits", audience_id=audience_id, reason=error.message)
            return False
        return True

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
