"""Queues and jobs by name. A house test proves that every job has a function, that every
queue has a worker and that every job takes ids only."""

from __future__ import annotations

from enum import StrEnum


class QueueName(StrEnum):
    INGEST = "ingest"  # imports and the processing pipeline
    DISTRIBUTE = "distribute"  # sends: short jobs that talk to a platform
    FOLLOW = "follow"  # planning, follow-ups, personas: work that may wait a little

    @classmethod
    def all(cls) -> tuple[QueueName, ...]:
        return tuple(cls)


class JobName(StrEnum):
    RUN_IMPORT = "run_import"
    PROCESS_ITEMS = "process_items"
    INDEX_ITEMS = "index_items"
    CATCH_UP_INDEX = "catch_up_index"
    REBUILD_INDEX = "rebuild_index"
    APPLY_EVENTS = "apply_events"
    ATTRIBUTE_EVENTS = "attribute_events"
    SETTLE_READERS = "settle_readers"
    REBUILD_PERSONAS = "rebuild_personas"
    FOLD_SEEN = "fold_seen"
    REFRESH_AUDIENCE = "refresh_audience"
    TRAIN_MATCHING = "train_matching"
    TRAIN_FEED_RANKING = "train_feed_ranking"
    FOLLOW_FEED_ANSWERS = "follow_feed_answers"
    TRAIN_CO_READING = "train_co_reading"
    TRAIN_CONTENT_BRIDGE = "train_content_bridge"
    PLAN = "plan"
    DELIVER = "deliver"
    PROBE = "probe"
    FOLLOW_UP = "follow_up"
    SWEEP = "sweep"
    REVIEW_EXPERIMENTS = "review_experiments"


QUEUE_OF: dict[JobName, QueueName] = {
    JobName.RUN_IMPORT: QueueName.INGEST,
    JobName.PROCESS_ITEMS: QueueName.INGEST,
    JobName.INDEX_ITEMS: QueueName.INGEST,
    JobName.CATCH_UP_INDEX: QueueName.INGEST,
    JobName.REBUILD_INDEX: QueueName.INGEST,
    JobName.APPLY_EVENTS: QueueName.FOLLOW,
    JobName.ATTRIBUTE_EVENTS: QueueName.FOLLOW,
    JobName.SETTLE_READERS: QueueName.FOLLOW,
    JobName.REBUILD_PERSONAS: QueueName.FOLLOW,
    JobName.FOLD_SEEN: QueueName.FOLLOW,
    JobName.REFRESH_AUDIENCE: QueueName.FOLLOW,
    JobName.TRAIN_MATCHING: QueueName.FOLLOW,
    JobName.TRAIN_FEED_RANKING: QueueName.FOLLOW,
    JobName.FOLLOW_FEED_ANSWERS: QueueName.FOLLOW,
    JobName.TRAIN_CO_READING: QueueName.FOLLOW,
    JobName.TRAIN_CONTENT_BRIDGE: QueueName.FOLLOW,
    JobName.PLAN: QueueName.FOLLOW,
    JobName.DELIVER: QueueName.DISTRIBUTE,
    JobName.PROBE: QueueName.DISTRIBUTE,
    JobName.FOLLOW_UP: QueueName.FOLLOW,
    JobName.SWEEP: QueueName.FOLLOW,
    JobName.REVIEW_EXPERIMENTS: QueueName.FOLLOW,
}
