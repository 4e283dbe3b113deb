"""The room's periodic work: short looks at what is due, put on the queue; never the work itself."""

from __future__ import annotations

from functools import partial

from contentcenter.jobs.names import JobName
from contentcenter.jobs.ports import JobQueue
from contentcenter.jobs.scheduler import Tick
from recommend.services import RecommendServices


def ticks(services: RecommendServices, queue: JobQueue) -> list[Tick]:
    """What the scheduler calls, each with its seconds between two calls."""
    return [
        Tick("corpus view", 300.0, services.corpus.refresh_if_stale),
        Tick("persona history", 600.0, services.personas.remember),
        Tick("feed answers", 86400.0, services.feed.forget_old),
        Tick("stale personas", 60.0, partial(_refresh_stale, services, queue)),
        Tick("events left", 30.0, partial(_apply_left, services, queue)),
        Tick("readers left", 30.0, partial(_follow_readers, services, queue)),
        Tick("persona rebuild", 15.0, partial(_rebuild_personas, services, queue)),
        Tick("seen archives", 3600.0, partial(_fold_seen, services, queue)),
        Tick("matching model", 900.0, partial(_train_matching, services, queue)),
        Tick("feed ranking", 900.0, partial(_train_feed_ranking, services, queue)),
        Tick("co-reading", 900.0, partial(_train_co_reading, services, queue)),
        Tick("feed ranking online", 300.0, partial(_follow_answers, queue)),
    ]


def _refresh_stale(services: RecommendServices, queue: JobQueue) -> None:
    ids = services.personas.stale()
    if ids:
        queue.enqueue(JobName.REFRESH_AUDIENCE, key="stale", audience_ids=ids)


def _apply_left(services: RecommendServices, queue: JobQueue) -> None:
    # What a lost job left behind; normally the relay has asked for it long before.
    if services.learning.pending():
        queue.enqueue(JobName.APPLY_EVENTS, key="left")


def _follow_readers(services: RecommendServices, queue: JobQueue) -> None:
    if services.attribution.pending():
        queue.enqueue(JobName.ATTRIBUTE_EVENTS, key="left")
    if services.dues.pending():
        queue.enqueue(JobName.SETTLE_READERS, key="left")


def _rebuild_personas(services: RecommendServices, queue: JobQueue) -> None:
    if services.rebuild.due():
        queue.enqueue(JobName.REBUILD_PERSONAS, key="night")


def _fold_seen(services: RecommendServices, queue: JobQueue) -> None:
    ids = services.seen.crowded()
    if ids:
        queue.enqueue(JobName.FOLD_SEEN, key="crowded", reader_ids=ids)


def _train_matching(services: RecommendServices, queue: JobQueue) -> None:
    if services.match_model.due():
        queue.enqueue(JobName.TRAIN_MATCHING, key="night")


def _train_feed_ranking(services: RecommendServices, queue: JobQueue) -> None:
    if services.feed_training.due():
        queue.enqueue(JobName.TRAIN_FEED_RANKING, key="night")


def _train_co_reading(services: RecommendServices, queue: JobQueue) -> None:
    if services.co_reading_training.due():
        # The bridge first: a new co-reading version takes its new items from it.
        queue.enqueue(JobName.TRAIN_CONTENT_BRIDGE, key="night")
        queue.enqueue(JobName.TRAIN_CO_READING, key="night")


def _follow_answers(queue: JobQueue) -> None:
    queue.enqueue(JobName.FOLLOW_FEED_ANSWERS, key="recent")
