"""Facts: what a room tells the rooms above through the outbox, named in the past tense.

A fact carries ids only; a listener loads what it needs. `wsgi.py` says who listens.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import ClassVar


@dataclass(frozen=True)
class Fact:
    """Base of all facts. `topic` is the stable name in the outbox."""

    topic: ClassVar[str]

    def payload(self) -> dict[str, object]:
        return asdict(self)


@dataclass(frozen=True)
class ItemReceived(Fact):
    topic = "item_received"
    item_id: int


@dataclass(frozen=True)
class ItemReady(Fact):
    topic = "item_ready"
    item_id: int


@dataclass(frozen=True)
class ItemPublished(Fact):
    topic = "item_published"
    item_id: int


@dataclass(frozen=True)
class ItemChanged(Fact):
    """State, price, stock, rights or tags moved: the index row is stale."""

    topic = "item_changed"
    item_id: int


@dataclass(frozen=True)
class ImportUploaded(Fact):
    topic = "import_uploaded"
    import_id: int


@dataclass(frozen=True)
class AudienceChanged(Fact):
    topic = "audience_changed"
    audience_id: int


@dataclass(frozen=True)
class EventsRecorded(Fact):
    """A batch of reader events with ids in [first_id, last_id] was stored."""

    topic = "events_recorded"
    first_id: int
    last_id: int


@dataclass(frozen=True)
class ReadersMoved(Fact):
    """Two readers were joined or parted: what is learned from their events must follow."""

    topic = "readers_moved"
    reader_id: int


@dataclass(frozen=True)
class PlanRequested(Fact):
    topic = "plan_requested"
    plan_id: int


@dataclass(frozen=True)
class PostApproved(Fact):
    topic = "post_approved"
    post_id: int


@dataclass(frozen=True)
class DeliverySettled(Fact):
    topic = "delivery_settled"
    post_id: int
