"""Filters -> one truth value a row. The only place that says what a filter means here:
words and vectors both ask it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from contentcenter.search.embedded.ids import IdMap
from contentcenter.search.embedded.rows import NO_DATE, ListView, RowView, microseconds
from contentcenter.search.embedded.table import Column
from contentcenter.search.ports import Filters

Mask = npt.NDArray[np.bool_]

# Made once: making and comparing one costs as much as a short search.
EVERYTHING = Filters()
_REMEMBERED = 32
# So many comparisons are cheaper than one sort.
_FEW = 4


class Masks:
    """Masks of one view. The parts that many questions share are remembered."""

    def __init__(self, view: RowView, ids: IdMap) -> None:
        self._view = view
        self._ids = ids
        self._shared: dict[Filters, Mask] = {}

    def mask(self, filters: Filters) -> Mask:
        """Rows that are alive and pass. Do not write into it."""
        # Seen sets and moments differ with every question; the rest repeats.
        base = replace(filters, ids=None, exclude_ids=(), rights_at=None)
        mask = self._base(base)
        if base == filters:
            return mask
        mask = mask.copy()
        if filters.ids is not None:
            mask &= self._named(filters.ids)
        if filters.exclude_ids:
            mask[self._ids.rows(filters.exclude_ids)] = False
        if filters.rights_at is not None:
            mask &= self._view.columns["rights"] >= microseconds(filters.rights_at)
        return mask

    def _named(self, ids: Sequence[int]) -> Mask:
        mask = np.zeros(self._view.count, np.bool_)
        mask[self._ids.rows(ids)] = True
        return mask

    def _base(self, filters: Filters) -> Mask:
        if filters == EVERYTHING:
            return self._view.alive
        found = self._shared.get(filters)
        if found is not None:
            return found
        mask = self._view.alive.copy()
        for condition in _conditions(self._view, filters):
            mask &= condition
        # Single dict operations need no lock, which a fork could leave locked for ever.
        if len(self._shared) >= _REMEMBERED:
            self._shared.clear()
        self._shared[filters] = mask
        return mask


def _conditions(view: RowView, filters: Filters) -> Iterator[Mask]:
    for name, wanted in (
        ("kind", filters.kinds),
        ("state", filters.states),
        ("category", filters.categories),
        ("source", filters.sources),
    ):
        if wanted:
            yield _one_of(view, name, wanted)
    for name, wanted in (("tag", filters.tags), ("publisher", filters.publishers)):
        if wanted:
            yield _any_in_list(view, name, view.labels.codes(name, wanted))
    for tag in filters.tags_all:
        yield _any_in_list(view, "tag", view.labels.codes("tag", [tag]))
    if filters.works:
        yield _any_in_list(view, "work", filters.works)
    yield from _special(view, filters)
    yield from _numbers(view, filters)


def _special(view: RowView, filters: Filters) -> Iterator[Mask]:
    if filters.channel_kind is not None:
        yield _channel_allowed(view, filters.channel_kind)
    if filters.year_min is not None or filters.year_max is not None:
        yield _year_between(view, filters.year_min, filters.year_max)


def _numbers(view: RowView, filters: Filters) -> Iterator[Mask]:
    price: npt.NDArray[np.int64] = view.columns["price"]
    if filters.price_min_fen is not None:
        yield price >= max(filters.price_min_fen, 0)
    if filters.price_max_fen is not None:
        yield (price >= 0) & (price <= filters.price_max_fen)
    if filters.published_after is not None:
        published: npt.NDArray[np.int64] = view.columns["published"]
        yield (published > microseconds(filters.published_after)) & (published != NO_DATE)
    if filters.in_stock is not None:
        yield view.columns["in_stock"] == int(filters.in_stock)


def _one_of(view: RowView, name: str, texts: Sequence[str]) -> Mask:
    return _equals_any(view.columns[name], view.labels.codes(name, texts))


def _any_in_list(view: RowView, name: str, values: Sequence[int]) -> Mask:
    column = view.lists[name]
    return _owners(view, column, _equals_any(column.values, values))


def _year_between(view: RowView, low: int | None, high: int | None) -> Mask:
    column = view.lists["year"]
    wanted = np.ones(len(column.values), np.bool_)
    if low is not None:
        wanted &= column.values >= low
    if high is not None:
        wanted &= column.values <= high
    return _owners(view, column, wanted)


def _owners(view: RowView, column: ListView, values: Mask) -> Mask:
    """The rows that own one of the chosen values."""
    mask = np.zeros(view.count, np.bool_)
    mask[column.owners[values]] = True
    return mask


def _channel_allowed(view: RowView, kind: str) -> Mask:
    """A document that names no channel may go to all of them."""
    ends: npt.NDArray[np.int64] = view.columns["channel_end"]
    unnamed = np.diff(ends, prepend=0) == 0
    return np.asarray(unnamed | _any_in_list(view, "channel", view.labels.codes("channel", [kind])))


def _equals_any(column: Column, values: Sequence[int]) -> Mask:
    if len(values) > _FEW:
        return np.isin(column, np.asarray(values, dtype=column.dtype))
    mask = np.zeros(len(column), np.bool_)
    for value in values:
        mask |= column == value
    return mask
