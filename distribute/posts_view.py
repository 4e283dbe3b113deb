"""Reading posts: lists for screens and the API, one post with its story, batches for senders."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from contentcenter.domain.errors import NotFound
from contentcenter.store.tables import AudienceRow, ChannelRow, ItemRow
from distribute.tables import DeliveryRow, PostRow


@dataclass(frozen=True)
class PostFilter:
    """All given conditions hold; None asks nothing."""

    state: str | None = None
    plan_id: int | None = None
    audience_id: int | None = None
    channel_id: int | None = None
    item_id: int | None = None
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True)
class PostCard:
    id: int
    plan_id: int | None
    audience_id: int
    audience: str
    channel_id: int
    channel: str
    channel_kind: str
    item_id: int
    item: str
    slot_at: datetime
    state: str
    reason: str
    message: str
    score: float
    parts: Mapping[str, Any]
    content: Mapping[str, Any]
    code: str
    facts: Mapping[str, Any]
    differences: Sequence[Mapping[str, Any]]
    approved_by: str
    approved_at: datetime | None
    not_before: datetime | None
    attempts: int
    reference: str
    sent_at: datetime | None
    settled_at: datetime | None
    reached: int | None


@dataclass(frozen=True)
class StoryLine:
    at: datetime
    attempt: int
    state: str
    reason: str
    message: str
    platform_code: int | None
    actor: str


def list_posts(
    session: Session, wanted: PostFilter, *, before_id: int | None = None, limit: int = 50
) -> list[PostCard]:
    """Posts, newest first, with ids below `before_id`."""
    query = _cards().order_by(PostRow.id.desc()).limit(limit)
    for column, value in (
        (PostRow.state, wanted.state),
        (PostRow.plan_id, wanted.plan_id),
        (PostRow.audience_id, wanted.audience_id),
        (PostRow.channel_id, wanted.channel_id),
        (PostRow.item_id, wanted.item_id),
    ):
        if value is not None:
            query = query.where(column == value)
    if wanted.since is not None:
        query = query.where(PostRow.slot_at >= wanted.since)
    if wanted.until is not None:
        query = query.where(PostRow.slot_at < wanted.until)
    if before_id is not None:
        query = query.where(PostRow.id < before_id)
    return [_card(*row) for row in session.execute(query)]


def get_post(session: Session, post_id: int) -> PostCard:
    row = session.execute(_cards().where(PostRow.id == post_id)).one_or_none()
    if row is None:
        raise NotFound(f"No post {post_id}", post_id=post_id)
    return _card(*row)


def story_of(session: Session, post_id: int) -> list[StoryLine]:
    """Every step of a post, oldest first."""
    query = select(DeliveryRow).where(DeliveryRow.post_id == post_id).order_by(DeliveryRow.id)
    return [
        StoryLine(
            row.at, row.attempt, row.state, row.reason, row.message, row.platform_code, row.actor
        )
        for row in session.scalars(query)
    ]


def _cards() -> Any:
    return (
        select(PostRow, AudienceRow.name, ChannelRow.name, ChannelRow.kind, ItemRow.title)
        .join(AudienceRow, AudienceRow.id == PostRow.audience_id)
        .join(ChannelRow, ChannelRow.id == PostRow.channel_id)
        .join(ItemRow, ItemRow.id == PostRow.item_id)
    )


def _card(row: PostRow, audience: str, channel: str, channel_kind: str, item: str) -> PostCard:
    return PostCard(
        id=row.id,
        plan_id=row.plan_id,
        audience_id=row.audience_id,
        audience=audience,
        channel_id=row.channel_id,
        channel=channel,
        channel_kind=channel_kind,
        item_id=row.item_id,
        item=item,
        slot_at=row.slot_at,
        state=row.state,
        reason=row.reason,
        message=row.message,
        score=row.score,
        parts=dict(row.parts),
        content=dict(row.content),
        code=row.code,
        facts=dict(row.facts),
        differences=list(row.progress.get("differences", ())),
        approved_by=row.approved_by,
        approved_at=row.approved_at,
        not_before=row.not_before,
        attempts=row.attempts,
        reference=row.reference,
        sent_at=row.sent_at,
        settled_at=row.settled_at,
        reached=row.reached,
    )
