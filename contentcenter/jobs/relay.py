"""The relay: committed facts become jobs. A fact is marked only after its job is queued, so a
crash between the two tells it twice, never not at all; jobs are safe to repeat."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import select

from contentcenter.clock import Clock
from contentcenter.jobs.names import JobName
from contentcenter.jobs.ports import JobQueue
from contentcenter.store import outbox
from contentcenter.store.database import Database
from contentcenter.store.tables import OutboxRow

BATCH = 500
IDS_PER_JOB = 64
TOLD_KEPT = timedelta(days=7)
# Asked five times a second, mostly for nothing.
_WAITING = select(OutboxRow.id).where(OutboxRow.relayed_at.is_(None)).limit(1)


@dataclass(frozen=True)
class Listener:
    """Which job hears a topic.

    With `many`, facts are merged: the values of `field` go as one list argument named
    `argument`. With neither, the job is queued once for the whole batch, and not again while
    the one before still waits: a worker that is behind does the work of both at once.
    """

    job: JobName
    field: str = ""
    argument: str = ""
    many: bool = True


class Relay:
    def __init__(
        self,
        db: Database,
        queue: JobQueue,
        clock: Clock,
        listeners: Mapping[str, Sequence[Listener]],
    ) -> None:
        self._db = db
        self._queue = queue
        self._clock = clock
        self._listeners = listeners
        self._bare: dict[JobName, str] = {}

    def run_once(self) -> int:
        """Tell the waiting facts. Returns how many. `EngineUnavailable` leaves them waiting."""
        with self._db.connected() as connection:
            if connection.execute(_WAITING).first() is None:
                return 0
        with self._db.transaction() as session:
            rows = outbox.waiting(session, BATCH)
            by_topic: dict[str, list[OutboxRow]] = defaultdict(list)
            for row in rows:
                by_topic[row.topic].append(row)
            for topic, told in by_topic.items():
                for listener in self._listeners.get(topic, ()):
                    self._tell(listener, told)
            outbox.mark_relayed(session, [row.id for row in rows], self._clock.now())
        return len(rows)

    def forget_old(self) -> int:
        with self._db.transaction() as session:
            return outbox.forget(session, self._clock.now() - TOLD_KEPT)

    def _tell(self, listener: Listener, rows: Sequence[OutboxRow]) -> None:
        if not listener.field:
            self._tell_bare(listener.job)
            return
        values = list(dict.fromkeys(row.payload[listener.field] for row in rows))
        if not listener.many:
            for value in values:
                self._queue.enqueue(listener.job, **{listener.argument: value})
            return
        for start in range(0, len(values), IDS_PER_JOB):
            arguments: dict[str, Any] = {listener.argument: values[start : start + IDS_PER_JOB]}
            self._queue.enqueue(listener.job, **arguments)

    def _tell_bare(self, job: JobName) -> None:
        before = self._bare.get(job)
        if before is None or not self._queue.waits(job, before):
            self._bare[job] = self._queue.enqueue(job)
