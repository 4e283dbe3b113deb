"""The roof: settings -> floor -> rooms -> `app` and the command line.

The only place that knows everyone. Rooms speak upward through facts; `LISTENERS` says which
job hears which fact.
"""

from __future__ import annotations

import gc
from datetime import timedelta
from typing import Any

import redis
from flask import Flask
from redis.backoff import ExponentialBackoff
from redis.retry import Retry

import contentcenter.commands
import contentcenter.console
import distribute.console
import distribute.ext
import distribute.jobs
import ingest.console
import ingest.ext
import ingest.jobs
import recommend.console
import recommend.ext
import recommend.jobs
from contentcenter import logs
from contentcenter.clock import SystemClock
from contentcenter.domain import facts
from contentcenter.embedding.build import build_embedder
from contentcenter.floor import Floor
from contentcenter.jobs import worker
from contentcenter.jobs.delayed import delayed_tick
from contentcenter.jobs.names import JobName
from contentcenter.jobs.relay import Listener, Relay
from contentcenter.jobs.rq_queue import RqQueue
from contentcenter.jobs.scheduler import Tick
from contentcenter.lexicon import Lexicon
from contentcenter.search.build import index_from
from contentcenter.search.guarded import GuardedIndex
from contentcenter.search_words import SearchWordService
from contentcenter.settings import Settings, load_settings
from contentcenter.store.database import Database
from contentcenter.store.vector_cache import SqlVectorCache
from contentcenter.text.build import build_analyser
from contentcenter.web.app import create_app as create_bare_app

LISTENERS = {
    facts.ItemReceived.topic: [Listener(JobName.PROCESS_ITEMS, "item_id", "item_ids")],
    facts.ItemReady.topic: [Listener(JobName.INDEX_ITEMS, "item_id", "item_ids")],
    facts.ItemPublished.topic: [Listener(JobName.INDEX_ITEMS, "item_id", "item_ids")],
    facts.ItemChanged.topic: [Listener(JobName.INDEX_ITEMS, "item_id", "item_ids")],
    facts.ImportUploaded.topic: [
        Listener(JobName.RUN_IMPORT, "import_id", "import_id", many=False)
    ],
    facts.EventsRecorded.topic: [Listener(JobName.APPLY_EVENTS)],
    facts.ReadersMoved.topic: [Listener(JobName.SETTLE_READERS)],
    facts.AudienceChanged.topic: [
        Listener(JobName.REFRESH_AUDIENCE, "audience_id", "audience_ids")
    ],
    facts.PlanRequested.topic: [Listener(JobName.PLAN, "plan_id", "plan_id", many=False)],
}
SECTIONS = (ingest.console.SECTION, recommend.console.SECTION, distribute.console.SECTION)
VECTORS_KEPT = timedelta(days=90)
# A page makes thousands of short-lived values beside caches of many long-lived ones: with the
# interpreter's 700 the collector walks the caches again and again.
GC_THRESHOLD = (50_000, 20, 20)
JOBS = {**ingest.jobs.JOBS, **recommend.jobs.JOBS, **distribute.jobs.JOBS}


def build_floor(settings: Settings) -> Floor:
    """Connect to everything below the rooms. Nothing is loaded or asked yet."""
    # Few, short retries: a page must say "the queue is away", not hang (redis-py's default is 10).
    retry = Retry(ExponentialBackoff(cap=0.5, base=0.05), retries=3)
    connection = redis.Redis.from_url(settings.redis_url, socket_timeout=5, retry=retry)
    db = Database(settings.effective_database_url)
    clock = SystemClock(settings.clock_offset_seconds)
    return Floor(
        settings=settings,
        clock=clock,
        db=db,
        index=GuardedIndex(index_from(settings)),
        embedder=build_embedder(
            url=settings.embedding_url or None,
            model=settings.embedding_model,
            cache_dir=settings.effective_cache_dir,
            device=settings.embedding_device or None,
            precision=settings.embedding_precision,
            passages=SqlVectorCache(db, clock),
        ),
        analyser=build_analyser(),
        queue=RqQueue(connection),
        redis=connection,
    )


def create_app(settings: Settings | None = None, floor: Floor | None = None) -> Flask:
    """The whole product as one Flask application (web, worker, scheduler, command line)."""
    settings = settings or (floor.settings if floor else load_settings())
    logs.configure(settings.log_level)
    floor = floor or build_floor(settings)
    app = create_bare_app(floor)
    words = SearchWordService(floor.db, floor.clock, floor.analyser)
    floor.analyser.freshen_with(Lexicon(floor.db, floor.analyser, words).refresh_if_due)
    if isinstance(floor.index, GuardedIndex):
        app.before_request(floor.index.page_begins)
        app.teardown_request(floor.index.page_ends)
    for room in (ingest.ext, recommend.ext, distribute.ext):
        room.init_app(app, floor)
    queue = RqQueue(floor.redis)
    worker.register(app, queue, JOBS)
    app.extensions[contentcenter.commands.TICKS] = _ticks(app, floor, queue)
    contentcenter.commands.init_app(app)
    contentcenter.console.init_app(app, floor, SECTIONS)
    return app


def _ticks(app: Flask, floor: Floor, queue: RqQueue) -> list[Tick]:
    relay = Relay(floor.db, floor.queue, floor.clock, LISTENERS)
    vectors = SqlVectorCache(floor.db, floor.clock)
    ticks = [
        Tick("relay", 0.2, relay.run_once),
        Tick("relay_forget", 3600, relay.forget_old),
        Tick("vectors_forget", 86400, lambda: vectors.forget(floor.clock.now() - VECTORS_KEPT)),
        delayed_tick(queue),
    ]
    for room in (ingest.ext, recommend.ext, distribute.ext):
        ticks += room.ticks(app)
    return ticks


def __getattr__(name: str) -> Any:
    """`wsgi.app`, made on first use: importing the roof for a test connects to nothing."""
    if name == "app":
        gc.set_threshold(*GC_THRESHOLD)
        globals()["app"] = create_app()
        return globals()["app"]
    raise AttributeError(name)
