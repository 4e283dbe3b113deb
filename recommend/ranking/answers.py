"""Logged feed answers with the events that came of them, from the store."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from contentcenter.domain.events import EventKind
from contentcenter.floor import Floor
from contentcenter.store.tables import EventRow
from recommend.ranking.examples import (
    LOOK_BACK,
    LoggedAnswer,
    SeenEntry,
    TracedEvent,
    seen_entries,
)
from recommend.tables import FeedAnswerRow

# About 200 bytes a feature row in memory: a million entries are 200 MB.
MOST_ANSWERS = 60_000
BATCH = 2_000


class AnswerLog:
    """Reads what the feed answered. Nothing is kept between calls."""

    def __init__(self, floor: Floor) -> None:
        self._floor = floor

    def seen(self, since: datetime, most: int = MOST_ANSWERS) -> list[SeenEntry]:
        """Entries that readers met in the newest `most` answers since then, oldest first."""
        with self._floor.db.reading() as session:
            answers = _answers(session, since, most)
            if not answers:
                return []
            events = _events(session, {one.trace_id for one in answers}, answers[0].at)
        return seen_entries(answers, events)


def _answers(session: Session, since: datetime, most: int) -> list[LoggedAnswer]:
    query = (
        select(
            FeedAnswerRow.trace_id, FeedAnswerRow.reader_id, FeedAnswerRow.at, FeedAnswerRow.entries
        )
        .where(FeedAnswerRow.at >= since)
        .order_by(FeedAnswerRow.at.desc(), FeedAnswerRow.trace_id)
        .limit(most)
        .execution_options(yield_per=BATCH)
    )
    found = [
        LoggedAnswer(row.trace_id, row.reader_id, row.at, row.entries)
        for row in session.execute(query)
    ]
    return found[::-1]


def _events(session: Session, traces: set[str], since: datetime) -> list[TracedEvent]:
    """One pass over the events since the first answer that are traced to one, by report or by
    attribution; most name these answers."""
    trace = func.coalesce(EventRow.attributed_trace_id, EventRow.trace_id)
    query = (
        select(trace.label("trace"), EventRow.item_id, EventRow.kind, EventRow.at)
        .where(trace.is_not(None), EventRow.item_id.is_not(None))
        .where(EventRow.at >= since - LOOK_BACK)
        .execution_options(yield_per=BATCH)
    )
    return [
        TracedEvent(row.trace, row.item_id, EventKind(row.kind), row.at)
        for row in session.execute(query)
        if row.trace in traces
    ]
