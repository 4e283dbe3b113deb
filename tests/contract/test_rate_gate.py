"""The rate gate on a real Valkey."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from contentcenter.domain.errors import EngineUnavailable
from distribute.rates import Rate, RateGate
from tests.fixtures.twin import wait_for

SLOW = (Rate(limit=5, seconds=3600),)


@pytest.fixture
def connection(valkey_url: str) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(valkey_url, socket_timeout=5) as client:
        yield client


@pytest.fixture
def gate(connection: redis.Redis) -> RateGate:
    return RateGate(connection)


def test_no_more_than_the_limit_is_granted(gate: RateGate) -> None:
    assert gate.take("a", SLOW, 3) == (3, 0)
    assert gate.take("a", SLOW, 3) == (2, 0)
    granted, wait = gate.take("a", SLOW, 3)
    assert granted == 0
    assert 3000 < wait <= 3660


def test_accounts_do_not_share_their_turns(gate: RateGate) -> None:
    gate.take("a", SLOW, 5)
    assert gate.take("b", SLOW, 1) == (1, 0)


def test_the_strictest_window_decides_and_none_is_overdrawn(gate: RateGate) -> None:
    both = (Rate(100, 60), Rate(4, 3600))
    assert gate.take("a", both, 10)[0] == 4
    assert gate.take("a", (Rate(100, 60),), 100)[0] == 96


def test_asking_for_nothing_takes_nothing(gate: RateGate) -> None:
    assert gate.take("a", SLOW, 0) == (0, 0)
    assert gate.take("a", SLOW, 5) == (5, 0)


def test_workers_at_the_same_time_never_pass_the_limit(gate: RateGate) -> None:
    with ThreadPoolExecutor(8) as pool:
        granted = list(pool.map(lambda _: gate.take("a", (Rate(50, 600),), 3)[0], range(40)))
    assert sum(granted) == 50


def test_turns_come_back_when_their_window_has_passed(gate: RateGate) -> None:
    short = (Rate(2, 0.3),)
    assert gate.take("a", short, 2)[0] == 2
    assert gate.take("a", short, 1)[0] == 0
    wait_for(lambda: gate.take("a", short, 1)[0] == 1, 5)


def test_nothing_stays_behind_for_ever(gate: RateGate, connection: redis.Redis) -> None:
    gate.take("a", SLOW, 1)
    assert all(connection.ttl(key) > 0 for key in connection.scan_iter("contentcenter:rate:*"))


def test_without_redis_the_gate_says_so() -> None:
    away = RateGate(redis.Redis(port=1, socket_timeout=1, retry=Retry(NoBackoff(), 0)))
    with pytest.raises(EngineUnavailable):
        away.take("a", SLOW, 1)
