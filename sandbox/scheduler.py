"""Work that is due later by the twin's clock; it survives a restart."""

from __future__ import annotations

import heapq
import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass

from sandbox.clock import Clock
from sandbox.store import Store

log = logging.getLogger(__name__)
POLL_SECONDS = 0.1


@dataclass
class Job:
    due: float
    kind: str
    args: list[str]


class Scheduler:
    """Handlers must be safe to repeat: a job is forgotten only after it ran."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._jobs = store.table("jobs", Job)
        self._heap: list[tuple[float, str]] = []
        self._handlers: dict[str, Callable[..., None]] = {}
        self._wake = threading.Event()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._number = 0

    def on(self, kind: str, handler: Callable[..., None]) -> None:
        self._handlers[kind] = handler

    def later(self, seconds: float, kind: str, *args: str) -> None:
        with self._store.lock:
            self._number += 1
            key = f"{self._clock.now():.6f}-{self._number}"
            job = Job(self._clock.now() + seconds, kind, list(args))
            self._jobs.put(key, job)
            heapq.heappush(self._heap, (job.due, key))

    def start(self) -> None:
        with self._store.lock:
            self._heap = [(job.due, key) for key, job in self._jobs.rows.items()]
            heapq.heapify(self._heap)
        self._thread = threading.Thread(target=self._run, name="scheduler", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        if self._thread is not None:
            self._thread.join(timeout=2)

    def forget_all(self) -> None:
        self._heap.clear()

    def waiting(self) -> int:
        return len(self._jobs)

    def _run(self) -> None:
        while not self._stop.wait(POLL_SECONDS):
            while self._run_next():
                pass
            self._store.compact_if_large()

    def _run_next(self) -> bool:
        with self._store.lock:
            if not self._heap or self._heap[0][0] > self._clock.now():
                return False
            _, key = heapq.heappop(self._heap)
            job = self._jobs.get(key)
            if job is None:
                return True
            try:
                self._handlers[job.kind](*job.args)
            except Exception:
                # One broken job must not end the thread that all others need.
                log.exception("job %s %s failed", job.kind, job.args)
            self._jobs.drop(key)
            return True
