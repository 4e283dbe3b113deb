"""Fills `Outcomes` from the store: what readers did with the posts of some groups.

By intention to treat: every post whose slot lies in the window counts for its group, whatever
strategy it was planned under, and a refund is taken off whenever it comes. Leaving and muting
belong to no post; they count by their own time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

import numpy as np
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from contentcenter.domain.events import EventKind
from contentcenter.store.tables import AudienceRow, EventRow, MembershipRow
from distribute.experiments.estimate import Floats
from distribute.experiments.outcomes import Count, Outcomes
from distribute.tables import PostRow

CHUNK = 400
DAY = timedelta(days=1)
# column, sign: what one event of a kind adds.
_OF_POSTS: dict[str, tuple[Count, int]] = {
    EventKind.IMPRESSION: (Count.IMPRESSIONS, 1),
    EventKind.CLICK: (Count.CLICKS, 1),
    EventKind.ORDER: (Count.ORDERS, 1),
    EventKind.REFUND: (Count.ORDERS, -1),
}
_OF_GROUPS = {EventKind.LEAVE: Count.LEAVES, EventKind.MUTE: Count.MUTES}


def load_readers(session: Session, audience_ids: Sequence[int]) -> dict[int, int]:
    """Readers of each group: as declared, else as counted from joins; at least one."""
    found = dict.fromkeys(audience_ids, 0)
    for ids in _chunks(audience_ids):
        sizes = select(AudienceRow.id, AudienceRow.size).where(AudienceRow.id.in_(ids))
        found |= {int(one): int(size) for one, size in session.execute(sizes)}
        members = (
            select(MembershipRow.audience_id, func.count())
            .where(MembershipRow.audience_id.in_(ids), MembershipRow.left_at.is_(None))
            .group_by(MembershipRow.audience_id)
        )
        for one, count in session.execute(members):
            found[one] = found[one] or int(count)
    return {one: max(size, 1) for one, size in found.items()}


def load_outcomes(
    session: Session, readers: Mapping[int, float], start: datetime, days: int
) -> Outcomes:
    """Outcomes of the groups of `readers` over `days` times 24 hours from `start`."""
    ids = sorted(readers)
    counts = np.zeros((len(ids), max(days, 0), len(Count)))
    rows = {audience_id: row for row, audience_id in enumerate(ids)}
    if days > 0:
        for chunk in _chunks(ids):
            _add_posts(session, chunk, (start, start + days * DAY), rows, counts)
            _add_groups(session, chunk, (start, start + days * DAY), rows, counts)
    sizes = np.array([float(readers[one]) for one in ids])
    return Outcomes(tuple(ids), sizes, counts)


def _add_posts(
    session: Session,
    ids: Sequence[int],
    window: tuple[datetime, datetime],
    rows: Mapping[int, int],
    counts: Floats,
) -> None:
    query = (
        select(
            PostRow.audience_id,
            PostRow.slot_at,
            EventRow.kind,
            func.count(),
            func.coalesce(func.sum(EventRow.value_fen), 0),
        )
        .join(EventRow, EventRow.post_id == PostRow.id)
        .where(
            PostRow.audience_id.in_(ids),
            PostRow.slot_at >= window[0],
            PostRow.slot_at < window[1],
            EventRow.kind.in_(list(_OF_POSTS)),
        )
        .group_by(PostRow.audience_id, PostRow.slot_at, EventRow.kind)
    )
    for audience_id, slot_at, kind, count, value in session.execute(query):
        cell = counts[rows[audience_id], (slot_at - window[0]) // DAY]
        column, sign = _OF_POSTS[kind]
        cell[column] += sign * count
        if column == Count.ORDERS:
            cell[Count.NET_FEN] += sign * int(value or 0)


def _add_groups(
    session: Session,
    ids: Sequence[int],
    window: tuple[datetime, datetime],
    rows: Mapping[int, int],
    counts: Floats,
) -> None:
    query = select(EventRow.audience_id, EventRow.kind, EventRow.at).where(
        EventRow.audience_id.in_(ids),
        EventRow.kind.in_(list(_OF_GROUPS)),
        EventRow.at >= window[0],
        EventRow.at < window[1],
    )
    for audience_id, kind, at in session.execute(query):
        if audience_id is not None:
            counts[rows[audience_id], (at - window[0]) // DAY, _OF_GROUPS[EventKind(kind)]] += 1


def _chunks(ids: Sequence[int]) -> list[Sequence[int]]:
    return [ids[start : start + CHUNK] for start in range(0, len(ids), CHUNK)]
