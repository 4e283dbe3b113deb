"""Delayed jobs: RQ's own scheduler, driven by our leader instead of a forked process."""

from __future__ import annotations

import logging

from rq.scheduler import RQScheduler
from rq.serializers import JSONSerializer

from contentcenter.jobs.names import QueueName
from contentcenter.jobs.rq_queue import RqQueue, redis_errors
from contentcenter.jobs.scheduler import Tick

EVERY_SECONDS = 1.0


def delayed_tick(queue: RqQueue) -> Tick:
    """A tick that moves due delayed jobs to their queues."""
    names = [str(name) for name in QueueName.all()]
    connection = queue.queue(QueueName.INGEST).connection
    mover = RQScheduler(
        names, connection=connection, serializer=JSONSerializer, logging_level=logging.WARNING
    )

    def move_due() -> None:
        with redis_errors():
            mover.acquire_locks()
            mover.enqueue_scheduled_jobs()

    return Tick("delayed_jobs", EVERY_SECONDS, move_due)
