"""The job queue's promises on a real Valkey, with a real worker."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
import redis
from flask import Flask

from contentcenter.domain.errors import EngineUnavailable, NotFound, RetryLater
from contentcenter.jobs import pulse, worker
from contentcenter.jobs.delayed import delayed_tick
from contentcenter.jobs.names import QUEUE_OF, JobName, QueueName
from contentcenter.jobs.rq_queue import RqQueue
from tests.fixtures.twin import wait_for
from tests.fixtures.valkey import ValkeyServer, free_port


@pytest.fixture
def queue(valkey_url: str) -> Iterator[RqQueue]:
    with redis.Redis.from_url(valkey_url, socket_timeout=5) as connection:
        yield RqQueue(connection)


@pytest.fixture
def run_jobs(queue: RqQueue, valkey_url: str) -> Callable[..., None]:
    """Run everything that is queued, with these functions."""

    def run(**functions: Callable[..., None]) -> None:
        app = Flask("jobs")
        worker.register(app, queue, {JobName(name): f for name, f in functions.items()})
        worker.work(app, valkey_url, QueueName.all(), burst=True)

    return run


def test_a_job_runs_with_its_arguments(queue: RqQueue, run_jobs: Callable[..., None]) -> None:
    calls: list[list[int]] = []
    queue.enqueue(JobName.PROCESS_ITEMS, item_ids=[3, 5])
    assert queue.counts()[QueueName.INGEST].queued == 1
    run_jobs(process_items=lambda item_ids: calls.append(item_ids))
    assert calls == [[3, 5]]
    assert queue.counts()[QueueName.INGEST].queued == 0


def test_jobs_of_one_queue_run_in_order(queue: RqQueue, run_jobs: Callable[..., None]) -> None:
    seen: list[int] = []
    for number in range(20):
        queue.enqueue(JobName.PLAN, plan_id=number)
    run_jobs(plan=lambda plan_id: seen.append(plan_id))
    assert seen == list(range(20))


def test_the_same_key_waits_once_and_may_come_again(
    queue: RqQueue, run_jobs: Callable[..., None]
) -> None:
    seen: list[int] = []
    for _ in range(3):
        queue.enqueue(JobName.PLAN, key="7", plan_id=7)
    assert queue.counts()[QueueName.FOLLOW].queued == 1
    run_jobs(plan=lambda plan_id: seen.append(plan_id))
    queue.enqueue(JobName.PLAN, key="7", plan_id=7)
    run_jobs(plan=lambda plan_id: seen.append(plan_id))
    assert seen == [7, 7]


def test_a_job_waits_until_it_runs(queue: RqQueue, run_jobs: Callable[..., None]) -> None:
    waiting: list[bool] = []
    number = queue.enqueue(JobName.APPLY_EVENTS)
    assert queue.waits(JobName.APPLY_EVENTS, number)
    assert not queue.waits(JobName.APPLY_EVENTS, "another")
    run_jobs(apply_events=lambda: waiting.append(queue.waits(JobName.APPLY_EVENTS, number)))
    assert waiting == [False]


def test_a_broken_job_is_listed_and_can_be_repeated(
    queue: RqQueue, run_jobs: Callable[..., None]
) -> None:
    def broken(item_ids: list[int]) -> None:
        raise ValueError("no such book")

    queue.enqueue(JobName.INDEX_ITEMS, item_ids=[1])
    run_jobs(index_items=broken)
    (failed,) = queue.failed()
    assert (failed.name, failed.queue) == ("index_items", "ingest")
    assert failed.arguments == {"item_ids": [1]}
    assert "no such book" in failed.error
    done: list[list[int]] = []
    queue.retry(failed.id)
    run_jobs(index_items=lambda item_ids: done.append(item_ids))
    assert done == [[1]]
    assert queue.failed() == []


def test_a_key_whose_job_failed_can_be_enqueued_again(
    queue: RqQueue, run_jobs: Callable[..., None]
) -> None:
    def broken(plan_id: int) -> None:
        raise ValueError("first time")

    queue.enqueue(JobName.PLAN, key="9", plan_id=9)
    run_jobs(plan=broken)
    seen: list[int] = []
    queue.enqueue(JobName.PLAN, key="9", plan_id=9)
    run_jobs(plan=lambda plan_id: seen.append(plan_id))
    assert seen == [9]


def test_an_unknown_failed_job_is_not_found(queue: RqQueue) -> None:
    with pytest.raises(NotFound):
        queue.retry("nothing")


def test_failed_jobs_are_listed_by_name_and_discarded(
    queue: RqQueue, run_jobs: Callable[..., None]
) -> None:
    def broken(item_ids: list[int]) -> None:
        raise ValueError(f"bad {item_ids}")

    for number in range(3):
        queue.enqueue(JobName.INDEX_ITEMS, item_ids=[number])
        queue.enqueue(JobName.PROCESS_ITEMS, item_ids=[number])
    run_jobs(index_items=broken, process_items=broken)
    mine = queue.failed(jobs={JobName.INDEX_ITEMS})
    assert [job.arguments["item_ids"] for job in mine] == [[2], [1], [0]]
    assert len(queue.failed(2)) == 2
    queue.discard(mine[0].id)
    assert len(queue.failed(jobs={JobName.INDEX_ITEMS})) == 2
    with pytest.raises(NotFound):
        queue.retry(mine[0].id)


def test_a_waiting_job_is_neither_retried_nor_discarded(queue: RqQueue) -> None:
    waiting = queue.enqueue(JobName.PLAN, plan_id=1)
    for touch in (queue.retry, queue.discard):
        with pytest.raises(NotFound):
            touch(waiting)
    assert queue.counts()[QueueName.FOLLOW].queued == 1


def test_retry_later_puts_the_job_off_and_then_runs_it(
    queue: RqQueue, run_jobs: Callable[..., None]
) -> None:
    tries: list[int] = []

    def engine_away(item_ids: list[int]) -> None:
        tries.append(len(tries))
        if len(tries) < 3:
            raise RetryLater("the engine is away", after_seconds=0)

    queue.enqueue(JobName.PROCESS_ITEMS, item_ids=[1])
    tick = delayed_tick(queue)
    for _ in range(3):
        run_jobs(process_items=engine_away)
        tick.run()
    assert tries == [0, 1, 2]
    assert queue.failed() == []


def test_retry_later_for_ever_ends_in_the_dead_letter_list(
    queue: RqQueue, run_jobs: Callable[..., None]
) -> None:
    def always(item_ids: list[int]) -> None:
        raise RetryLater("still away", after_seconds=0)

    queue.enqueue(JobName.PROCESS_ITEMS, item_ids=[1])
    tick = delayed_tick(queue)
    for _ in range(worker.TRIES + 1):
        run_jobs(process_items=always)
        tick.run()
    assert [job.error for job in queue.failed()] != []
    assert queue.counts()[QueueName.INGEST].scheduled == 0


def test_a_part_that_is_away_costs_a_job_no_tries(
    queue: RqQueue, run_jobs: Callable[..., None]
) -> None:
    away = worker.TRIES + 3
    calls: list[list[int]] = []

    def needs_a_part(item_ids: list[int]) -> None:
        calls.append(item_ids)
        if len(calls) <= away:
            raise EngineUnavailable("not there", after_seconds=0)

    queue.enqueue(JobName.PROCESS_ITEMS, item_ids=[1])
    tick = delayed_tick(queue)
    for _ in range(away + 1):
        run_jobs(process_items=needs_a_part)
        tick.run()
    assert len(calls) == away + 1
    assert queue.failed() == []
    assert queue.counts()[QueueName.INGEST].scheduled == 0


def test_a_delayed_job_waits_for_its_time(queue: RqQueue, run_jobs: Callable[..., None]) -> None:
    seen: list[int] = []
    queue.enqueue_later(JobName.PLAN, timedelta(hours=1), 2, {"plan_id": 1})
    delayed_tick(queue).run()
    run_jobs(plan=lambda plan_id: seen.append(plan_id))
    assert seen == []
    assert queue.counts()[QueueName.FOLLOW].scheduled == 1


def test_a_server_that_is_away_is_an_engine_unavailable() -> None:
    with redis.Redis(port=free_port(), retry=None) as nowhere:
        away = RqQueue(nowhere)
        with pytest.raises(EngineUnavailable):
            away.ping()
        with pytest.raises(EngineUnavailable):
            away.enqueue(JobName.PLAN, plan_id=1)


def test_a_killed_workers_job_is_given_up_in_half_a_minute(
    queue: RqQueue, valkey_url: str, run_jobs: Callable[..., None]
) -> None:
    seen: list[int] = []
    queue.enqueue(JobName.PLAN, key="7", plan_id=7)
    kill_in_a_job(valkey_url)
    queue.enqueue(JobName.PLAN, key="7", plan_id=7)
    run_jobs(plan=lambda plan_id: seen.append(plan_id))
    assert seen == []  # who knows whether it still runs
    soon = time.time() + pulse.LOST_AFTER_SECONDS + 1
    queue.queue(QueueName.FOLLOW).started_job_registry.cleanup(soon)
    (given_up,) = queue.failed()
    assert "AbandonedJobError" in given_up.error
    queue.enqueue(JobName.PLAN, key="7", plan_id=7)
    run_jobs(plan=lambda plan_id: seen.append(plan_id))
    assert seen == [7]
    assert queue.failed() == []


def test_a_long_job_is_claimed_again_and_again(
    queue: RqQueue, run_jobs: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pulse, "BEAT_SECONDS", 0.02)
    registry = queue.queue(QueueName.FOLLOW).started_job_registry
    grown: list[bool] = []

    def claimed_until() -> float:
        ((_, until),) = registry.connection.zrange(registry.key, 0, -1, withscores=True)
        return float(until)

    def long(plan_id: int) -> None:
        first = claimed_until()
        grown.append(wait_for(lambda: claimed_until() > first))

    queue.enqueue(JobName.PLAN, plan_id=7)
    run_jobs(plan=long)
    assert grown == [True]
    assert queue.counts()[QueueName.FOLLOW].started == 0


def kill_in_a_job(valkey_url: str) -> None:
    """A worker takes the next job and dies in it."""
    command = [sys.executable, "-m", "tests.contract.job_child", valkey_url]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"at work\n"
        child.kill()


def test_queued_jobs_survive_a_killed_server(tmp_path_factory: pytest.TempPathFactory) -> None:
    server = ValkeyServer(tmp_path_factory.mktemp("valkey"), free_port())
    server.start()
    try:
        with redis.Redis.from_url(server.url) as connection:
            queue = RqQueue(connection)
            for number in range(50):
                queue.enqueue(JobName.PLAN, plan_id=number)
            server.kill()
            server.start()
            assert queue.counts()[QueueName.FOLLOW].queued == 50
    finally:
        server.kill()


def test_every_job_has_a_queue() -> None:
    assert set(QUEUE_OF) == set(JobName)
