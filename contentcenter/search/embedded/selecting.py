"""Ids in a sorted order, and pages of them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from contentcenter.search.embedded.rows import NEVER, NO_DATE, NO_PRICE, RowView
from contentcenter.search.ports import Mark, Order, Page

Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

_DESCENDING = frozenset({Order.NEWEST, Order.DEAREST})


def sorted_page(view: RowView, mask: Mask, limit: int, order: Order, after: Mark | None) -> Page:
    """Up to `limit` ids of the rows in `mask` that come behind `after`."""
    rows = np.flatnonzero(mask)
    keys, ids = _keys(view, rows, order), view.columns["id"][rows]
    if order in _DESCENDING:
        # Everything ascends from here on: `~` turns the order round and cannot overflow.
        keys, ids = ~keys, ~ids
    if after is not None:
        keys, ids = _behind(keys, ids, _place(after, order))
    if limit <= 0 or not len(ids):
        return Page((), None)
    keys, ids, more = _first(keys, ids, limit)
    if order in _DESCENDING:
        keys, ids = ~keys, ~ids
    value = int(keys[-1])
    last = Mark(None if value == _missing(order) else value, int(ids[-1]))
    return Page(tuple(ids.tolist()), last if more else None)


def _keys(view: RowView, rows: Ints, order: Order) -> Ints:
    if order in {Order.NEWEST, Order.OLDEST}:
        published: Ints = view.columns["published"][rows]
        return published
    price: Ints = view.columns["price"][rows]
    return np.where(price < 0, NEVER, price) if order is Order.CHEAPEST else price


def _missing(order: Order) -> int:
    """The sort key of a document without a date or price."""
    missing = {Order.CHEAPEST: NEVER, Order.DEAREST: NO_PRICE}
    return int(missing.get(order, NO_DATE))


def _place(after: Mark, order: Order) -> tuple[int, int]:
    key = _missing(order) if after.value is None else after.value
    return (~key, ~after.id) if order in _DESCENDING else (key, after.id)


def _behind(keys: Ints, ids: Ints, place: tuple[int, int]) -> tuple[Ints, Ints]:
    key, one = place
    kept = (keys > key) | ((keys == key) & (ids > one))
    return keys[kept], ids[kept]


def _first(keys: Ints, ids: Ints, limit: int) -> tuple[Ints, Ints, bool]:
    """The `limit` smallest by key, then id; and whether there are more.

    A full sort of a large index costs tens of milliseconds; what lies beyond the limit is
    dropped first, keeping every tie.
    """
    more = limit < len(keys)
    if more:
        near = keys <= np.partition(keys, limit - 1)[limit - 1]
        keys, ids = keys[near], ids[near]
    order = np.lexsort((ids, keys))[:limit]
    return keys[order], ids[order], more
