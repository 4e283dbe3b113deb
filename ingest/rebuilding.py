"""A new index built beside the live one, as work that can be watched, cancelled and survives.

One at a time. It runs in a thread of a worker, so that the worker goes on indexing what
changes meanwhile. A rebuild whose worker died has no pulse: the scheduler begins it again
from the start (vectors are stored, so nothing is embedded twice).
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import structlog

from contentcenter.clock import Clock
from contentcenter.domain.errors import Conflict, ContentCenterError, EngineUnavailable
from contentcenter.jobs.names import JobName
from contentcenter.jobs.ports import JobQueue
from contentcenter.store import audit
from contentcenter.store.database import Database
from ingest.indexing import Indexer
from ingest.rebuild_state import Rebuild, RebuildRecord, RebuildState, same_attempt

log = structlog.get_logger()
ACTOR = "scheduler"
PULSE_SECONDS = 1.0
DEAD_AFTER = timedelta(seconds=30)
ATTEMPTS = 5
PAUSE = timedelta(seconds=15)
# What somebody begins by hand is not queued for a worker meanwhile.
HANDS_OFF = timedelta(seconds=30)
TICK_SECONDS = 5.0
Progress = Callable[[int, int], None]


class _StopNowError(Exception):
    """Leaves the half-built index behind, to be thrown away."""


class RebuildService:
    """`start`, `cancel` and `status` for people, `begin` for the job, `look` for the scheduler."""

    def __init__(self, db: Database, clock: Clock, indexer: Indexer, queue: JobQueue) -> None:
        self._db = db
        self._clock = clock
        self._indexer = indexer
        self._queue = queue
        self._record = RebuildRecord(db, clock)

    def status(self) -> Rebuild | None:
        """The running rebuild, or the last one."""
        return self._record.read()

    def start(self, actor: str) -> Rebuild:
        """Ask for a rebuild. `Conflict` while one is queued or running."""
        asked = self._ask(actor)
        try:
            self._enqueue(asked)
        except EngineUnavailable as error:
            log.warning("rebuild_queued_later", reason=error.message)
        return asked

    def run_here(self, actor: str, progress: Progress | None = None) -> Rebuild:
        """Rebuild in this process and return how it ended. `Conflict` while another runs."""
        self._work(self._ask(actor, HANDS_OFF), progress)
        ended = self._record.read()
        if ended is None:
            raise Conflict("The record of the rebuild is gone")
        return ended

    def start_if_lost(self) -> None:
        """The store remembers a filled index and the engine has an empty one: fill it again."""
        try:
            if not self._indexer.lost():
                return
            log.warning("search_index_lost", doing="filling it again from the store")
            self.start(ACTOR)
        except EngineUnavailable as error:
            log.info("index_not_asked", reason=error.message)  # away is not lost
        except Conflict as error:
            log.info("index_is_being_filled", reason=error.message)

    def cancel(self, actor: str) -> Rebuild:
        """End it; the live index stays as it is. `Conflict` when nothing is running."""
        with self._record.change() as change:
            found = change.found
            if found is None or not found.state.open:
                raise Conflict("No rebuild of the index is running")
            if found.state is RebuildState.QUEUED or self._dead(found):
                ended = replace(found, state=RebuildState.CANCELLED, finished_at=change.now)
            else:
                ended = replace(found, cancelling=True)
            change.write(ended)
            audit.log(change.session, change.now, actor, "rebuild_cancelled", ("index", found.run))
        return ended

    def begin(self, run: int) -> threading.Thread | None:
        """Start the work beside the caller; None when this run is not waiting (any more)."""
        found = self._record.read()
        if found is None or found.run != run or found.state is not RebuildState.QUEUED:
            return None
        thread = threading.Thread(
            target=self._work, args=(found, None), name="index-rebuild", daemon=True
        )
        thread.start()
        return thread

    def look(self) -> None:
        """Queue what waits; give what has no pulse to another worker, a few times."""
        found = self._record.read()
        if found is None or not found.state.open:
            return
        if found.state is RebuildState.RUNNING:
            if not self._dead(found):
                return
            self._put_back(found, "The worker that ran it died")
        elif found.not_before is None or found.not_before <= self._clock.now():
            self._enqueue(found)

    def _enqueue(self, rebuild: Rebuild) -> None:
        key = f"run-{rebuild.run}-{rebuild.attempt}"
        self._queue.enqueue(JobName.REBUILD_INDEX, key=key, run=rebuild.run)

    def _dead(self, found: Rebuild) -> bool:
        running = found.state is RebuildState.RUNNING
        return running and self._clock.now() - found.updated_at > DEAD_AFTER

    def _ask(self, actor: str, hands_off: timedelta | None = None) -> Rebuild:
        with self._record.change() as change:
            last = change.found
            if last is not None and last.state.open:
                raise Conflict(
                    f"A rebuild of the index is {last.state}; cancel it first or wait",
                    run=last.run,
                    state=str(last.state),
                )
            run = last.run + 1 if last is not None else 1
            later = change.now + hands_off if hands_off is not None else None
            asked = Rebuild(
                run, RebuildState.QUEUED, actor, change.now, change.now, not_before=later
            )
            change.write(asked)
            audit.log(change.session, change.now, actor, "rebuild_asked", ("index", run))
        return asked

    def _take(self, asked: Rebuild) -> Rebuild | None:
        """Claim it: of two workers with the same job one gets it."""
        with self._record.change() as change:
            found = change.found
            if found is None or found.run != asked.run or found.state is not RebuildState.QUEUED:
                return None
            mine = replace(
                found,
                state=RebuildState.RUNNING,
                attempt=found.attempt + 1,
                started_at=change.now,
                updated_at=change.now,
                done=0,
                problem="",
            )
            change.write(mine)
        return mine

    def _work(self, asked: Rebuild, progress: Progress | None) -> None:
        mine = self._take(asked)
        if mine is None:
            return
        log.info("rebuild_began", run=mine.run, attempt=mine.attempt)
        pulse = _Pulse(self._record, mine)
        pulse.start()
        try:
            done = self._indexer.rebuild(lambda now, total: pulse.told(now, total, progress))
        except _StopNowError:
            self._end(mine, RebuildState.CANCELLED, "")
        except (EngineUnavailable, Conflict) as error:
            # Away; or an earlier attempt that was thought dead still holds the engine's lock.
            self._put_back(mine, error.message)
        except ContentCenterError as error:
            self._end(mine, RebuildState.FAILED, error.message)
        except Exception as error:
            log.exception("rebuild_failed", run=mine.run)
            self._end(mine, RebuildState.FAILED, f"{type(error).__name__}: {error}")
        else:
            left = max(pulse.total - done, 0)
            self._end(
                replace(mine, done=done, total=done + left),
                RebuildState.DONE,
                f"The engine refused {left} items" if left else "",
            )
        finally:
            pulse.stop()

    def _end(self, mine: Rebuild, state: RebuildState, problem: str) -> None:
        with self._record.change() as change:
            found = change.found
            if found is None or not same_attempt(found, mine):
                return
            counts = mine if state is RebuildState.DONE else found
            ended = replace(
                found,
                state=state,
                problem=problem,
                done=counts.done,
                total=counts.total,
                updated_at=change.now,
                finished_at=change.now,
            )
            change.write(ended)
            action = f"rebuild_{state}"
            if state is not RebuildState.CANCELLED:  # that was logged when it was asked for
                audit.log(
                    change.session, change.now, mine.actor, action, ("index", mine.run),
                    items=ended.done, reason=problem,
                )  # fmt: skip
        log.info("rebuild_ended", run=mine.run, state=str(state), items=ended.done)

    def _put_back(self, mine: Rebuild, problem: str) -> None:
        """Wait for the engine or another worker; after some attempts it failed."""
        if mine.attempt >= ATTEMPTS:
            self._end(mine, RebuildState.FAILED, problem)
            return
        with self._record.change() as change:
            found = change.found
            if found is None or not same_attempt(found, mine):
                return
            log.warning("rebuild_waits", run=mine.run, reason=problem)
            state = RebuildState.CANCELLED if found.cancelling else RebuildState.QUEUED
            change.write(
                replace(
                    found,
                    state=state,
                    problem=problem,
                    not_before=change.now + PAUSE,
                    updated_at=change.now,
                    finished_at=change.now if found.cancelling else None,
                )
            )


class _Pulse:
    """Tells the record how far the work is, every second, also while one step takes long."""

    def __init__(self, record: RebuildRecord, mine: Rebuild) -> None:
        self._record = record
        self._mine = mine
        self._counts = (0, mine.total)
        self._lost = False
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="rebuild-pulse", daemon=True)

    @property
    def total(self) -> int:
        return self._counts[1]

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._over.set()
        self._thread.join()

    def told(self, done: int, total: int, progress: Progress | None) -> None:
        """Between two batches. Leaves the work when it is no longer wanted."""
        self._counts = (done, total)
        if progress is not None:
            progress(done, total)
        if self._lost or not self._record.wanted(self._mine):
            raise _StopNowError

    def _beat(self) -> None:
        while not self._over.wait(PULSE_SECONDS):
            try:
                self._lost = not self._record.pulse(self._mine, *self._counts)
            except EngineUnavailable as error:
                log.warning("rebuild_pulse_missed", reason=error.message)
