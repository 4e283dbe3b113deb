"""Counting labels over rows."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from contentcenter.domain.errors import InvalidInput
from contentcenter.domain.prices import BAND_LABELS, BAND_STARTS_FEN
from contentcenter.search.embedded.rows import RowView
from contentcenter.search.embedded.table import Column

_SINGLE_FACETS = ("kind", "category", "source")
_LIST_FACETS = ("tag", "publisher")


def count_facets(
    view: RowView, rows: npt.NDArray[np.int64], name: str, size: int
) -> list[tuple[str, int]]:
    """The `size` most frequent labels over `rows` and their counts; ties by label."""
    if name == "year":
        return _counted(*np.unique(_listed(view, rows, name), return_counts=True), str, size)
    if name == "price_band":
        return _counted(*np.unique(_bands(view, rows), return_counts=True), _band_label, size)
    if name in _SINGLE_FACETS:
        codes = view.columns[name][rows]
    elif name in _LIST_FACETS:
        codes = _listed(view, rows, name)
    else:
        raise InvalidInput(f"There is no facet called {name}.", facet=name)
    counts = np.bincount(codes, minlength=1)
    kept = _most_frequent(counts, size)
    labelled = zip(view.labels.texts(kept), counts[kept].tolist(), strict=True)
    ordered = sorted(labelled, key=lambda pair: (-pair[1], pair[0]))
    return [(text, count) for text, count in ordered if text][:size]


def _listed(view: RowView, rows: npt.NDArray[np.int64], name: str) -> Column:
    column = view.lists[name]
    chosen = np.zeros(view.count, np.bool_)
    chosen[rows] = True
    codes: Column = column.values[chosen[column.owners]]
    return codes


def _bands(view: RowView, rows: npt.NDArray[np.int64]) -> Column:
    """Number of the band of each row that has a price."""
    price: Column = view.columns["price"][rows]
    return np.searchsorted(BAND_STARTS_FEN, price[price >= 0], side="right") - 1


def _band_label(number: int) -> str:
    return BAND_LABELS[number]


def _counted(
    values: Column, counts: Column, label: Callable[[int], str], size: int
) -> list[tuple[str, int]]:
    """Few distinct values: all are labelled, then sorted."""
    pairs = zip(values.tolist(), counts.tolist(), strict=True)
    labelled = [(label(value), count) for value, count in pairs]
    return sorted(labelled, key=lambda pair: (-pair[1], pair[0]))[:size]


def _most_frequent(counts: npt.NDArray[np.int64], size: int) -> list[int]:
    """Codes with the highest counts, with every tie at the last place, so that the choice
    among ties can go by label. An empty label is counted but never shown: one more."""
    used = np.flatnonzero(counts)
    room = size + 1
    if len(used) > room:
        bound = np.partition(counts[used], len(used) - room)[len(used) - room]
        used = used[counts[used] >= bound]
    codes: list[int] = used.tolist()
    return codes
