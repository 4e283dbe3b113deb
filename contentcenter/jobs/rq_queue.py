"""The job queue on RQ. Every job runs through one entry, `contentcenter.jobs.worker.execute`.

JSON instead of pickle: whoever can write to Redis must not be able to run code here.
Results are not kept; failed jobs stay in RQ's failed registry, which is our dead-letter list.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, timedelta
from typing import Any
from uuid import uuid4

import redis
from rq import Queue
from rq.exceptions import DuplicateJobError, NoSuchJobError
from rq.job import Job, JobStatus
from rq.registry import FailedJobRegistry
from rq.serializers import JSONSerializer

from contentcenter.domain.errors import EngineUnavailable, NotFound
from contentcenter.jobs.names import QUEUE_OF, JobName, QueueName
from contentcenter.jobs.ports import FailedJob, QueueCounts

ENTRY = "contentcenter.jobs.worker.execute"
JOB_TIMEOUT_SECONDS = 3600
_FETCHED = 200
FAILED_KEPT_SECONDS = 30 * 24 * 3600
# A job that waits or runs; anything else under the same id may be replaced.
_ALIVE = {JobStatus.QUEUED, JobStatus.STARTED, JobStatus.DEFERRED, JobStatus.SCHEDULED}


@contextmanager
def redis_errors() -> Iterator[None]:
    """Turn the driver's connection errors into `EngineUnavailable`."""
    try:
        yield
    except (redis.ConnectionError, redis.TimeoutError) as error:
        raise EngineUnavailable(
            f"Redis does not answer: {error}", after_seconds=5, engine="redis"
        ) from error


class RqQueue:
    """`JobQueue` on Redis or Valkey through RQ 3."""

    def __init__(self, connection: redis.Redis) -> None:
        self._redis = connection
        self._queues = {
            name: Queue(str(name), connection=connection, serializer=JSONSerializer)
            for name in QueueName
        }

    def enqueue(self, job: JobName, *, key: str | None = None, **arguments: object) -> str:
        queue = self._queues[QUEUE_OF[job]]
        job_id = f"{job}-{key}" if key else f"{job}-{uuid4().hex}"
        with redis_errors():
            try:
                self._put(queue, job, job_id, arguments, unique=key is not None)
            except DuplicateJobError:
                if not self._alive(job_id):
                    Job.fetch(job_id, connection=self._redis, serializer=JSONSerializer).delete()
                    self._put(queue, job, job_id, arguments, unique=True)
        return job_id

    def waits(self, job: JobName, job_id: str) -> bool:
        queue = self._queues[QUEUE_OF[job]]
        with redis_errors():
            return self._redis.lpos(queue.key, job_id) is not None

    def enqueue_later(
        self,
        job: JobName,
        after: timedelta,
        tries: int,
        arguments: Mapping[str, object],
        waits: int = 0,
    ) -> None:
        """Repeat a job after a while; the scheduler process moves due ones to their queue.
        `tries` counts towards its end, `waits` (for a part that is away) does not."""
        with redis_errors():
            self._queues[QUEUE_OF[job]].enqueue_in(
                after,
                ENTRY,
                kwargs={
                    "name": str(job),
                    "arguments": dict(arguments),
                    "tries": tries,
                    "waits": waits,
                },
                job_timeout=JOB_TIMEOUT_SECONDS,
                result_ttl=0,
                failure_ttl=FAILED_KEPT_SECONDS,
                description=str(job),
            )

    def counts(self) -> Mapping[QueueName, QueueCounts]:
        with redis_errors():
            return {name: _count(queue) for name, queue in self._queues.items()}

    def failed(self, limit: int = 50, jobs: Collection[JobName] | None = None) -> list[FailedJob]:
        queues = {QUEUE_OF[job] for job in jobs} if jobs is not None else set(self._queues)
        found: list[FailedJob] = []
        with redis_errors():
            for name in queues:
                found += self._failed_of(self._queues[name], limit, jobs)
        return sorted(found, key=_newest_first)[:limit]

    def _failed_of(
        self, queue: Queue, limit: int, jobs: Collection[JobName] | None
    ) -> list[FailedJob]:
        """The jobs asked for may lie deep under others."""
        ids = FailedJobRegistry(queue=queue).get_job_ids(0, -1 if jobs else limit - 1, desc=True)
        found: list[FailedJob] = []
        for start in range(0, len(ids), _FETCHED):
            part = ids[start : start + _FETCHED]
            rows = Job.fetch_many(part, connection=self._redis, serializer=JSONSerializer)
            wanted = [job for job in rows if job is not None and (not jobs or _name(job) in jobs)]
            found += [_failed(job, queue.name) for job in wanted]
            if len(found) >= limit:
                break
        return found[:limit]

    def retry(self, job_id: str) -> None:
        with redis_errors():
            self._from_the_list(job_id).requeue()

    def discard(self, job_id: str) -> None:
        with redis_errors():
            self._from_the_list(job_id).delete()

    def _from_the_list(self, job_id: str) -> Job:
        """A job that is known, but waits or runs, must not be touched."""
        try:
            job = Job.fetch(job_id, connection=self._redis, serializer=JSONSerializer)
        except NoSuchJobError:
            job = None
        if job is None or not job.is_failed:
            raise NotFound(f"No failed job {job_id}", job_id=job_id)
        return job

    def ping(self) -> None:
        with redis_errors():
            self._redis.ping()

    def queue(self, name: QueueName) -> Queue:
        """RQ's own queue, for workers and the scheduler."""
        return self._queues[name]

    def _alive(self, job_id: str) -> bool:
        try:
            job = Job.fetch(job_id, connection=self._redis, serializer=JSONSerializer)
        except NoSuchJobError:
            return False
        return job.get_status() in _ALIVE

    def _put(
        self, queue: Queue, job: JobName, job_id: str, arguments: Mapping[str, object], unique: bool
    ) -> None:
        queue.enqueue_call(
            ENTRY,
            kwargs={"name": str(job), "arguments": dict(arguments), "tries": 1},
            timeout=JOB_TIMEOUT_SECONDS,
            result_ttl=0,
            failure_ttl=FAILED_KEPT_SECONDS,
            description=str(job),
            job_id=job_id,
            unique=unique,
        )


def _count(queue: Queue) -> QueueCounts:
    return QueueCounts(
        queued=queue.count,
        started=queue.started_job_registry.count,
        failed=queue.failed_job_registry.count,
        scheduled=queue.scheduled_job_registry.count,
        deferred=queue.deferred_job_registry.count,
    )


def _name(job: Job) -> str:
    kwargs: Mapping[str, Any] = job.kwargs or {}
    return str(kwargs.get("name", job.description))


def _failed(job: Job, queue: str) -> FailedJob:
    kwargs: Mapping[str, Any] = job.kwargs or {}
    result = job.latest_result()
    error = (result.exc_string if result is not None else "") or "the worker died"
    last_line = error.strip().splitlines()[-1] if error.strip() else error
    return FailedJob(
        id=job.id,
        name=_name(job),
        queue=queue,
        arguments=kwargs.get("arguments", {}),
        error=last_line,
        at=job.ended_at.replace(tzinfo=UTC) if job.ended_at is not None else None,
    )


def _newest_first(job: FailedJob) -> float:
    return -job.at.timestamp() if job.at is not None else 0.0


JobFunction = Callable[..., None]
