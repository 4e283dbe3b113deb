"""Reader events: what a reader did, and how much it says about taste."""

from __future__ import annotations

from enum import StrEnum


class EventKind(StrEnum):
    IMPRESSION = "impression"
    CLICK = "click"
    FAVOURITE = "favourite"
    CART = "cart"
    ORDER = "order"
    REFUND = "refund"
    JOIN = "join"
    LEAVE = "leave"
    DISLIKE = "dislike"
    MUTE = "mute"


# How strongly one event speaks about interest. An impression without a click says little
# against an item; a refund takes back most of an order.
EVENT_WEIGHT: dict[EventKind, float] = {
    EventKind.IMPRESSION: -0.02,
    EventKind.CLICK: 1.0,
    EventKind.FAVOURITE: 2.0,
    EventKind.CART: 2.5,
    EventKind.ORDER: 5.0,
    EventKind.REFUND: -4.0,
    EventKind.JOIN: 0.0,
    EventKind.LEAVE: 0.0,
    EventKind.DISLIKE: -3.0,
    EventKind.MUTE: 0.0,
}
# Events that need no item.
AUDIENCE_EVENTS = frozenset({EventKind.JOIN, EventKind.LEAVE, EventKind.MUTE})
# A reader who did one of these has seen the item.
SEEN_EVENTS = frozenset(EventKind) - AUDIENCE_EVENTS
