"""Indexing waits for an engine that is away; a rebuild can be watched, cancelled, begun again."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from contentcenter.clock import FixedClock
from contentcenter.domain.errors import Conflict, EngineUnavailable, InvalidInput
from contentcenter.floor import Floor
from contentcenter.jobs.names import JobName, QueueName
from contentcenter.search.ports import Filters, IndexDocument
from ingest.drafts import ItemChanges, ItemDraft
from ingest.ext import IngestServices, build_services
from ingest.rebuild_state import RebuildRecord, RebuildState


class Engine:
    """The real engine on a plug, with an item it will not take and a door that can be held."""

    def __init__(self, engine: Any) -> None:
        self._engine = engine
        self.away = False
        self.bad: int | None = None
        self.held = threading.Event()
        self.go = threading.Event()
        self.go.set()

    def __getattr__(self, name: str) -> Any:
        if self.away:
            raise EngineUnavailable("The search engine does not answer.")
        return getattr(self._engine, name)

    def put(self, documents: list[IndexDocument]) -> None:
        if self.away:
            raise EngineUnavailable("The search engine does not answer.")
        if any(one.id == self.bad for one in documents):
            raise InvalidInput("A field is too long.")
        self._engine.put(documents)

    @contextmanager
    def rebuild(self, model: Any) -> Iterator[Any]:
        if self.away:
            raise EngineUnavailable("The search engine does not answer.")
        with self._engine.rebuild(model) as target:
            self.held.set()
            assert self.go.wait(30)
            yield target


@pytest.fixture
def engine(floor: Floor) -> Engine:
    return Engine(floor.index)


@pytest.fixture
def ingest(floor: Floor, engine: Engine) -> IngestServices:
    return build_services(replace(floor, index=engine))


def make_items(ingest: IngestServices, count: int) -> list[int]:
    drafts = [
        ItemDraft(title=f"第{n}篇", body=f"写第{n}场雨的短文。", source="编辑部")
        for n in range(count)
    ]
    ids = [ingest.items.create(draft, "ann").item_id for draft in drafts]
    ingest.pipeline.process(ids)
    return ids


def inside(floor: Floor) -> set[int]:
    return set(floor.index.select(Filters(), 1000))


def queued(floor: Floor) -> int:
    return floor.queue.counts()[QueueName.INGEST].queued


def test_index_jobs_wait_as_one_and_catch_up(
    floor: Floor, ingest: IngestServices, engine: Engine, clock: FixedClock
) -> None:
    ids = make_items(ingest, 12)
    engine.away = True
    for item_id in ids:
        ingest.catch_up.index([item_id])
    waiting = ingest.catch_up.waiting()
    assert waiting is not None
    assert "does not answer" in waiting.reason
    clock.advance(timedelta(minutes=5))
    ingest.catch_up.look()
    assert (queued(floor), floor.queue.failed()) == (0, []), "nothing piles up while it is away"
    ingest.catch_up.catch_up()
    assert ingest.catch_up.waiting().pause > waiting.pause  # type: ignore[union-attr]
    engine.away = False
    clock.advance(timedelta(minutes=2))
    for _ in range(3):
        ingest.catch_up.look()
    assert queued(floor) == 1
    ingest.catch_up.catch_up()
    assert inside(floor) == set(ids)
    assert ingest.indexer.check().in_step
    assert ingest.catch_up.waiting() is None


def test_catching_up_gives_others_a_turn(
    floor: Floor, ingest: IngestServices, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ingest.catching_up.BATCH", 2)
    monkeypatch.setattr("ingest.catching_up.BATCHES", 2)
    ids = make_items(ingest, 6)
    ingest.catch_up.catch_up()
    assert inside(floor) == set(ids[:4])
    assert queued(floor) == 1
    ingest.catch_up.catch_up(ids[3])
    assert inside(floor) == set(ids)


def test_an_item_the_engine_refuses_does_not_keep_the_others_out(
    floor: Floor, ingest: IngestServices, engine: Engine
) -> None:
    ids = make_items(ingest, 5)
    engine.bad = ids[2]
    with pytest.raises(InvalidInput, match="too long") as refused:
        ingest.catch_up.index(ids)
    assert refused.value.details["item_ids"] == [ids[2]]
    assert inside(floor) == set(ids) - {ids[2]}
    assert ingest.indexer.behind() == 1


def test_a_rebuild_is_asked_for_once_and_tells_how_far_it_is(
    floor: Floor, ingest: IngestServices, engine: Engine, clock: FixedClock
) -> None:
    ids = make_items(ingest, 7)
    asked = ingest.rebuilds.start("ann")
    assert asked.state is RebuildState.QUEUED
    assert queued(floor) == 1
    with pytest.raises(Conflict, match="queued"):
        ingest.rebuilds.start("bob")
    engine.go.clear()
    thread = ingest.rebuilds.begin(asked.run)
    assert thread is not None
    assert engine.held.wait(20)
    assert ingest.rebuilds.begin(asked.run) is None, "the same job twice"
    clock.advance(timedelta(seconds=2))
    engine.go.set()
    thread.join(20)
    ended = ingest.rebuilds.status()
    assert ended is not None
    assert (ended.state, ended.done, ended.total) == (RebuildState.DONE, 7, 7)
    assert ended.items_per_second == pytest.approx(3.5)
    assert inside(floor) == set(ids)
    assert ingest.rebuilds.start("bob").run == asked.run + 1


def test_a_cancelled_rebuild_leaves_the_live_index(
    floor: Floor, ingest: IngestServices, engine: Engine
) -> None:
    ids = make_items(ingest, 3)
    ingest.catch_up.index(ids)
    engine.go.clear()
    thread = ingest.rebuilds.begin(ingest.rebuilds.start("ann").run)
    assert thread is not None
    assert engine.held.wait(20)
    ingest.rebuilds.cancel("ann")
    before = floor.index.stats().details["generation"]
    engine.go.set()
    thread.join(20)
    assert ingest.rebuilds.status().state is RebuildState.CANCELLED  # type: ignore[union-attr]
    assert floor.index.stats().details["generation"] == before
    assert inside(floor) == set(ids)
    with pytest.raises(Conflict):
        ingest.rebuilds.cancel("ann")


def test_a_rebuild_whose_worker_died_is_begun_again(
    floor: Floor, ingest: IngestServices, clock: FixedClock
) -> None:
    ids = make_items(ingest, 3)
    asked = ingest.rebuilds.start("ann")
    lost = ingest.rebuilds._take(asked)
    assert lost is not None
    ingest.rebuilds.look()
    assert ingest.rebuilds.status().state is RebuildState.RUNNING  # type: ignore[union-attr]
    clock.advance(timedelta(seconds=31))
    ingest.rebuilds.look()
    clock.advance(timedelta(seconds=31))
    before = queued(floor)
    ingest.rebuilds.look()
    assert queued(floor) == before + 1
    thread = ingest.rebuilds.begin(asked.run)
    assert thread is not None
    thread.join(20)
    ended = ingest.rebuilds.status()
    assert ended is not None
    assert (ended.state, ended.attempt) == (RebuildState.DONE, 2)
    assert inside(floor) == set(ids)
    record = RebuildRecord(floor.db, clock)
    assert not record.pulse(lost, 1, 3), "the first worker, were it alive, would stop"


def test_a_rebuild_waits_for_an_engine_that_is_away(
    floor: Floor, ingest: IngestServices, engine: Engine, clock: FixedClock
) -> None:
    make_items(ingest, 2)
    asked = ingest.rebuilds.start("ann")
    engine.away = True
    for _ in range(4):
        thread = ingest.rebuilds.begin(asked.run)
        assert thread is not None
        thread.join(20)
        status = ingest.rebuilds.status()
        assert status is not None
        assert (status.state, status.problem) == (
            RebuildState.QUEUED,
            "The search engine does not answer.",
        )
        clock.advance(timedelta(minutes=1))
    engine.away = False
    thread = ingest.rebuilds.begin(asked.run)
    assert thread is not None
    thread.join(20)
    assert ingest.rebuilds.status().state is RebuildState.DONE  # type: ignore[union-attr]


def test_changes_during_a_rebuild_are_in_step_after_it(
    floor: Floor, ingest: IngestServices, engine: Engine, clock: FixedClock
) -> None:
    ids = make_items(ingest, 6)
    ingest.catch_up.index(ids)
    engine.go.clear()
    asked = ingest.rebuilds.start("ann")
    thread = ingest.rebuilds.begin(asked.run)
    assert thread is not None
    assert engine.held.wait(20)
    clock.advance(timedelta(seconds=5))
    ingest.items.withdraw(ids[0], "ann")
    ingest.catch_up.index([ids[0]])
    ingest.items.withdraw(ids[1], "ann")  # its job comes after the switch
    ingest.items.change(ids[2], ItemChanges(tags=("夜读",)), "ann")
    ingest.catch_up.index([ids[2]])
    engine.go.set()
    thread.join(20)
    ingest.catch_up.index([ids[1], ids[2]])
    assert inside(floor) == set(ids[2:])
    assert floor.index.select(Filters(tags=("夜读",)), 5) == [ids[2]]
    assert ingest.indexer.check().in_step


def test_the_queue_knows_the_jobs_of_the_index(floor: Floor, ingest: IngestServices) -> None:
    run = ingest.rebuilds.start("ann").run
    assert floor.queue.enqueue(JobName.REBUILD_INDEX, key=f"run-{run}-0", run=run)
    assert queued(floor) == 1, "the same attempt is not queued twice"
