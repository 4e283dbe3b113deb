"""Jobs of this room: ids in, one service call."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from contentcenter.jobs.names import JobName
from recommend.ext import get_recommend


def apply_events() -> None:
    # One job for both: around its work a job costs as much as finding the causes does.
    services = get_recommend()
    services.learning.apply_events()
    services.attribution.apply()


def attribute_events() -> None:
    get_recommend().attribution.apply()


def settle_readers() -> None:
    get_recommend().dues.settle()


def rebuild_personas() -> None:
    get_recommend().rebuild.run()


def fold_seen(reader_ids: Sequence[int]) -> None:
    get_recommend().seen.fold(reader_ids)


def refresh_audience(audience_ids: Sequence[int]) -> None:
    get_recommend().personas.refresh(audience_ids)


def train_feed_ranking() -> None:
    get_recommend().feed_training.train()


def train_matching() -> None:
    get_recommend().match_model.train()


def follow_feed_answers() -> None:
    get_recommend().feed_training.follow()


def train_co_reading() -> None:
    get_recommend().co_reading_training.train()


def train_content_bridge() -> None:
    get_recommend().bridge_training.train()


JOBS: dict[JobName, Callable[..., None]] = {
    JobName.APPLY_EVENTS: apply_events,
    JobName.ATTRIBUTE_EVENTS: attribute_events,
    JobName.SETTLE_READERS: settle_readers,
    JobName.REBUILD_PERSONAS: rebuild_personas,
    JobName.FOLD_SEEN: fold_seen,
    JobName.REFRESH_AUDIENCE: refresh_audience,
    JobName.TRAIN_CO_READING: train_co_reading,
    JobName.TRAIN_CONTENT_BRIDGE: train_content_bridge,
    JobName.TRAIN_FEED_RANKING: train_feed_ranking,
    JobName.TRAIN_MATCHING: train_matching,
    JobName.FOLLOW_FEED_ANSWERS: follow_feed_answers,
}
