"""The indexing worker is killed with SIGKILL at random points: store and index must agree.

    python -m bench kill9-index [--rounds 50] [--engine embedded|elastic] [--items 120]

Each round changes, adds and withdraws items (in some rounds a rebuild runs too) while a worker
process is at work; it is killed at a random moment of that, and another one finishes, which is
what a supervisor would do. Then every id and every revision in the index is compared with
the store: each item carries its version as a tag, so that the index can be asked for it.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import redis
from flask import Flask
from sqlalchemy import select

import distribute.tables  # noqa: F401 - the rooms' tables join the metadata
import ingest.ext
import ingest.jobs
import recommend.tables  # noqa: F401
from contentcenter.clock import SystemClock
from contentcenter.domain import facts
from contentcenter.domain.content import INDEXED_STATES
from contentcenter.embedding.hashing import HashingEmbedder
from contentcenter.floor import Floor
from contentcenter.jobs import worker
from contentcenter.jobs.names import JobName, QueueName
from contentcenter.jobs.relay import Listener, Relay
from contentcenter.jobs.rq_queue import RqQueue
from contentcenter.jobs.scheduler import Scheduler, Tick
from contentcenter.search.build import index_from
from contentcenter.search.guarded import GuardedIndex
from contentcenter.search.ports import Filters
from contentcenter.settings import Settings
from contentcenter.store.base import Table
from contentcenter.store.database import Database
from contentcenter.store.tables import ItemRow
from contentcenter.text.build import build_analyser
from ingest import rebuilding, sweeping
from ingest.drafts import ItemChanges, ItemDraft
from ingest.ext import IngestServices
from ingest.rebuild_state import RebuildState
from tests.elasticsearch.node import ElasticNode
from tests.fixtures.twin import wait_for
from tests.fixtures.valkey import ValkeyServer, free_port

# What waits minutes in production waits seconds here, so that a round takes seconds.
PATIENCE = timedelta(seconds=1)
DEAD_AFTER = timedelta(seconds=3)
# A job that died between queue and worker is given up by RQ after a minute.
RECOVERY_SECONDS = 120.0
# The worker dies within so many seconds of the first change of a round.
SPAN_SECONDS = 1.5
REBUILD_SECONDS = 0.3  # or of the begin of a rebuild
ACTOR = "bench"
LISTENERS = {
    topic: [Listener(JobName.INDEX_ITEMS, "item_id", "item_ids")]
    for topic in (facts.ItemReady.topic, facts.ItemPublished.topic, facts.ItemChanged.topic)
}


def build_app(settings: Settings) -> tuple[Flask, Floor, IngestServices]:
    """The ingest room with its jobs, as a worker has it."""
    sweeping.PATIENCE = PATIENCE
    rebuilding.DEAD_AFTER, rebuilding.PAUSE = DEAD_AFTER, PATIENCE
    connection = redis.Redis.from_url(settings.redis_url, socket_timeout=5)
    queue = RqQueue(connection)
    floor = Floor(
        settings=settings,
        clock=SystemClock(),
        db=Database(settings.effective_database_url),
        index=GuardedIndex(index_from(settings)),
        embedder=HashingEmbedder(),
        analyser=build_analyser(),
        queue=queue,
        redis=connection,
    )
    app = Flask("kill9-index")
    services = ingest.ext.build_services(floor)
    app.extensions[ingest.ext.NAME] = services
    worker.register(app, queue, ingest.jobs.JOBS)
    return app, floor, services


def settings_of(config: dict[str, Any]) -> Settings:
    return Settings(data_dir=Path(config.pop("data_dir")), **config)


def child(role: str, config: dict[str, Any]) -> None:
    """What the killed processes are: `worker` or `scheduler`."""
    app, floor, services = build_app(settings_of(config))
    if role == "worker":
        worker.work(app, floor.settings.redis_url, [QueueName.INGEST])
        return
    relay = Relay(floor.db, floor.queue, floor.clock, LISTENERS)
    ticks = [
        Tick("relay", 0.1, relay.run_once),
        Tick("sweep", 0.5, services.sweeper.sweep),
        Tick("catch_up", 0.5, services.catch_up.look),
        Tick("rebuild", 0.5, services.rebuilds.look),
    ]
    Scheduler(floor.redis, ticks).run()


@dataclass
class World:
    """The store and the queue, the processes that work on them, and who changes items."""

    config: dict[str, Any]
    log: Path
    rng: random.Random = field(default_factory=lambda: random.Random(3))

    def __post_init__(self) -> None:
        _, self.floor, self.services = build_app(settings_of(dict(self.config)))
        Table.metadata.create_all(self.floor.db.engine)
        self._number = 0

    def start(self, role: str) -> subprocess.Popen[bytes]:
        with self.log.open("ab") as log:
            command = [sys.executable, "-m", "bench.kill9_index", role, json.dumps(self.config)]
            return subprocess.Popen(command, stdout=log, stderr=log)

    def add(self, count: int) -> None:
        drafts = [self._draft() for _ in range(count)]
        ids = [self.services.items.create(draft, ACTOR).item_id for draft in drafts]
        self.services.pipeline.process(ids)
        self._tag(ids)

    def change(self, count: int) -> None:
        self._tag(self._some(count))

    def withdraw(self, count: int) -> None:
        for item_id in self._some(count):
            self.services.items.withdraw(item_id, ACTOR)

    def disagreements(self) -> list[str]:
        """Every way in which index and store differ; empty when they agree."""
        wanted = self._wanted()
        index = self.floor.index
        held = set(index.select(Filters(), len(wanted) + 1000))
        out = [f"missing {one}" for one in sorted(set(wanted) - held)]
        out += [f"surplus {one}" for one in sorted(held - set(wanted))]
        stats = index.stats()
        if stats.documents != len(wanted) or stats.vectors != len(wanted):
            out.append(f"{stats.documents} documents, {stats.vectors} vectors, {len(wanted)} items")
        by_tag: dict[str, set[int]] = {}
        for one, version in wanted.items():
            by_tag.setdefault(_mark(version), set()).add(one)
        for tag, ids in by_tag.items():
            found = set(index.select(Filters(tags=(tag,)), len(wanted) + 1))
            if found != ids:
                out.append(f"{tag}: {sorted(found ^ ids)}")
        return out

    def settled(self) -> bool:
        rebuild = self.services.rebuilds.status()
        return (
            not self.services.indexer.behind()
            and (rebuild is None or not rebuild.state.open)
            and self.services.catch_up.waiting() is None
        )

    def rebuild_begun(self) -> bool:
        rebuild = self.services.rebuilds.status()
        return rebuild is not None and rebuild.state is not RebuildState.QUEUED

    def _wanted(self) -> dict[int, int]:
        """Version of every item that the index should hold."""
        with self.floor.db.reading() as session:
            query = select(ItemRow.id, ItemRow.version).where(ItemRow.state.in_(INDEXED_STATES))
            return {row.id: row.version for row in session.execute(query)}

    def _some(self, count: int) -> list[int]:
        known = sorted(self._wanted())
        return self.rng.sample(known, min(count, len(known)))

    def _draft(self) -> ItemDraft:
        self._number += 1
        words = "".join(chr(0x4E00 + self.rng.randrange(3000)) for _ in range(60))
        return ItemDraft(title=f"第{self._number}篇", body=words, source="编辑部")

    def _tag(self, ids: Sequence[int]) -> None:
        """Change items so that each carries the version it will have."""
        wanted = self._wanted()
        for item_id in ids:
            tag = _mark(wanted[item_id] + 1)
            self.services.items.change(item_id, ItemChanges(tags=(tag,)), ACTOR)


@dataclass
class Told:
    """What the kills hit, and how long the recoveries took (with the start of a process)."""

    kills: int = 0
    behind: int = 0
    in_a_rebuild: int = 0
    recovered_in: list[float] = field(default_factory=list)

    def killed(self, world: World) -> None:
        rebuild = world.services.rebuilds.status()
        self.kills += 1
        self.behind += bool(world.services.indexer.behind())
        self.in_a_rebuild += bool(rebuild and rebuild.state is RebuildState.RUNNING)


def _mark(version: int) -> str:
    return f"version{version}"


def run(
    folder: Path, redis_url: str, *, rounds: int, items: int = 120, url: str = ""
) -> dict[str, Any]:
    """Kill and compare `rounds` times; `url` of a node, or the embedded engine."""
    config: dict[str, Any] = {"data_dir": str(folder), "redis_url": redis_url}
    if url:
        name = f"kill9-{free_port()}-{time.time_ns()}"
        config |= {"search_engine": "elastic", "search_url": url, "search_index": name}
        config["search_timeout_seconds"] = 30.0
    world = World(config, folder / "processes.log")
    world.add(items)
    scheduler, running = world.start("scheduler"), world.start("worker")
    told = Told()
    try:
        wait_for(world.settled, RECOVERY_SECONDS, "the first items did not come in")
        for number in range(rounds):
            span = SPAN_SECONDS
            if number % 3 == 1:
                world.services.rebuilds.start(ACTOR)
                wait_for(world.rebuild_begun, RECOVERY_SECONDS, "the rebuild did not begin")
                span = REBUILD_SECONDS
            killer = threading.Timer(world.rng.random() * span, running.kill)
            killer.start()
            world.change(items // 3)
            world.add(4)
            world.withdraw(2)
            killer.join()
            running.wait()
            told.killed(world)
            began = time.monotonic()
            running = world.start("worker")
            wait_for(world.settled, RECOVERY_SECONDS, f"round {number}: not in step again")
            told.recovered_in.append(time.monotonic() - began)
            wrong = world.disagreements()
            assert wrong == [], f"round {number}: {wrong[:10]}"
    finally:
        for process in (running, scheduler):
            process.kill()
            process.wait()
        world.floor.db.dispose()
        world.floor.redis.close()
    return {
        "engine": world.floor.settings.search_engine,
        "kills": told.kills,
        "killed_with_items_behind": told.behind,
        "killed_in_a_rebuild": told.in_a_rebuild,
        "items_at_the_end": len(world._wanted()),
        "disagreements": 0,
        "recovery_s_longest": round(max(told.recovered_in), 1),
    }


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench kill9-index", description=__doc__)
    parser.add_argument("--rounds", type=int, default=50)
    parser.add_argument("--items", type=int, default=120)
    parser.add_argument("--engine", choices=["embedded", "elastic"], default="embedded")
    chosen = parser.parse_args(arguments)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        valkey = ValkeyServer(folder / "valkey", free_port())
        valkey.start()
        stack.callback(valkey.kill)
        url = ""
        if chosen.engine == "elastic":
            node = ElasticNode(folder / "node")
            node.start()
            stack.callback(node.kill)
            url = node.url
        found = run(folder, valkey.url, rounds=chosen.rounds, items=chosen.items, url=url)
    print(json.dumps(found, indent=1))
    return 0


if __name__ == "__main__":
    child(sys.argv[1], json.loads(sys.argv[2]))
