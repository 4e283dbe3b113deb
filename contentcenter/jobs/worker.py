"""Running jobs: one entry for all of them, inside the application context.

A job that raises `RetryLater` is put back for later a few times; any other error, and one
`RetryLater` too many, goes to the dead-letter list where an operator sees and repeats it.
`EngineUnavailable` is no fault of the job: it waits, with growing pauses, as long as it takes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any

import redis
import structlog
from flask import Flask, current_app
from rq.serializers import JSONSerializer

from contentcenter.domain.errors import EngineUnavailable, RetryLater
from contentcenter.jobs.names import JobName, QueueName
from contentcenter.jobs.pulse import PulsingWorker
from contentcenter.jobs.rq_queue import JobFunction, RqQueue

log = structlog.get_logger()
TRIES = 8
LONGEST_WAIT_SECONDS = 300.0
JOBS_KEY = "contentcenter.jobs"
QUEUE_KEY = "contentcenter.queue"

# RQ finds abandoned jobs only in its maintenance, which runs between dequeues: short
# intervals, or a killed worker's job waits for minutes.
WORKER_TTL_SECONDS = 25
MAINTENANCE_SECONDS = 5


def register(app: Flask, queue: RqQueue, functions: Mapping[JobName, JobFunction]) -> None:
    """Tell the application which function runs each job."""
    app.extensions[JOBS_KEY] = dict(functions)
    app.extensions[QUEUE_KEY] = queue


def execute(name: str, arguments: Mapping[str, Any], tries: int, waits: int = 0) -> None:
    """The entry of every job. Called by RQ with JSON values."""
    job = JobName(name)
    function: JobFunction = current_app.extensions[JOBS_KEY][job]
    with structlog.contextvars.bound_contextvars(job=name, **_ids(arguments)):
        try:
            function(**arguments)
        except EngineUnavailable as error:
            after = min(error.after_seconds * 2**waits, LONGEST_WAIT_SECONDS)
            _put_back(job, arguments, error, after, (tries, waits + 1))
        except RetryLater as error:
            if tries >= TRIES:
                raise
            _put_back(job, arguments, error, error.after_seconds, (tries + 1, 0))


def _put_back(
    job: JobName,
    arguments: Mapping[str, Any],
    error: RetryLater,
    after: float,
    counts: tuple[int, int],
) -> None:
    log.warning("job_postponed", reason=error.message, after_seconds=after, waits=counts[1])
    queue: RqQueue = current_app.extensions[QUEUE_KEY]
    tries, waits = counts
    queue.enqueue_later(job, timedelta(seconds=after), tries, arguments, waits)


def _ids(arguments: Mapping[str, Any]) -> dict[str, object]:
    """Log fields: short lists only, a batch of ids by its length."""
    return {
        name: value if not isinstance(value, list) or len(value) <= 5 else f"{len(value)} ids"
        for name, value in arguments.items()
    }


def work(app: Flask, redis_url: str, queues: Iterable[QueueName], *, burst: bool = False) -> None:
    """Run a worker in this process until it is told to stop (SIGTERM finishes the job).

    The worker does not fork: connections and caches stay warm, and a job costs a
    third of a forked one. The supervisor restarts the process when it dies.
    """
    # A connection of its own: RQ raises its time-outs to outlast the blocking pop.
    connection = redis.Redis.from_url(redis_url)
    worker = PulsingWorker(
        [str(name) for name in queues],
        connection=connection,
        serializer=JSONSerializer,
        worker_ttl=WORKER_TTL_SECONDS,
        maintenance_interval=MAINTENANCE_SECONDS,
        job_monitoring_interval=5,
        log_job_description=False,
    )
    with app.app_context():
        worker.work(burst=burst, logging_level="WARNING")
