"""Which post or feed answer caused what a reader did, and what a refund takes back.

Single-source last-touch attribution within a look-back window: what was reported with a post
or an answer is direct; anything else counts for the last impression or click of the same
reader, on the same item or the same work, that came through a post or an answer. Direct beats
look-back. All functions are pure: the same events give the same causes in any order.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from contentcenter.domain.events import EventKind
from contentcenter.settings import Settings

DIRECT = "direct"
LOOK_BACK = "look_back"
ORDER = "order"
TOUCHES = frozenset({EventKind.IMPRESSION, EventKind.CLICK})
RESPONSES = frozenset({EventKind.CLICK, EventKind.FAVOURITE, EventKind.CART, EventKind.ORDER})


@dataclass(frozen=True)
class Windows:
    """How long before a response its cause may lie."""

    click: timedelta = timedelta(hours=24)
    cart: timedelta = timedelta(hours=72)
    order: timedelta = timedelta(hours=168)

    def of(self, kind: str) -> timedelta:
        """The window of a kind; nothing for kinds that are no response."""
        if kind == EventKind.ORDER:
            return self.order
        if kind in (EventKind.CART, EventKind.FAVOURITE):
            return self.cart
        return self.click if kind == EventKind.CLICK else timedelta(0)

    @property
    def longest(self) -> timedelta:
        return max(self.click, self.cart, self.order)


def windows_from(settings: Settings) -> Windows:
    return Windows(
        timedelta(hours=settings.attribution_click_hours),
        timedelta(hours=settings.attribution_cart_hours),
        timedelta(hours=settings.attribution_order_hours),
    )


@dataclass(frozen=True)
class Cause:
    """What an event is attributed to, as it is stored. Nothing set: no cause is known."""

    post_id: int | None = None
    trace_id: str | None = None
    method: str | None = None
    refunded_event_id: int | None = None
    refunded_fen: int | None = None


@dataclass(frozen=True)
class Deed:
    """One stored event as attribution sees it. `cause` is what is stored now."""

    id: int
    kind: str
    at: datetime
    reader_id: int | None = None
    item_id: int | None = None
    post_id: int | None = None
    trace_id: str | None = None
    order_ref: str | None = None
    value_fen: int | None = None
    cause: Cause = Cause()

    @property
    def direct(self) -> bool:
        return self.post_id is not None or self.trace_id is not None


class Touches:
    """Impressions and clicks through a post or an answer, ready to be looked back for.

    `works`: the works that an item is about; items of one work stand in for each other.
    """

    def __init__(self, deeds: Iterable[Deed], works: Mapping[int, Iterable[int]]) -> None:
        self._works = works
        self._found: dict[tuple[int, str, int], list[Deed]] = defaultdict(list)
        for one in sorted(deeds, key=lambda deed: (deed.at, deed.id)):
            if one.direct and one.kind in TOUCHES:
                for key in self._keys(one):
                    self._found[key].append(one)

    def last(self, deed: Deed, window: timedelta) -> Deed | None:
        """The last touch at most `window` before a deed."""
        found = [touch for key in self._keys(deed) if (touch := self._before(key, deed.at))]
        last = max(found, key=lambda touch: (touch.at, touch.id), default=None)
        return last if last is not None and deed.at - last.at <= window else None

    def _before(self, key: tuple[int, str, int], at: datetime) -> Deed | None:
        own = self._found.get(key, ())
        place = bisect_right(own, at, key=lambda touch: touch.at)
        return own[place - 1] if place else None

    def _keys(self, deed: Deed) -> list[tuple[int, str, int]]:
        if deed.reader_id is None or deed.item_id is None:
            return []
        works = [(deed.reader_id, "work", work) for work in self._works.get(deed.item_id, ())]
        return [(deed.reader_id, "item", deed.item_id), *works]


def caused(deed: Deed, touches: Touches, windows: Windows) -> Cause:
    """The cause of one response."""
    if deed.direct:
        return Cause(deed.post_id, deed.trace_id, DIRECT)
    touch = touches.last(deed, windows.of(deed.kind))
    return Cause() if touch is None else Cause(touch.post_id, touch.trace_id, LOOK_BACK)


RefundKey = tuple[str, str | int, int]


def refund_key(deed: Deed) -> RefundKey | None:
    """Orders and refunds with the same key belong together: by the order's reference, else by
    reader and item."""
    if deed.order_ref is not None:
        return ("ref", deed.order_ref, 0)
    if deed.reader_id is not None and deed.item_id is not None:
        return ("reader", deed.reader_id, deed.item_id)
    return None


def refunded(orders: Sequence[Deed], refunds: Sequence[Deed]) -> dict[int, tuple[int, int]]:
    """For each refund of one key: the order event it belongs to and the fen that count.

    A refund without a value takes back all that is left. No order sinks below zero: what is
    more does not count. A refund that has no order (yet) is left out.
    """
    left = {one.id: one.value_fen or 0 for one in orders}
    out: dict[int, tuple[int, int]] = {}
    for one in sorted(refunds, key=lambda refund: (refund.at, refund.id)):
        order = _order_of(one, orders, left)
        if order is None:
            continue
        wanted = left[order.id] if one.value_fen is None else max(one.value_fen, 0)
        counts = min(wanted, left[order.id])
        left[order.id] -= counts
        out[one.id] = (order.id, counts)
    return out


def _order_of(refund: Deed, orders: Sequence[Deed], left: Mapping[int, int]) -> Deed | None:
    """By reference the same item's order; else the last one before it with something left."""
    if refund.order_ref is not None:
        fitting = [one for one in orders if one.item_id == refund.item_id] or list(orders)
    else:
        fitting = [one for one in orders if one.at <= refund.at]
    return max(fitting, key=lambda one: (left[one.id] > 0, one.at, one.id), default=None)


def refund_cause(refund: Deed, order: Deed | None, of: Cause, counts: int) -> Cause:
    """A refund counts where its order counts; without an order, where it was reported."""
    own = Cause(refund.post_id, refund.trace_id, DIRECT) if refund.direct else Cause()
    if order is None:
        return own
    where = Cause(of.post_id, of.trace_id, ORDER) if of.method else own
    return Cause(where.post_id, where.trace_id, where.method, order.id, counts)
