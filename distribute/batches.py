"""What a worker loads before it talks to a platform: everything, so that the database is free
while it waits for answers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from contentcenter.domain.posts import PostState
from contentcenter.store.cards import AudienceCard, ItemCard, load_audiences, load_items
from distribute.channel_service import load_access
from distribute.ports import ChannelAccess, Outgoing
from distribute.quota import QuotaSubject
from distribute.tables import PostRow

CHUNK = 400
REACHED = (
    PostState.SENDING,
    PostState.UNKNOWN,
    PostState.SENT,
    PostState.WAITING_OWNER,
    PostState.DELIVERED,
)


@dataclass(frozen=True)
class Loaded:
    """Posts with their surroundings, detached from the session."""

    posts: tuple[PostRow, ...]
    audiences: Mapping[int, AudienceCard]
    channels: Mapping[int, ChannelAccess]

    def by_channel(self) -> dict[int, list[PostRow]]:
        found: dict[int, list[PostRow]] = {}
        for post in self.posts:
            found.setdefault(post.channel_id, []).append(post)
        return found

    def subject(self, post: PostRow) -> QuotaSubject:
        channel, audience = self.channels[post.channel_id], self.audiences[post.audience_id]
        return subject_of(channel, audience)

    def outgoing(
        self, post: PostRow, remember: Callable[[int, Mapping[str, Any]], None]
    ) -> Outgoing:
        audience = self.audiences[post.audience_id]
        return Outgoing(
            post_id=post.id,
            channel=self.channels[post.channel_id],
            audience_kind=audience.kind,
            platform_ref=audience.platform_ref,
            owner_userid=audience.owner_userid or audience.platform_ref,
            code=post.code,
            client_key=post.client_key,
            attempt=post.attempts,
            content=post.content,
            progress=post.progress,
            reference=post.reference,
            claimed_at=post.claimed_at or post.updated_at,
            remember=lambda progress: remember(post.id, progress),
        )


def subject_of(channel: ChannelAccess, audience: AudienceCard) -> QuotaSubject:
    return QuotaSubject(
        channel_kind=channel.kind,
        account=channel.account,
        account_type=str(channel.settings.get("account_type", "SUB")),
        audience_id=audience.id,
        audience_kind=audience.kind,
        platform_ref=audience.platform_ref,
    )


def load(session: Session, ids: Iterable[int], states: Sequence[PostState]) -> Loaded:
    """The posts among `ids` that are in one of `states`, by slot."""
    wanted = list(dict.fromkeys(ids))
    posts: list[PostRow] = []
    for start in range(0, len(wanted), CHUNK):
        query = select(PostRow).where(
            PostRow.id.in_(wanted[start : start + CHUNK]), PostRow.state.in_(states)
        )
        posts += session.scalars(query)
    posts.sort(key=lambda post: (post.slot_at, post.id))
    audiences = load_audiences(session, sorted({post.audience_id for post in posts}))
    channels = load_access(session, {post.channel_id for post in posts})
    session.expunge_all()
    return Loaded(tuple(posts), audiences, channels)


def load_item_cards(session: Session, posts: Sequence[PostRow]) -> dict[int, ItemCard]:
    return load_items(session, sorted({post.item_id for post in posts}))


def told_works(
    session: Session, posts: Sequence[PostRow], now: datetime, days: int
) -> dict[int, set[int]]:
    """Works each audience of `posts` was told of in the last `days`, by audience."""
    told: dict[int, set[int]] = {}
    audience_ids = sorted({post.audience_id for post in posts})
    for start in range(0, len(audience_ids), CHUNK):
        query = select(PostRow.audience_id, PostRow.work_ids).where(
            PostRow.audience_id.in_(audience_ids[start : start + CHUNK]),
            PostRow.slot_at >= now - timedelta(days=days),
            PostRow.state.in_(REACHED),
        )
        for audience_id, works in session.execute(query):
            told.setdefault(audience_id, set()).update(works)
    return told
