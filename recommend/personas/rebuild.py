"""The nightly rebuild: every persona is learned anew from its events and must be the same.

It mends what differs (items that changed since they were learned from, a new view of the
corpus) and says how much did. A run goes through all subjects in bounded batches; where it
stands is stored, so a stopped run goes on where it was.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from datetime import datetime, time
from zoneinfo import ZoneInfo

import structlog
from sqlalchemy import select

from contentcenter.domain.errors import EngineUnavailable, RetryLater
from contentcenter.floor import Floor
from contentcenter.store.tables import StateRow
from recommend.events.learning_service import LearningService
from recommend.personas.store import Subject
from recommend.tables import PersonaRow
from recommend.upserts import upsert

log = structlog.get_logger()
PROGRESS = "personas.rebuild"
NIGHT = time(3, 0)
BATCH = 500
SAVE_EVERY = 50
_ORDER = (Subject.AUDIENCE, Subject.READER)


@dataclass(frozen=True)
class RebuildProgress:
    """Where a run stands. `day`: local date it belongs to; `after`: the last subject done."""

    day: str
    subject: str = _ORDER[0].value
    after: int = 0
    done: int = 0
    changed: int = 0
    postponed: int = 0
    finished: bool = False


class PersonaRebuild:
    """`run` does one batch of tonight's run; `due` says whether there is one to do."""

    def __init__(self, floor: Floor, learning: LearningService) -> None:
        self._floor = floor
        self._learning = learning

    def due(self) -> bool:
        """After three at night, local time, until the run of the day is finished."""
        if self._local().time() < NIGHT:
            return False
        told = self.progress()
        return told is None or told.day != self._today() or not told.finished

    def progress(self) -> RebuildProgress | None:
        """Where the last run stands; None before the first."""
        with self._floor.db.reading() as session:
            row = session.get(StateRow, PROGRESS)
        return None if row is None else RebuildProgress(**row.value)

    def run(self, batch: int = BATCH) -> RebuildProgress:
        """Rebuild up to `batch` personas and remember how far that went.

        `EngineUnavailable` when the index is away: nothing is skipped, the run waits.
        """
        told = self.progress()
        if told is None or told.day != self._today():
            told = RebuildProgress(self._today())
        left = batch
        while left > 0 and not told.finished:
            ids = self._next(told, min(left, SAVE_EVERY))
            told = self._rebuilt(told, ids) if ids else _next_subject(told)
            left -= max(len(ids), 1)
            self._save(told)
        return told

    def _next(self, told: RebuildProgress, limit: int) -> list[int]:
        query = (
            select(PersonaRow.subject_id)
            .where(PersonaRow.subject == told.subject, PersonaRow.subject_id > told.after)
            .order_by(PersonaRow.subject_id)
            .limit(limit)
        )
        with self._floor.db.reading() as session:
            return list(session.scalars(query))

    def _rebuilt(self, told: RebuildProgress, ids: list[int]) -> RebuildProgress:
        changed = postponed = 0
        for one in ids:
            try:
                changed += self._learning.mend(Subject(told.subject), one)
            except EngineUnavailable:
                raise
            except RetryLater as error:
                postponed += 1
                log.info("persona_rebuild_postponed", subject_id=one, reason=error.message)
        return replace(
            told,
            after=ids[-1],
            done=told.done + len(ids),
            changed=told.changed + changed,
            postponed=told.postponed + postponed,
        )

    def _save(self, told: RebuildProgress) -> None:
        now = self._floor.clock.now()
        row = {"name": PROGRESS, "value": asdict(told), "updated_at": now}
        with self._floor.db.transaction() as session:
            upsert(session, StateRow, [row], ["name"], ["value", "updated_at"])

    def _local(self) -> datetime:
        return self._floor.clock.now().astimezone(ZoneInfo(self._floor.settings.timezone))

    def _today(self) -> str:
        return self._local().date().isoformat()


def _next_subject(told: RebuildProgress) -> RebuildProgress:
    place = _ORDER.index(Subject(told.subject)) + 1
    if place == len(_ORDER):
        return replace(told, finished=True)
    return replace(told, subject=_ORDER[place].value, after=0)
