"""A worker or scheduler process of the distribute room alone, for tests that kill it.

python -m tests.flows.distribute_worker worker|scheduler CONFIG.json
"""

from __future__ import annotations

import json
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import redis
from flask import Flask

from contentcenter.clock import SystemClock
from contentcenter.embedding.hashing import HashingEmbedder
from contentcenter.floor import Floor
from contentcenter.jobs import worker
from contentcenter.jobs.names import QueueName
from contentcenter.jobs.rq_queue import RqQueue
from contentcenter.jobs.scheduler import Scheduler
from contentcenter.search.build import build_index
from contentcenter.settings import Settings
from contentcenter.store.database import Database
from contentcenter.text.build import build_analyser
from distribute import ext, jobs
from distribute.reader_events import RecommendEvents
from distribute.rules import DeliveryRules
from distribute.services import build_services
from recommend.events.service import EventService
from tests.flows.distribute_world import ShelfOrder


def build_app(config: dict[str, Any]) -> tuple[Flask, Floor]:
    """The queue, the room's services and its jobs; no web doors."""
    settings = Settings(
        data_dir=Path(config["data_dir"]),
        redis_url=config["redis_url"],
        wecom_url=config["wecom_url"],
        official_account_url=config["official_account_url"],
        platform_timeout_seconds=config.get("timeout", 2.0),
    )
    connection = redis.Redis.from_url(settings.redis_url, socket_timeout=5)
    floor = Floor(
        settings=settings,
        clock=SystemClock(),
        db=Database(config["database_url"]),
        index=build_index("embedded", settings.index_dir, ""),
        embedder=HashingEmbedder(),
        analyser=build_analyser(),
        queue=RqQueue(connection),
        redis=connection,
    )
    values: dict[str, Any] = {
        name: timedelta(seconds=seconds) for name, seconds in config["rules"].items()
    }
    rules = DeliveryRules(**values, **config.get("numbers", {}))
    app = Flask("distribute-worker")
    app.extensions[ext.EXTENSION] = build_services(
        floor,
        matcher=ShelfOrder(floor),
        events=RecommendEvents(EventService(floor)),
        rules=rules,
    )
    worker.register(app, RqQueue(connection), jobs.JOBS)
    return app, floor


def main() -> None:
    role, config = sys.argv[1], json.loads(Path(sys.argv[2]).read_text(encoding="utf-8"))
    app, floor = build_app(config)
    if role == "worker":
        queues = [QueueName.DISTRIBUTE, QueueName.FOLLOW]
        worker.work(app, floor.settings.redis_url, queues)
    else:
        Scheduler(floor.redis, ext.delivery_ticks(app.extensions[ext.EXTENSION])).run()


if __name__ == "__main__":
    main()
