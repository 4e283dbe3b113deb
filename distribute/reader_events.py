"""Hands reader events from callbacks and tracked links to the recommend room."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import structlog

from distribute.link_service import PostTarget
from distribute.ports import ReaderEvent
from recommend.events.service import EventService, IncomingEvent, PostRef
from recommend.readers import ReaderRef

log = structlog.get_logger()


class RecommendEvents:
    """`EventsPort` on recommend's event service."""

    def __init__(self, service: EventService) -> None:
        self._service = service

    def record(self, events: Sequence[ReaderEvent]) -> None:
        incoming = [_incoming(index, event) for index, event in enumerate(events)]
        if not incoming:
            return
        for refused in self._service.record(incoming).rejected:
            log.warning("reader_event_refused", event_id=refused.event_id, reason=refused.reason)


def post_lookup(
    lookup: Callable[[Sequence[str]], Mapping[str, PostTarget]],
) -> Callable[[Sequence[str]], Mapping[str, PostRef]]:
    """What a tracked post code stands for, in recommend's words."""

    def find(codes: Sequence[str]) -> Mapping[str, PostRef]:
        return {
            code: PostRef(target.post_id, target.item_id, target.audience_id)
            for code, target in lookup(codes).items()
        }

    return find


def _incoming(index: int, event: ReaderEvent) -> IncomingEvent:
    known = event.openid or event.external_userid
    return IncomingEvent(
        index=index,
        event_id=event.event_id,
        kind=str(event.kind),
        reader=ReaderRef(openid=event.openid or None, external_userid=event.external_userid or None)
        if known
        else None,
        item_id=event.item_id,
        post_id=event.post_id,
        audience_id=event.audience_id,
        at=event.at,
    )
