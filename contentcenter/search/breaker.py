"""A circuit breaker: a part that does not answer is left alone, and asked again in the background.

closed: calls go through; some failures in a row open it.
open: calls fail at once, nobody waits for a part that is known to be away.
half-open: one background thread asks after a pause that grows each time. Its success closes
the breaker, so nobody's page pays for finding out.

State is one process's own: each has its own view of the network.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

import structlog

from contentcenter.domain.errors import EngineUnavailable

log = structlog.get_logger()
T = TypeVar("T")


class BreakerState(StrEnum):
    CLOSED = "closed"
    HALF_OPEN = "half_open"
    OPEN = "open"


@dataclass(frozen=True)
class BreakerRules:
    """`failures` in a row open it. Pauses are seconds; each failed probe doubles the pause."""

    failures: int = 3
    first_pause: float = 0.5
    longest_pause: float = 5.0


@dataclass(frozen=True)
class BreakerStatus:
    """`open_seconds` is None while closed; the counters run from the start of the process."""

    name: str
    state: BreakerState
    open_seconds: float | None
    failures: int
    refused: int
    openings: int
    problem: str


class Breaker:
    """Safe for threads; calls run outside its lock, side by side."""

    def __init__(
        self, name: str, probe: Callable[[], object], rules: BreakerRules | None = None
    ) -> None:
        self._name = name
        self._probe = probe
        self._rules = rules or BreakerRules()
        self._lock = threading.Lock()
        self._state = BreakerState.CLOSED
        self._in_a_row = 0
        self._opened_at = 0.0
        self._pause = self._rules.first_pause
        self._prober: threading.Thread | None = None
        # Its own: a thread that draws from the module's disturbs whoever seeded that one.
        self._chance = random.Random()
        self._failures = self._refused = self._openings = 0
        self._problem = ""

    def call(self, work: Callable[[], T]) -> T:
        """Run `work`. Raises what it raises; `EngineUnavailable` at once while open."""
        self._admit()
        try:
            answer = work()
        except EngineUnavailable as error:
            self._failed(error)
            raise
        self._answered()
        return answer

    @property
    def closed(self) -> bool:
        return self._state is BreakerState.CLOSED

    def status(self) -> BreakerStatus:
        with self._lock:
            closed = self._state is BreakerState.CLOSED
            return BreakerStatus(
                name=self._name,
                state=self._state,
                open_seconds=None if closed else time.monotonic() - self._opened_at,
                failures=self._failures,
                refused=self._refused,
                openings=self._openings,
                problem="" if closed else self._problem,
            )

    def _admit(self) -> None:
        with self._lock:
            if self._state is BreakerState.CLOSED:
                return
            self._refused += 1
            self._keep_probing()
            raise EngineUnavailable(self._problem, after_seconds=self._pause, engine=self._name)

    def _failed(self, error: EngineUnavailable) -> None:
        with self._lock:
            self._failures += 1
            self._in_a_row += 1
            if self._state is BreakerState.CLOSED and self._in_a_row >= self._rules.failures:
                self._open(error)

    def _answered(self) -> None:
        """A call that began before the opening does not close: only a fresh look does."""
        with self._lock:
            self._in_a_row = 0

    def _open(self, error: EngineUnavailable) -> None:
        self._state = BreakerState.OPEN
        self._opened_at = time.monotonic()
        self._openings += 1
        self._pause = self._rules.first_pause
        self._problem = error.message
        log.warning("breaker_opened", part=self._name, reason=error.message)
        self._keep_probing()

    def _keep_probing(self) -> None:
        """Under the lock. A forked child inherits the state without the thread: it begins one."""
        if self._prober is None or not self._prober.is_alive():
            self._prober = threading.Thread(
                target=self._probe_until_closed, name=f"probe-{self._name}", daemon=True
            )
            self._prober.start()

    def _probe_until_closed(self) -> None:
        while True:
            # Many processes lose the same part at once; they must not all ask at once.
            time.sleep(self._pause * self._chance.uniform(0.8, 1.2))
            with self._lock:
                self._state = BreakerState.HALF_OPEN
            problem = self._ask()
            with self._lock:
                if problem is None:
                    self._close()
                    return
                self._state, self._problem = BreakerState.OPEN, problem
                self._pause = min(2 * self._pause, self._rules.longest_pause)

    def _ask(self) -> str | None:
        """What is wrong, or None."""
        try:
            self._probe()
        except EngineUnavailable as error:
            return error.message
        except Exception as error:
            log.exception("breaker_probe_failed", part=self._name)
            return f"{type(error).__name__}: {error}"
        return None

    def _close(self) -> None:
        self._state = BreakerState.CLOSED
        self._in_a_row = 0
        # The next failures begin a thread of their own even if this one is still ending.
        self._prober = None
        away = time.monotonic() - self._opened_at
        log.info("breaker_closed", part=self._name, away_seconds=round(away, 1))
