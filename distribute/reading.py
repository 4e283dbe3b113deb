"""Numbers that screens show beside posts: how many in each state, what readers did, what a
week looks like."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import func, select

from contentcenter.store.database import Database
from contentcenter.store.tables import AudienceRow
from distribute.posts_view import PostCard, PostFilter, list_posts
from distribute.tables import PlanRefusalRow, PostRow
from recommend.events.summary import outcomes_of_audiences, outcomes_of_posts

CHUNK = 400
# Of one audience in one stretch of days; far above any cap.
MOST_POSTS = 200


@dataclass(frozen=True)
class Deeds:
    """What readers did with one thing: counts by kind of event, and paid minus refunded."""

    counts: Mapping[str, int] = field(default_factory=dict)
    net_fen: int = 0

    def of(self, kind: str) -> int:
        return self.counts.get(kind, 0)


@dataclass(frozen=True)
class EmptySlot:
    """A slot that a plan left empty, and the machine code of the reason."""

    audience_id: int
    slot_at: datetime
    reason: str
    details: Mapping[str, Any]


class ReadingService:
    def __init__(self, db: Database) -> None:
        self._db = db

    def post_counts(self) -> dict[str, int]:
        """Posts by state."""
        query = select(PostRow.state, func.count()).group_by(PostRow.state)
        with self._db.reading() as session:
            return {row[0]: row[1] for row in session.execute(query)}

    def audience_counts(self) -> dict[str, int]:
        """Audiences by state."""
        query = select(AudienceRow.state, func.count()).group_by(AudienceRow.state)
        with self._db.reading() as session:
            return {row[0]: row[1] for row in session.execute(query)}

    def audiences_by_channel(self) -> dict[int, int]:
        """How many audiences each channel has."""
        query = select(AudienceRow.channel_id, func.count()).group_by(AudienceRow.channel_id)
        with self._db.reading() as session:
            return {row[0]: row[1] for row in session.execute(query)}

    def audience_names(self, ids: Iterable[int]) -> dict[int, str]:
        wanted = sorted(set(ids))
        with self._db.reading() as session:
            return {
                row[0]: row[1]
                for start in range(0, len(wanted), CHUNK)
                for row in session.execute(
                    select(AudienceRow.id, AudienceRow.name).where(
                        AudienceRow.id.in_(wanted[start : start + CHUNK])
                    )
                )
            }

    def posts_between(
        self, audience_ids: Sequence[int], start: datetime, end: datetime
    ) -> list[PostCard]:
        """Posts of these audiences with a slot in [start, end), audience by audience."""
        found: list[PostCard] = []
        with self._db.reading() as session:
            for audience_id in audience_ids:
                wanted = PostFilter(audience_id=audience_id, since=start, until=end)
                found += list_posts(session, wanted, limit=MOST_POSTS)
        return found

    def deeds_of_posts(self, post_ids: Sequence[int]) -> dict[int, Deeds]:
        """What readers did because of each post, reported with it or found by looking back;
        posts without any event are left out."""
        with self._db.reading() as session:
            found = outcomes_of_posts(session, post_ids)
        return {one: Deeds(told.counts, told.net_fen) for one, told in found.items()}

    def deeds_of_audiences(self, audience_ids: Sequence[int]) -> dict[int, Deeds]:
        """What readers did in each audience; audiences without any event are left out."""
        with self._db.reading() as session:
            found = outcomes_of_audiences(session, audience_ids)
        return {one: Deeds(told.counts, told.net_fen) for one, told in found.items()}

    def empty_slots(
        self, audience_ids: Sequence[int], start: datetime, end: datetime
    ) -> list[EmptySlot]:
        """Slots in [start, end) that the newest plan speaking of them left empty."""
        newest: dict[tuple[int, datetime], PlanRefusalRow] = {}
        with self._db.reading() as session:
            for first in range(0, len(audience_ids), CHUNK):
                query = (
                    select(PlanRefusalRow)
                    .where(
                        PlanRefusalRow.audience_id.in_(audience_ids[first : first + CHUNK]),
                        PlanRefusalRow.slot_at >= start,
                        PlanRefusalRow.slot_at < end,
                        PlanRefusalRow.item_id.is_(None),
                    )
                    .order_by(PlanRefusalRow.plan_id)
                )
                for row in session.scalars(query):
                    newest[row.audience_id, row.slot_at] = row
        return [
            EmptySlot(row.audience_id, row.slot_at, row.reason, row.details)
            for row in newest.values()
        ]
