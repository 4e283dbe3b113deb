"""Approved posts that an experiment would tell otherwise: found, to be planned again.

A post is approved as it was written. When an experiment starts, its groups would be told the old
way until these posts are out; when it stops, an arm would live on in what was approved under it.
All groups of a starting experiment are planned again, those of the base arm too: arms that differ
in how fresh their posts are, or in who has to approve again, would differ in more than the
strategy.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from contentcenter.domain.posts import PostState
from distribute.experiments.chosen import Chosen
from distribute.experiments.tables import ExperimentExposureRow
from distribute.tables import PostRow

CHUNK = 400
UNSENT = (PostState.PLANNED, PostState.APPROVED)
Window = tuple[datetime, datetime]


def approved_otherwise(
    session: Session, chosen: Chosen, audience_ids: Sequence[int], window: Window
) -> list[int]:
    """Ids of approved posts with a slot in [start, end) that would be told under other arms
    now."""
    found: list[int] = []
    for ids in _chunks(audience_ids):
        posts = session.execute(
            _approved(window, PostRow.id, PostRow.audience_id, PostRow.slot_at).where(
                PostRow.audience_id.in_(ids)
            )
        ).all()
        told = arms_told(session, [post_id for post_id, _, _ in posts])
        found += [
            post_id
            for post_id, audience_id, slot_at in posts
            if chosen.told_otherwise(audience_id, slot_at, told.get(post_id, {}))
        ]
    return found


def approved_of_groups(session: Session, audience_ids: Sequence[int], window: Window) -> int:
    """How many approved posts of some groups have a slot in the window."""
    return sum(
        session.scalar(_approved(window, func.count()).where(PostRow.audience_id.in_(ids))) or 0
        for ids in _chunks(audience_ids)
    )


def approved_under_arms(session: Session, experiment_id: int, since: datetime) -> int:
    """How many approved posts from `since` on were written under an arm that is not the base."""
    query = (
        select(func.count())
        .select_from(PostRow)
        .join(ExperimentExposureRow, ExperimentExposureRow.post_id == PostRow.id)
        .where(
            PostRow.state == PostState.APPROVED,
            PostRow.slot_at >= since,
            ExperimentExposureRow.experiment_id == experiment_id,
            ExperimentExposureRow.arm != 0,
        )
    )
    return session.scalar(query) or 0


def last_unsent(session: Session, audience_ids: Sequence[int]) -> datetime | None:
    """The last slot that some groups have a planned or approved post for."""
    latest = [
        session.scalar(
            select(func.max(PostRow.slot_at)).where(
                PostRow.state.in_(UNSENT), PostRow.audience_id.in_(ids)
            )
        )
        for ids in _chunks(audience_ids)
    ]
    return max((one for one in latest if one is not None), default=None)


def arms_told(session: Session, post_ids: Sequence[int]) -> dict[int, dict[int, int]]:
    """Under which arm of which experiment posts were written: {post: {experiment: arm}}."""
    told: dict[int, dict[int, int]] = {}
    for ids in _chunks(post_ids):
        query = select(
            ExperimentExposureRow.post_id,
            ExperimentExposureRow.experiment_id,
            ExperimentExposureRow.arm,
        ).where(ExperimentExposureRow.post_id.in_(ids))
        for post_id, experiment_id, arm in session.execute(query):
            told.setdefault(post_id, {})[experiment_id] = arm
    return told


def _approved(window: Window, *columns: Any) -> Any:
    return select(*columns).where(
        PostRow.state == PostState.APPROVED,
        PostRow.slot_at >= window[0],
        PostRow.slot_at < window[1],
    )


def _chunks(ids: Sequence[int]) -> list[Sequence[int]]:
    return [ids[start : start + CHUNK] for start in range(0, len(ids), CHUNK)]
