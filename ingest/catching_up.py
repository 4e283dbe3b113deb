"""Indexing that waits for an engine which is away, and catches up when it is back.

Nothing has to be remembered while waiting: the store says which items are out of step. So an
index job that meets a closed door leaves one note and ends, however many of them there are;
the scheduler looks after the note, and one job at a time works through what is out of step.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import delete, select

from contentcenter.clock import Clock
from contentcenter.domain.errors import (
    Conflict,
    ContentCenterError,
    EngineUnavailable,
    InvalidInput,
    ModelMismatch,
)
from contentcenter.jobs.names import JobName
from contentcenter.jobs.ports import JobQueue
from contentcenter.search.ports import SearchIndex
from contentcenter.store.database import Database
from contentcenter.store.tables import ItemRow, StateRow
from contentcenter.store.tables.content import OUT_OF_STEP
from ingest.indexing import BATCH, Indexer

log = structlog.get_logger()
STATE = "index.waiting"
# One job works so many batches and then queues its successor, so that others get a turn.
BATCHES = 10
FIRST_PAUSE = timedelta(seconds=1)
LONGEST_PAUSE = timedelta(seconds=60)
# A slice of work that was killed is begun again after so long.
LEASE = timedelta(seconds=60)
TICK_SECONDS = 1.0
# No fault of the items: the engine does not answer, holds another model's vectors, or is just
# being bound to the first model by somebody else.
AWAY = (EngineUnavailable, ModelMismatch, Conflict)


@dataclass(frozen=True)
class Waiting:
    """Why and since when indexing waits; `next` is when it is tried again."""

    since: datetime
    reason: str
    next: datetime
    pause: timedelta

    def to_json(self) -> dict[str, Any]:
        return {
            "since": self.since.isoformat(),
            "reason": self.reason,
            "next": self.next.isoformat(),
            "pause": self.pause.total_seconds(),
        }

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Waiting:
        return cls(
            since=datetime.fromisoformat(value["since"]),
            reason=value["reason"],
            next=datetime.fromisoformat(value["next"]),
            pause=timedelta(seconds=value["pause"]),
        )


class CatchUp:
    """`index` and `catch_up` are jobs, `look` is the scheduler's."""

    def __init__(
        self, db: Database, clock: Clock, index: SearchIndex, indexer: Indexer, queue: JobQueue
    ) -> None:
        self._db = db
        self._clock = clock
        self._index = index
        self._indexer = indexer
        self._queue = queue

    def index(self, item_ids: Sequence[int]) -> None:
        """Bring these items in step, or leave a note that indexing waits.

        Raises `InvalidInput` naming the items that the engine will not take; the others of
        the batch are in.
        """
        try:
            self._put(item_ids)
        except AWAY as error:
            if self.waiting() is None:
                log.warning("indexing_waits", reason=error.message)
                now = self._clock.now()
                self._note(Waiting(now, error.message, now + FIRST_PAUSE, FIRST_PAUSE))

    def catch_up(self, after: int = 0) -> None:
        """One slice of what is out of step, by id from behind `after` on; the rest is queued.

        Raises `InvalidInput` like `index`, at the end of the slice.
        """
        refused: list[InvalidInput] = []
        for _ in range(BATCHES):
            ids = self._out_of_step(after)
            if not ids:
                self._forget()
                break
            self._extend_lease()
            try:
                self._put(ids)
            except InvalidInput as error:
                refused.append(error)
            except AWAY as error:
                self._put_off(error)
                break
            after = ids[-1]
        else:
            self._queue.enqueue(JobName.CATCH_UP_INDEX, key=f"after-{after}", after=after)
        if refused:
            raise refused[0]

    def look(self) -> None:
        """Queue the catching up when it is due and the engine answers."""
        waiting = self.waiting()
        if waiting is None or self._clock.now() < waiting.next:
            return
        try:
            self._index.stats()
        except EngineUnavailable as error:
            log.debug("indexing_waits", reason=error.message)
            return
        self._queue.enqueue(JobName.CATCH_UP_INDEX, key="start", after=0)

    def waiting(self) -> Waiting | None:
        """The note, if indexing waits."""
        with self._db.reading() as session:
            row = session.get(StateRow, STATE)
            return Waiting.from_json(row.value) if row is not None else None

    def _put(self, item_ids: Sequence[int]) -> None:
        """As one batch; when the engine refuses something in it, item by item."""
        try:
            self._indexer.index(item_ids)
        except InvalidInput as error:
            if len(item_ids) == 1:
                raise
            log.warning("batch_refused", items=len(item_ids), reason=error.message)
            self._put_singly(item_ids)

    def _put_singly(self, item_ids: Sequence[int]) -> None:
        refused: dict[int, str] = {}
        for item_id in item_ids:
            try:
                self._indexer.index([item_id])
            except InvalidInput as error:
                refused[item_id] = error.message
        if refused:
            first = next(iter(refused))
            raise InvalidInput(
                f"The index refuses {len(refused)} items, the first is {first}: {refused[first]}",
                item_ids=sorted(refused),
            )

    def _out_of_step(self, after: int) -> list[int]:
        query = select(ItemRow.id).where(OUT_OF_STEP, ItemRow.id > after)
        with self._db.reading() as session:
            return list(session.scalars(query.order_by(ItemRow.id).limit(BATCH)))

    def _put_off(self, error: ContentCenterError) -> None:
        """Still away: the pause grows."""
        now, known = self._clock.now(), self.waiting()
        pause = min(2 * known.pause, LONGEST_PAUSE) if known else FIRST_PAUSE
        self._note(Waiting(known.since if known else now, error.message, now + pause, pause))

    def _extend_lease(self) -> None:
        """While this job works nobody queues another; should it be killed, somebody will."""
        known = self.waiting()
        if known is not None:
            self._note(replace(known, next=self._clock.now() + LEASE))

    def _note(self, waiting: Waiting) -> None:
        now = self._clock.now()
        try:
            with self._db.transaction() as session:
                row = session.get(StateRow, STATE)
                if row is None:
                    session.add(StateRow(name=STATE, value=waiting.to_json(), updated_at=now))
                else:
                    row.value, row.updated_at = waiting.to_json(), now
        except Conflict:
            log.debug("noted_by_another")

    def _forget(self) -> None:
        waiting = self.waiting()
        if waiting is None:
            return
        with self._db.transaction() as session:
            session.execute(delete(StateRow).where(StateRow.name == STATE))
        waited = self._clock.now() - waiting.since
        log.info("index_caught_up", waited_seconds=round(waited.total_seconds(), 1))
