"""What the flows of readers share: a small catalogue, a group, and ways to report and look."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy import select

from contentcenter.floor import Floor
from contentcenter.store.tables import EventRow, MembershipRow
from recommend.events.parsing import record_reported
from recommend.events.service import EventCounts
from recommend.personas.store import Subject, load_personas
from recommend.services import RecommendServices, build_services
from recommend.tables import SeenRow
from tests.unit.recommend.building import add_audience, add_items, library


class Readers:
    """Twelve items of four topics, one group, no reader yet."""

    def __init__(self, floor: Floor) -> None:
        self.floor = floor
        self.services: RecommendServices = build_services(floor)
        self.items = add_items(floor, library(3))
        self.group = add_audience(floor, "书友群")

    def tell(self, name: str, kind: str, hours_ago: float = 0.0, **values: Any) -> EventCounts:
        """Report one event; `who` gives the ids of its reader."""
        at = (self.floor.clock.now() - timedelta(hours=hours_ago)).isoformat()
        who = values.pop("who", None)
        event = {"event_id": name, "kind": kind, "at": at, "reader": who, **values}
        counts = record_reported(self.services.events, [event])
        assert counts.rejected == ()
        return counts

    def learn(self) -> None:
        """All that jobs do after events."""
        self.services.learning.apply_events()
        self.services.attribution.apply()
        self.services.dues.settle()

    def reader(self, reference: str) -> int:
        return self.services.identity.look(reference).id

    def event(self, name: str) -> EventRow:
        with self.floor.db.reading() as session:
            return session.scalars(select(EventRow).where(EventRow.event_id == name)).one()

    def picture(self, reader_id: int) -> dict[str, Any]:
        """Everything a join could disturb about one reader, exactly."""
        with self.floor.db.reading() as session:
            events = select(EventRow).where(EventRow.reader_id == reader_id).order_by(EventRow.id)
            seen = select(SeenRow).where(SeenRow.reader_id == reader_id)
            members = select(MembershipRow).where(MembershipRow.reader_id == reader_id)
            return {
                "events": [
                    (one.event_id, one.attributed_post_id, one.attribution, one.refunded_fen)
                    for one in session.scalars(events)
                ],
                "seen": {(one.item_id, one.hidden) for one in session.scalars(seen)},
                "members": {
                    (one.audience_id, one.joined_at, one.left_at)
                    for one in session.scalars(members)
                },
                "persona": self.persona(reader_id),
            }

    def persona(self, reader_id: int) -> Any:
        corpus = self.services.corpus.view()
        ids, kind = [reader_id], Subject.READER
        with self.floor.db.reading() as session:
            found = load_personas(session, kind, ids, corpus.model, corpus.dimension)
        learned = found[reader_id].learned
        return learned.to_json(), learned.centres.vectors.tobytes()
