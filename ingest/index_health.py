"""Is the search index well: engine, counts, lag, failed jobs, rebuild, model, breakers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import version
from typing import Any, TypeVar

from contentcenter.domain.errors import ContentCenterError, EngineUnavailable, NotFound
from contentcenter.embedding.ports import ModelIdentity
from contentcenter.floor import Floor
from contentcenter.jobs.names import JobName
from contentcenter.jobs.ports import FailedJob
from contentcenter.search.breaker import BreakerStatus
from contentcenter.search.guarded import breakers_of
from contentcenter.search.ports import IndexStats
from contentcenter.store import audit, watch
from ingest.catching_up import CatchUp, Waiting
from ingest.rebuild_state import Rebuild
from ingest.rebuilding import RebuildService

JOBS = frozenset({JobName.INDEX_ITEMS, JobName.CATCH_UP_INDEX, JobName.REBUILD_INDEX})
MOST_JOBS = 50
ALL = 10_000
T = TypeVar("T")


@dataclass(frozen=True)
class IndexHealth:
    """`documents`, `vectors`, `disk_bytes` and `details` are None (empty) while the engine is
    away, `problem` says why. `behind` items are held differently than the store has them, the
    oldest of them changed at `oldest`. `advice` says what to do about another model."""

    engine: str
    engine_version: str
    problem: str
    expected: int
    documents: int | None
    vectors: int | None
    disk_bytes: int | None
    details: dict[str, Any]
    behind: int
    oldest: datetime | None
    lag_seconds: float
    waiting: Waiting | None
    model: str
    configured_model: str
    advice: str
    breakers: tuple[BreakerStatus, ...]
    rebuild: Rebuild | None
    failed_jobs: tuple[FailedJob, ...]
    queue_problem: str

    @property
    def status(self) -> str:
        """ok, behind (it catches up), attention (a person must do something) or away."""
        if self.problem:
            return "away"
        if self.advice or self.failed_jobs:
            return "attention"
        return "behind" if self.behind or self.documents != self.expected else "ok"


class IndexHealthService:
    """`look` for the page and the API; what can be done about failed jobs."""

    def __init__(self, floor: Floor, catch_up: CatchUp, rebuilds: RebuildService) -> None:
        self._db = floor.db
        self._clock = floor.clock
        self._index = floor.index
        self._embedder = floor.embedder
        self._queue = floor.queue
        self._catch_up = catch_up
        self._rebuilds = rebuilds
        self._engine = floor.settings.search_engine

    def look(self) -> IndexHealth:
        """Asks every part; one that is away is named, the others are still told."""
        with self._db.reading() as session:
            expected, lag = watch.items_to_index(session), watch.out_of_step(session)
        stats, problem = _ask(self._index.stats)
        configured, model_problem = _ask(self._embedder.identity)
        failed, queue_problem = _ask(lambda: self._queue.failed(MOST_JOBS, JOBS))
        details = dict(stats.details) if stats else {}
        age = (self._clock.now() - lag.oldest).total_seconds() if lag.oldest else 0.0
        return IndexHealth(
            engine=self._engine,
            engine_version=str(details.get("server", "")) or _own_version(self._engine),
            problem=problem,
            expected=expected,
            documents=stats.documents if stats else None,
            vectors=stats.vectors if stats else None,
            disk_bytes=stats.disk_bytes if stats else None,
            details=details,
            behind=lag.count,
            oldest=lag.oldest,
            lag_seconds=max(age, 0.0),
            waiting=self._catch_up.waiting(),
            model=str(stats.model) if stats and stats.model else "",
            configured_model=str(configured) if configured else model_problem,
            advice=_advice(stats, configured),
            breakers=breakers_of(self._index),
            rebuild=self._rebuilds.status(),
            failed_jobs=tuple(failed or ()),
            queue_problem=queue_problem,
        )

    def retry(self, job_id: str, actor: str) -> None:
        """`NotFound` for a job that has not failed or does not belong to the index."""
        self._belongs(job_id)
        self._queue.retry(job_id)
        self._log(actor, "failed_job_retried", job=job_id)

    def retry_all(self, actor: str) -> int:
        """Returns how many were queued again."""
        jobs = self._queue.failed(ALL, JOBS)
        for job in jobs:
            self._queue.retry(job.id)
        if jobs:
            self._log(actor, "failed_jobs_retried", count=len(jobs))
        return len(jobs)

    def discard(self, job_id: str, actor: str) -> None:
        """Forget a failed job. Nothing is lost: what is out of step is found again."""
        self._belongs(job_id)
        self._queue.discard(job_id)
        self._log(actor, "failed_job_discarded", job=job_id)

    def _belongs(self, job_id: str) -> None:
        if all(job.id != job_id for job in self._queue.failed(ALL, JOBS)):
            raise NotFound(f"No failed job {job_id} of the index", job_id=job_id)

    def _log(self, actor: str, action: str, **details: object) -> None:
        now = self._clock.now()
        with self._db.transaction() as session:
            audit.log(session, now, actor, action, ("index", 0), **details)


def _ask(question: Callable[[], T]) -> tuple[T | None, str]:
    try:
        return question(), ""
    except EngineUnavailable as error:
        return None, error.message
    except ContentCenterError as error:
        return None, f"{error.code}: {error.message}"


def _own_version(engine: str) -> str:
    return f"tantivy {version('tantivy')}" if engine == "embedded" else ""


def _advice(stats: IndexStats | None, configured: ModelIdentity | None) -> str:
    if stats is None or configured is None or stats.model in {None, configured}:
        return ""
    return (
        f"The index holds vectors of {stats.model}, the configured model is {configured}. They "
        "cannot be mixed: rebuild the index (it is embedded anew), or set the former model back."
    )
