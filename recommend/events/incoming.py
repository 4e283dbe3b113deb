"""One reported event, and what can be said about it without asking the store."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from contentcenter.domain.events import AUDIENCE_EVENTS, EventKind
from recommend.readers import ReaderRef

LONGEST_REF = 80
_KINDS = frozenset(EventKind)
AHEAD = timedelta(minutes=10)


@dataclass(frozen=True)
class PostRef:
    """What a tracked post code stands for."""

    post_id: int
    item_id: int
    audience_id: int


PostLookup = Callable[[Sequence[str]], Mapping[str, PostRef]]


class IncomingEvent(NamedTuple):
    """One reported event. `index` is its place in the report; `at` None means now."""

    index: int  # type: ignore[assignment]
    event_id: str
    kind: str
    reader: ReaderRef | None = None
    item_id: int | None = None
    post_id: int | None = None
    post_code: str | None = None
    audience_id: int | None = None
    audience_ref: str | None = None
    trace_id: str | None = None
    order_ref: str | None = None
    value_fen: int | None = None
    at: datetime | None = None


@dataclass(frozen=True)
class RejectedEvent:
    index: int
    event_id: str
    reason: str


@dataclass(frozen=True)
class EventCounts:
    accepted: int
    duplicates: int
    rejected: tuple[RejectedEvent, ...]


def no_posts(codes: Sequence[str]) -> Mapping[str, PostRef]:  # noqa: ARG001
    """The lookup of a hub without distribution: no code is known."""
    return {}


def keep(
    events: Iterable[IncomingEvent],
    fault: Callable[[IncomingEvent], str | None],
    bad: dict[int, RejectedEvent],
) -> list[IncomingEvent]:
    """Events without a fault; the others go to `bad` with their reason."""
    good = []
    for one in events:
        reason = fault(one)
        if reason is None:
            good.append(one)
        else:
            bad[one.index] = RejectedEvent(one.index, one.event_id, reason)
    return good


def fault_of(event: IncomingEvent, now: datetime) -> str | None:
    """Why an event cannot be taken as it is, or None."""
    if not 1 <= len(event.event_id) <= 80:
        return "event_id: 1 to 80 characters are needed"
    if event.kind not in _KINDS:
        return f"kind: {event.kind!r} is not one of {', '.join(EventKind)}"
    return _odd_time(event, now) or _too_long(event) or _missing(event)


def _odd_time(event: IncomingEvent, now: datetime) -> str | None:
    if event.at is None:
        return None
    if event.at.tzinfo is None:
        return "at: a time zone is needed"
    return "at: lies in the future" if event.at > now + AHEAD else None


def _too_long(event: IncomingEvent) -> str | None:
    if event.trace_id is not None and len(event.trace_id) > 40:
        return "trace_id: at most 40 characters"
    if event.order_ref is not None and len(event.order_ref) > LONGEST_REF:
        return f"order_ref: at most {LONGEST_REF} characters"
    return None


def _missing(event: IncomingEvent) -> str | None:
    if event.kind in AUDIENCE_EVENTS:
        there = event.audience_id or event.audience_ref or event.post_code
        return None if there else "audience_id: this kind of event needs an audience"
    if event.item_id is None and not event.post_code:
        return "item_id: this kind of event needs an item or a post_code"
    if event.reader is None and not (event.audience_id or event.audience_ref or event.post_code):
        return "reader_id: a reader or an audience is needed"
    return None


def filled(event: IncomingEvent, posts: Mapping[str, PostRef]) -> IncomingEvent:
    post = posts.get(event.post_code or "")
    if post is None:
        return event
    return event._replace(
        post_code=None,
        post_id=post.post_id,
        item_id=event.item_id or post.item_id,
        audience_id=event.audience_id or post.audience_id,
    )


def unknown_post(event: IncomingEvent) -> str | None:
    return f"post_code: there is no post {event.post_code}" if event.post_code else None


def unknown_thing(event: IncomingEvent, items: set[int], audiences: set[int]) -> str | None:
    if event.item_id is not None and event.item_id not in items:
        return f"item_id: there is no item {event.item_id}"
    if event.audience_ref is not None and event.audience_id is None:
        return f"audience_ref: there is no audience {event.audience_ref}"
    if event.audience_id is not None and event.audience_id not in audiences:
        return f"audience_id: there is no audience {event.audience_id}"
    return None
