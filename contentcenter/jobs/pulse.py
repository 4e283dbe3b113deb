"""A worker that runs jobs in its own process and tells every few seconds that it still does.

RQ's `SimpleWorker` says so once: that it holds the job for the job's whole time limit and a
minute. When it is killed, nobody touches the job, nor may a keyed one be queued again, for more
than an hour. Its forking worker renews a short claim from the parent; here a thread does.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import redis
import structlog
from rq import Queue, SimpleWorker
from rq.executions import Execution
from rq.job import Job
from rq.worker import WorkerStatus

log = structlog.get_logger()
BEAT_SECONDS = 5.0
# So long after its last beat a worker counts as dead and its job as abandoned.
LOST_AFTER_SECONDS = 30


class PulsingWorker(SimpleWorker):
    """`SimpleWorker` with the pulse of RQ's forking `Worker`."""

    def execute_job(self, job: Job, queue: Queue) -> None:
        execution = self.prepare_execution(job)
        with self._pulse(job, execution):
            self.perform_job(job, queue, execution)
        self.set_state(WorkerStatus.IDLE)

    def get_heartbeat_ttl(self, job: Job, working_time: float = 0.0) -> int:  # noqa: ARG002
        """Seconds for which one beat claims the job."""
        return LOST_AFTER_SECONDS

    @contextmanager
    def _pulse(self, job: Job, execution: Execution) -> Iterator[None]:
        over = threading.Event()
        beating = threading.Thread(
            target=self._beat, args=(job, execution, over), name="job-pulse", daemon=True
        )
        beating.start()
        try:
            yield
        finally:
            over.set()
            beating.join()

    def _beat(self, job: Job, execution: Execution, over: threading.Event) -> None:
        while not over.wait(BEAT_SECONDS):
            try:
                self.maintain_heartbeats(job, execution)
            except redis.RedisError as error:
                log.warning("job_pulse_missed", job_id=job.id, reason=str(error))
