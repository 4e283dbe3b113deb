"""One reported event from JSON: what cannot be read is kept as text for the reason."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from recommend.events.service import EventCounts, EventService, IncomingEvent, RejectedEvent
from recommend.readers import ID_FIELDS, LONGEST_ID, ReaderRef

_LONG_IDS = f"reader: ids have at most {LONGEST_ID} characters"
# What every database stores as a whole number.
_MOST = 2**62


class Unreadable(Exception):
    """An event that cannot be read; the text names the field."""


def record_reported(service: EventService, reported: Sequence[Any]) -> EventCounts:
    """Read and record what a client reported; the counts cover the unreadable ones too."""
    good: list[IncomingEvent] = []
    bad: list[RejectedEvent] = []
    for index, raw in enumerate(reported):
        try:
            good.append(read_event(index, raw))
        except Unreadable as error:
            bad.append(RejectedEvent(index, _event_id(raw), str(error)))
    counts = service.record(good)
    rejected = sorted([*counts.rejected, *bad], key=lambda one: one.index)
    return EventCounts(counts.accepted, counts.duplicates, tuple(rejected))


def read_event(index: int, raw: Any) -> IncomingEvent:
    """The event, or a Unreadable whose text names the field."""
    if not isinstance(raw, Mapping):
        raise Unreadable("an event is an object")
    return IncomingEvent(
        index=index,
        event_id=_text(raw, "event_id") or "",
        kind=_text(raw, "kind") or "",
        reader=_reader(raw),
        item_id=_number(raw, "item_id"),
        post_id=_number(raw, "post_id"),
        post_code=_text(raw, "post_code"),
        audience_id=_number(raw, "audience_id"),
        audience_ref=_text(raw, "audience_ref"),
        trace_id=_text(raw, "trace_id"),
        order_ref=_text(raw, "order_ref"),
        value_fen=_number(raw, "value_fen"),
        at=_time(raw, "at"),
    )


def _event_id(raw: Any) -> str:
    return str(raw.get("event_id", ""))[:80] if isinstance(raw, Mapping) else ""


def _reader(raw: Mapping[str, Any]) -> ReaderRef | None:
    given = raw.get("reader")
    if not given:
        return _app_reader(_text(raw, "reader_id"))
    if not isinstance(given, Mapping):
        raise Unreadable("reader: an object with app_id, openid, external_userid or unionid")
    values = {name: _text(given, name) for name in ID_FIELDS}
    values["app_id"] = values["app_id"] or _text(raw, "reader_id")
    if any(len(value) > LONGEST_ID for value in values.values() if value):
        raise Unreadable(_LONG_IDS)
    return ReaderRef(**values) if any(values.values()) else None


def _app_reader(app_id: str | None) -> ReaderRef | None:
    """The usual report: the app names its readers by its own id."""
    if app_id is None:
        return None
    if len(app_id) > LONGEST_ID:
        raise Unreadable(_LONG_IDS)
    return ReaderRef(app_id)


def _text(raw: Mapping[str, Any], name: str) -> str | None:
    value = raw.get(name)
    if value is None:
        return None
    if type(value) is str and value.isascii() and "\0" not in value:
        return value.strip() or None
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        raise Unreadable(f"{name}: a text is needed")
    text = str(value).strip()
    if "\0" in text or (not text.isascii() and _broken(text)):
        raise Unreadable(f"{name}: leave out NUL and halves of characters (surrogates)")
    return text or None


def _broken(text: str) -> bool:
    """Half of a pair of surrogates: JSON can say it, no database stores it."""
    return any("\ud800" <= sign <= "\udfff" for sign in text)


def _number(raw: Mapping[str, Any], name: str) -> int | None:
    value = raw.get(name)
    if value is None or (type(value) is int and -_MOST <= value <= _MOST):
        return value
    if value == "":
        return None
    if isinstance(value, str) and value.strip().lstrip("-").isdigit():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or abs(value) > _MOST:
        raise Unreadable(f"{name}: a whole number is needed")
    return value


def _time(raw: Mapping[str, Any], name: str) -> datetime | None:
    value = raw.get(name)
    if value is None:
        return None
    if not isinstance(value, str):
        raise Unreadable(f"{name}: an ISO 8601 time is needed")
    try:
        return datetime.fromisoformat(value)
    except ValueError as error:
        raise Unreadable(f"{name}: an ISO 8601 time is needed") from error
