from __future__ import annotations

import socket

import pytest
import redis
from rq import SimpleWorker

from contentcenter.jobs import alive
from contentcenter.jobs.scheduler import LeaderLock
from tests.fixtures.valkey import free_port


def test_only_a_registered_worker_of_this_host_lives(
    valkey_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CONTENTCENTER_REDIS_URL", valkey_url)
    with redis.Redis.from_url(valkey_url) as connection:
        assert alive.main(["worker"])
        worker = SimpleWorker(["ingest"], connection=connection)
        worker.register_birth()
        try:
            assert alive.main(["worker"]) is None
            assert not alive.worker_lives(connection, f"not-{socket.gethostname()}")
        finally:
            worker.register_death()
        assert alive.main(["worker"])


def test_a_scheduler_lives_while_one_leads(
    valkey_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CONTENTCENTER_REDIS_URL", valkey_url)
    with redis.Redis.from_url(valkey_url) as connection:
        lock = LeaderLock(connection)
        assert alive.main(["scheduler"])
        assert lock.hold()
        assert alive.main(["scheduler"]) is None
        lock.release()
        assert alive.main(["scheduler"])


def test_without_a_queue_nothing_lives(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONTENTCENTER_REDIS_URL", f"redis://127.0.0.1:{free_port()}/0")
    assert alive.main(["worker"])
