"""The job port: a name and ids, put on a queue, run at least once."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from contentcenter.jobs.names import JobName, QueueName


@dataclass(frozen=True)
class QueueCounts:
    queued: int
    started: int
    failed: int
    scheduled: int
    deferred: int


@dataclass(frozen=True)
class FailedJob:
    """`error` is the last line of what went wrong; `at` is None for a job whose worker died."""

    id: str
    name: str
    queue: str
    arguments: Mapping[str, object]
    error: str
    at: datetime | None = None


class JobQueue(Protocol):
    """Jobs are safe to repeat: the queue promises at least once, never exactly once.

    Arguments are JSON numbers, strings and lists of them. Raises `EngineUnavailable` when
    the queue server does not answer.
    """

    def enqueue(self, job: JobName, *, key: str | None = None, **arguments: object) -> str:
        """Put a job on its queue and return its id. With `key` (letters, digits, `_`, `-`),
        the same job and key waiting or running already is not put there twice."""
        ...

    def waits(self, job: JobName, job_id: str) -> bool:
        """Whether a job is still on its queue, not begun: what is committed by now it will
        see when it runs."""
        ...

    def counts(self) -> Mapping[QueueName, QueueCounts]: ...

    def failed(self, limit: int = 50, jobs: Collection[JobName] | None = None) -> list[FailedJob]:
        """The dead-letter list, newest first; of these jobs only."""
        ...

    def retry(self, job_id: str) -> None:
        """Put a failed job back on its queue. `NotFound` when it is not in the list."""
        ...

    def discard(self, job_id: str) -> None:
        """Take a failed job off the list for good. `NotFound` when it is not in the list."""
        ...

    def ping(self) -> None:
        """Return when the server answers, else raise `EngineUnavailable`."""
        ...
