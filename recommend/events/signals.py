"""How readers answered items: heat, decayed rates, and what is read together."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, Dialect, select
from sqlalchemy.orm import Session

from contentcenter.domain.events import EVENT_WEIGHT, EventKind
from recommend.among import among
from recommend.persona_math.decay import day_number
from recommend.tables import CoReadRow, ItemSignalRow
from recommend.upserts import Write, upserting

# The item, and its `Signal` in the order of the fields.
_SIGNAL = (
    ItemSignalRow.item_id,
    ItemSignalRow.heat,
    ItemSignalRow.shown,
    ItemSignalRow.liked,
    ItemSignalRow.orders,
    ItemSignalRow.day,
)
_HEARD = ("heat", "shown", "liked", "orders", "day")
HEAT_HALF_LIFE = 7.0
RATE_HALF_LIFE = 30.0
COLD = -1e9
CO_READ_DEPTH = 10
LIKES = frozenset({EventKind.CLICK, EventKind.FAVOURITE, EventKind.CART, EventKind.ORDER})


class Signal(NamedTuple):
    """Counts decayed to `day`."""

    heat: float = COLD
    shown: float = 0.0
    liked: float = 0.0
    orders: float = 0.0
    day: float = 0.0


class Response(NamedTuple):
    """One event as signals see it."""

    item_id: int
    kind: EventKind
    at: datetime
    reader_id: int | None = None


def add_response(signal: Signal, event: Response) -> Signal:
    """The signal with one more event, of any age."""
    return _with(signal, event.kind, day_number(event.at))


def _with(signal: Signal, kind: EventKind, day: float) -> Signal:
    to = max(signal.day, day)
    old, new = _fade(to - signal.day), _fade(to - day)
    return Signal(
        heat=_heated(signal.heat, kind, day),
        shown=signal.shown * old + new * (kind is EventKind.IMPRESSION),
        liked=signal.liked * old + new * (kind is EventKind.CLICK),
        orders=signal.orders * old + new * (kind is EventKind.ORDER),
        day=to,
    )


def _fade(days: float) -> float:
    if days == 0.0:
        return 1.0
    return float(2.0 ** (-days / RATE_HALF_LIFE))


def _heated(heat: float, kind: EventKind, day: float) -> float:
    if kind not in LIKES:
        return heat
    new = math.log2(EVENT_WEIGHT[kind]) + day / HEAT_HALF_LIFE
    high, low = max(heat, new), min(heat, new)
    return high + math.log2(1.0 + 2.0 ** max(low - high, -60.0))


def co_reads(
    events: Iterable[Response], before: Mapping[int, Sequence[int]]
) -> dict[tuple[int, int], int]:
    """New pairs (item, other) with counts, both ways. `before`: what each reader liked
    earlier, newest first."""
    pairs: dict[tuple[int, int], int] = defaultdict(int)
    recent = {reader: list(items) for reader, items in before.items()}
    for event in events:
        if event.kind not in LIKES or event.reader_id is None:
            continue
        liked = recent.setdefault(event.reader_id, [])
        if event.item_id in liked:
            continue
        for other in liked[:CO_READ_DEPTH]:
            pairs[event.item_id, other] += 1
            pairs[other, event.item_id] += 1
        liked.insert(0, event.item_id)
        del liked[CO_READ_DEPTH:]
    return dict(pairs)


def load_signals(
    session: Session | Connection, ids: Sequence[int], now: datetime
) -> dict[int, Signal]:
    """Signals by item, their counts faded to `now`; items without events are left out."""
    today, out = day_number(now), {}
    for item, heat, shown, liked, orders, day in session.execute(_SIGNALS_OF, {"ids": ids}):
        fade = _fade(max(today - day, 0.0))
        out[item] = Signal(heat, shown * fade, liked * fade, orders * fade, today)
    return out


def heard(known: Mapping[int, Signal], events: Iterable[Response]) -> dict[int, Signal]:
    """The signals of the items of these events after them; `known`: what was stored before."""
    signals: dict[int, Signal] = {}
    at, day = None, 0.0
    for event in events:
        if event.at != at:  # the items of a page are reported together
            at, day = event.at, day_number(event.at)
        one = event.item_id
        before = signals.get(one) or known.get(one) or Signal()
        signals[one] = _with(before, event.kind, day)
    return signals


def signal_writes(dialect: Dialect, signals: Mapping[int, Signal]) -> list[Write]:
    """What stores these signals, laid out."""
    rows = [
        {
            "item_id": one,
            "heat": signal.heat,
            "shown": signal.shown,
            "liked": signal.liked,
            "orders": signal.orders,
            "day": signal.day,
        }
        for one, signal in sorted(signals.items())
    ]
    return upserting(dialect, ItemSignalRow, rows, ["item_id"], _HEARD)


def co_read_writes(dialect: Dialect, pairs: Mapping[tuple[int, int], int]) -> list[Write]:
    """What adds these counts to the stored ones, laid out."""
    # In the order of the keys: writers then take the rows' locks in one order.
    rows = [
        {"item_id": first, "other_id": second, "count": float(count)}
        for (first, second), count in sorted(pairs.items())
    ]
    return upserting(dialect, CoReadRow, rows, ["item_id", "other_id"], [], adds=["count"])


def hottest(session: Session, limit: int) -> list[int]:
    query = (
        select(ItemSignalRow.item_id)
        .where(ItemSignalRow.heat > COLD)
        .order_by(ItemSignalRow.heat.desc(), ItemSignalRow.item_id)
        .limit(limit)
    )
    return list(session.scalars(query))


# Built once: putting a statement together costs as much as running it.
_SIGNALS_OF = select(*_SIGNAL).where(among(ItemSignalRow.item_id, "ids"))
