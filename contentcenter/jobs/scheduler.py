"""The scheduler: one leader runs short periodic ticks (relay, due posts, follow-ups, sweeps).

Several scheduler processes may run; a lock in Redis makes one of them the leader, and
another takes over within seconds when it dies. Ticks only find ids and enqueue jobs.
"""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from uuid import uuid4

import redis
import structlog

from contentcenter.domain.errors import EngineUnavailable, RetryLater
from contentcenter.jobs.rq_queue import redis_errors

log = structlog.get_logger()
LOCK_KEY = "contentcenter:scheduler:leader"
LOCK_MS = 6000
PAUSE_SECONDS = 0.1

# Renewing and releasing compare the holder first: a leader that slept past its lock must not
# touch its successor's.
_RENEW = """
if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('pexpire', KEYS[1], ARGV[2]) end
return 0
"""
_RELEASE = """
if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('del', KEYS[1]) end
return 0
"""


@dataclass(frozen=True)
class Tick:
    """Something to do every so many seconds. Must be short and safe to repeat."""

    name: str
    every_seconds: float
    run: Callable[[], object]


class LeaderLock:
    """A lock with a holder and a life time."""

    def __init__(self, connection: redis.Redis) -> None:
        self._redis = connection
        self._holder = uuid4().hex
        self._renew = connection.register_script(_RENEW)
        self._release = connection.register_script(_RELEASE)

    def hold(self) -> bool:
        """Take or keep the lock. `EngineUnavailable` when Redis is away."""
        with redis_errors():
            if self._renew(keys=[LOCK_KEY], args=[self._holder, LOCK_MS]):
                return True
            return bool(self._redis.set(LOCK_KEY, self._holder, nx=True, px=LOCK_MS))

    def release(self) -> None:
        with redis_errors():
            self._release(keys=[LOCK_KEY], args=[self._holder])


class Scheduler:
    def __init__(self, connection: redis.Redis, ticks: Sequence[Tick]) -> None:
        self._lock = LeaderLock(connection)
        self._ticks = ticks
        self._due = {tick.name: 0.0 for tick in ticks}
        self._stop = threading.Event()

    def stop(self) -> None:
        self._stop.set()

    def run(self) -> None:
        """Run until `stop` or SIGTERM/SIGINT."""
        signal.signal(signal.SIGTERM, lambda *_: self.stop())
        signal.signal(signal.SIGINT, lambda *_: self.stop())
        while not self._stop.wait(PAUSE_SECONDS):
            self.step(time.monotonic())
        try:
            self._lock.release()
        except EngineUnavailable:
            log.info("leader_lock_left_to_expire")

    def step(self, at: float) -> list[str]:
        """Run the ticks due at a monotonic time when we lead. Returns their names."""
        try:
            if not self._lock.hold():
                return []
        except EngineUnavailable as error:
            log.warning("scheduler_waits", reason=error.message)
            self._stop.wait(1.0)
            return []
        due = [tick for tick in self._ticks if self._due[tick.name] <= at]
        for tick in due:
            self._due[tick.name] = at + tick.every_seconds
            self._run(tick)
        return [tick.name for tick in due]

    def _run(self, tick: Tick) -> None:
        try:
            tick.run()
        except RetryLater as error:
            log.warning("tick_postponed", tick=tick.name, reason=error.message)
        except Exception:  # one broken tick must not stop the others
            log.exception("tick_failed", tick=tick.name)
