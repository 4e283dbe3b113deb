"""Finding what fell between: items that wait too long, index rows out of step, imports that
stopped half-way. Only ids are found and queued; the jobs do the work."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta

from sqlalchemy import ColumnElement, TextClause, select

from contentcenter.clock import Clock
from contentcenter.domain.content import ItemState
from contentcenter.jobs.names import JobName, QueueName
from contentcenter.jobs.ports import JobQueue
from contentcenter.store.database import Database
from contentcenter.store.tables import ItemRow
from contentcenter.store.tables.content import OUT_OF_STEP
from ingest.imports import RUNNING, UPLOADED
from ingest.tables import ImportRow

PATIENCE = timedelta(minutes=2)
IMPORT_PATIENCE = timedelta(minutes=5)
IDS_PER_JOB = 64
IDS_PER_SWEEP = 512
# With that many jobs waiting nothing is stuck, it is only queued.
BUSY = 30


class Sweeper:
    """One short call, safe to repeat. `refill` begins a rebuild when the whole index has to
    be filled anew."""

    def __init__(
        self, db: Database, clock: Clock, queue: JobQueue, refill: Callable[[], None]
    ) -> None:
        self._db = db
        self._clock = clock
        self._queue = queue
        self._refill = refill

    def sweep(self) -> int:
        """Queue what is stuck; returns how many ids. `EngineUnavailable` when the queue is
        away: the next sweep finds the same."""
        if self._queue.counts()[QueueName.INGEST].queued > BUSY:
            return 0
        self._refill()
        waiting = self._items(ItemRow.state == ItemState.RECEIVED)
        stale = self._items(OUT_OF_STEP)
        imports = self._imports()
        self._enqueue_items(JobName.PROCESS_ITEMS, waiting)
        self._enqueue_items(JobName.INDEX_ITEMS, stale)
        for import_id in imports:
            key = f"sweep-import-{import_id}"
            self._queue.enqueue(JobName.RUN_IMPORT, key=key, import_id=import_id)
        return len(waiting) + len(stale) + len(imports)

    def _items(self, condition: ColumnElement[bool] | TextClause) -> list[int]:
        before = self._clock.now() - PATIENCE
        query = select(ItemRow.id).where(condition, ItemRow.updated_at < before)
        with self._db.reading() as session:
            return list(session.scalars(query.order_by(ItemRow.id).limit(IDS_PER_SWEEP)))

    def _imports(self) -> list[int]:
        before = self._clock.now() - IMPORT_PATIENCE
        query = select(ImportRow.id).where(
            ImportRow.state.in_([UPLOADED, RUNNING]), ImportRow.updated_at < before
        )
        with self._db.reading() as session:
            return list(session.scalars(query.order_by(ImportRow.id).limit(20)))

    def _enqueue_items(self, job: JobName, ids: Sequence[int]) -> None:
        for start in range(0, len(ids), IDS_PER_JOB):
            part = list(ids[start : start + IDS_PER_JOB])
            key = f"sweep-{part[0]}-{part[-1]}-{len(part)}"
            self._queue.enqueue(job, key=key, item_ids=part)
