"""Likes from the stored events, counted by the database."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from sqlalchemy import func, select

from contentcenter.domain.events import EventKind
from contentcenter.floor import Floor
from contentcenter.store.tables import EventRow
from recommend.collaborative.interactions import COUNTED, Like, Tally, weigh

_FETCHED = 5_000


def load_likes(floor: Floor, since: datetime) -> list[Like]:
    """Likes by reader and time, of events at or after `since`; at most the latest 500 a reader.

    Memory: about 0.3 KB a pair of reader and item while they are counted.
    """
    return weigh(_tallies(floor, since))


def _tallies(floor: Floor, since: datetime) -> Iterator[Tally]:
    query = (
        select(
            EventRow.reader_id,
            EventRow.item_id,
            EventRow.kind,
            func.count().label("times"),
            func.max(EventRow.at).label("last"),
        )
        .where(
            EventRow.reader_id.is_not(None),
            EventRow.item_id.is_not(None),
            EventRow.kind.in_([kind.value for kind in COUNTED]),
            EventRow.at >= since,
        )
        .group_by(EventRow.reader_id, EventRow.item_id, EventRow.kind)
    )
    with floor.db.reading() as session:
        for row in session.execute(query.execution_options(yield_per=_FETCHED)):
            if row.reader_id is not None and row.item_id is not None:
                yield Tally(row.reader_id, row.item_id, EventKind(row.kind), row.times, row.last)
