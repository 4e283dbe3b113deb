from __future__ import annotations

import redis

from contentcenter.domain.errors import RetryLater
from contentcenter.jobs.scheduler import LOCK_KEY, LeaderLock, Scheduler, Tick
from tests.fixtures.valkey import free_port


def test_ticks_run_when_they_are_due(valkey_url: str) -> None:
    runs: list[str] = []
    ticks = [
        Tick("fast", 1.0, lambda: runs.append("fast")),
        Tick("slow", 10.0, lambda: runs.append("slow")),
    ]
    with redis.Redis.from_url(valkey_url) as connection:
        scheduler = Scheduler(connection, ticks)
        assert scheduler.step(100.0) == ["fast", "slow"]
        assert scheduler.step(100.5) == []
        assert scheduler.step(101.0) == ["fast"]
        assert scheduler.step(110.0) == ["fast", "slow"]
    assert runs == ["fast", "slow", "fast", "fast", "slow"]


def test_a_broken_tick_does_not_stop_the_others(valkey_url: str) -> None:
    runs: list[str] = []

    def broken() -> None:
        raise ValueError("a bug")

    def away() -> None:
        raise RetryLater("engine away")

    ticks = [
        Tick("broken", 1, broken),
        Tick("away", 1, away),
        Tick("ok", 1, lambda: runs.append("ok")),
    ]
    with redis.Redis.from_url(valkey_url) as connection:
        Scheduler(connection, ticks).step(1.0)
    assert runs == ["ok"]


def test_one_scheduler_leads_and_another_takes_over(valkey_url: str) -> None:
    with redis.Redis.from_url(valkey_url) as connection:
        first = Scheduler(connection, [Tick("t", 1, lambda: None)])
        second = Scheduler(connection, [Tick("t", 1, lambda: None)])
        assert first.step(1.0) == ["t"]
        assert second.step(1.0) == []
        connection.delete(LOCK_KEY)  # the first one died and its lock ran out
        assert second.step(2.0) == ["t"]
        assert first.step(3.0) == []


def test_a_lock_is_released_by_its_holder_only(valkey_url: str) -> None:
    with redis.Redis.from_url(valkey_url) as connection:
        mine, other = LeaderLock(connection), LeaderLock(connection)
        assert mine.hold()
        other.release()
        assert not other.hold()
        mine.release()
        assert other.hold()


def test_without_redis_nothing_runs() -> None:
    runs: list[str] = []
    with redis.Redis(port=free_port(), retry=None) as nowhere:
        scheduler = Scheduler(nowhere, [Tick("t", 1, lambda: runs.append("t"))])
        scheduler.stop()  # do not wait the pause
        assert scheduler.step(1.0) == []
    assert runs == []
