from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from contentcenter.clock import FixedClock
from contentcenter.domain.errors import EngineUnavailable
from contentcenter.domain.facts import EventsRecorded, Fact, ImportUploaded, ItemReceived
from contentcenter.floor import Floor
from contentcenter.jobs.names import JobName, QueueName
from contentcenter.jobs.relay import IDS_PER_JOB, Listener, Relay
from contentcenter.store import outbox

LISTENERS = {
    "item_received": [Listener(JobName.PROCESS_ITEMS, "item_id", "item_ids")],
    "import_uploaded": [Listener(JobName.RUN_IMPORT, "import_id", "import_id", many=False)],
    "events_recorded": [Listener(JobName.APPLY_EVENTS)],
}


def tell(floor: Floor, *facts: Fact) -> None:
    with floor.db.transaction() as session:
        for fact in facts:
            outbox.record(session, fact, floor.clock.now())


def queued(floor: Floor, name: QueueName) -> list[tuple[str, dict[str, Any]]]:
    jobs = floor.queue.queue(name).jobs  # type: ignore[attr-defined]
    return [(job.kwargs["name"], job.kwargs["arguments"]) for job in jobs]


@pytest.fixture
def relay(floor: Floor) -> Relay:
    return Relay(floor.db, floor.queue, floor.clock, LISTENERS)


def test_facts_of_one_topic_become_one_job(floor: Floor, relay: Relay) -> None:
    tell(floor, *(ItemReceived(number) for number in (4, 2, 4, 9)))
    assert relay.run_once() == 4
    assert queued(floor, QueueName.INGEST) == [("process_items", {"item_ids": [4, 2, 9]})]


def test_big_batches_are_cut(floor: Floor, relay: Relay) -> None:
    tell(floor, *(ItemReceived(number) for number in range(IDS_PER_JOB + 1)))
    relay.run_once()
    sizes = [len(arguments["item_ids"]) for _, arguments in queued(floor, QueueName.INGEST)]
    assert sizes == [IDS_PER_JOB, 1]


def test_single_and_bare_listeners(floor: Floor, relay: Relay) -> None:
    tell(floor, ImportUploaded(1), ImportUploaded(2), EventsRecorded(1, 5), EventsRecorded(6, 9))
    relay.run_once()
    assert queued(floor, QueueName.INGEST) == [
        ("run_import", {"import_id": 1}),
        ("run_import", {"import_id": 2}),
    ]
    assert queued(floor, QueueName.FOLLOW) == [("apply_events", {})]


def test_a_bare_job_that_still_waits_is_not_queued_again(floor: Floor, relay: Relay) -> None:
    for number in range(3):
        tell(floor, EventsRecorded(number, number))
        assert relay.run_once() == 1
    assert queued(floor, QueueName.FOLLOW) == [("apply_events", {})]


def test_a_bare_job_that_was_begun_is_queued_again(floor: Floor, relay: Relay) -> None:
    tell(floor, EventsRecorded(1, 5))
    relay.run_once()
    begun = floor.queue.queue(QueueName.FOLLOW).pop_job_id()  # type: ignore[attr-defined]
    tell(floor, EventsRecorded(6, 9))
    relay.run_once()
    assert begun is not None
    assert queued(floor, QueueName.FOLLOW) == [("apply_events", {})]


def test_a_told_fact_is_not_told_again(floor: Floor, relay: Relay) -> None:
    tell(floor, ItemReceived(1))
    assert [relay.run_once(), relay.run_once()] == [1, 0]


def test_when_the_queue_is_away_facts_wait(
    floor: Floor, relay: Relay, monkeypatch: pytest.MonkeyPatch
) -> None:
    tell(floor, ItemReceived(1))

    def away(*_: object, **__: object) -> str:
        raise EngineUnavailable("gone")

    with monkeypatch.context() as patch:
        patch.setattr(type(floor.queue), "enqueue", away)
        with pytest.raises(EngineUnavailable):
            relay.run_once()
    assert relay.run_once() == 1


def test_old_told_facts_are_dropped(floor: Floor, relay: Relay, clock: FixedClock) -> None:

    tell(floor, ItemReceived(1))
    relay.run_once()
    assert relay.forget_old() == 0
    clock.advance(timedelta(days=8))
    assert relay.forget_old() == 1
