"""Which post or feed answer caused what a reader did, and what a refund takes back.

Single-source last-touch attribution within a look-back window: what was reported with a post
or an answer is direct; anything else counts for the last impression or click of the same
reader, on the same item or the same work, that came through a post or an answer. Direct beats
look-back. All functions are pure: the same events give the same causes in any order.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping
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

    @property
    def pair(self) -> tuple[int, int] | None:
        """Reader and item, when both are known."""
        if self.reader_id is None or self.item_id is None:
            return None
        return self.reader_id, self.item_id


# By reader, when the first and the last of their touches happened.
Touched = Mapping[int, tuple[datetime, datetime]]


def touched(deeds: Iterable[Deed]) -> Touched:
    """When readers were touched by a post or an answer in these."""
    found: dict[int, tuple[datetime, datetime]] = {}
    for one in deeds:
        if one.direct and one.kind in TOUCHES and one.reader_id is not None:
            first, last = found.get(one.reader_id, (one.at, one.at))
            found[one.reader_id] = (min(first, one.at), max(last, one.at))
    return found


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
        if deed.pair is None:
            return []
        reader, item = deed.pair
        works = [(reader, "work", work) for work in self._works.get(item, ())]
        return [(reader, "item", item), *works]


def caused(deed: Deed, touches: Touches, windows: Windows) -> Cause:
    """The cause of one response."""
    if deed.direct:
        return Cause(deed.post_id, deed.trace_id, DIRECT)
    touch = touches.last(deed, windows.of(deed.kind))
    return Cause() if touch is None else Cause(touch.post_id, touch.trace_id, LOOK_BACK)


class Orders:
    """Orders by what a refund can name: their reference, or reader and item."""

    def __init__(self, orders: Iterable[Deed]) -> None:
        self.all = list(orders)
        self._by_ref: dict[str, list[Deed]] = defaultdict(list)
        self._by_pair: dict[tuple[int, int], list[Deed]] = defaultdict(list)
        for one in self.all:
            if one.order_ref is not None:
                self._by_ref[one.order_ref].append(one)
            if one.pair is not None:
                self._by_pair[one.pair].append(one)

    def fitting(self, refund: Deed) -> list[Deed]:
        """By reference, the same item's before others; else the reader's earlier ones of it."""
        if refund.order_ref is not None:
            named = self._by_ref.get(refund.order_ref, [])
            return [one for one in named if one.item_id == refund.item_id] or named
        if refund.pair is None:
            return []
        return [one for one in self._by_pair.get(refund.pair, ()) if one.at <= refund.at]


def refunded(orders: Orders, refunds: Iterable[Deed]) -> dict[int, tuple[Deed, int]]:
    """For each refund the order event it belongs to and the fen that count.

    The last fitting order that has something left; refunds that name their order come first.
    A refund without a value takes back all that is left. No order sinks below zero: what is
    more does not count. A refund that has no order (yet) is left out.
    """
    left = {one.id: one.value_fen or 0 for one in orders.all}
    out: dict[int, tuple[Deed, int]] = {}
    for one in sorted(refunds, key=lambda deed: (deed.order_ref is None, deed.at, deed.id)):
        fitting = orders.fitting(one)
        if not fitting:
            continue
        order = max(fitting, key=lambda deed: (left[deed.id] > 0, deed.at, deed.id))
        wanted = left[order.id] if one.value_fen is None else max(one.value_fen, 0)
        counts = min(wanted, left[order.id])
        left[order.id] -= counts
        out[one.id] = (order, counts)
    return out


def refund_cause(refund: Deed, order: Deed | None, of: Cause, counts: int) -> Cause:
    """A refund counts where its order counts; without an order, where it was reported."""
    own = Cause(refund.post_id, refund.trace_id, DIRECT) if refund.direct else Cause()
    if order is None:
        return own
    where = Cause(of.post_id, of.trace_id, ORDER) if of.method else own
    return Cause(where.post_id, where.trace_id, where.method, order.id, counts)
