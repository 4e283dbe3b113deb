"""Jobs of this room: ids in, one service call."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from contentcenter.jobs.names import JobName
from recommend.ext import get_recommend


def apply_events() -> None:
    get_recommend().learning.apply_events()


def refresh_audience(audience_ids: Sequence[int]) -> None:
    get_recommend().personas.refresh(audience_ids)


def train_feed_ranking() -> None:
    get_recommend().feed_training.train()


def follow_feed_answers() -> None:
    get_recommend().feed_training.follow()


JOBS: dict[JobName, Callable[..., None]] = {
    JobName.APPLY_EVENTS: apply_events,
    JobName.REFRESH_AUDIENCE: refresh_audience,
    JobName.TRAIN_FEED_RANKING: train_feed_ranking,
    JobName.FOLLOW_FEED_ANSWERS: follow_feed_answers,
}
