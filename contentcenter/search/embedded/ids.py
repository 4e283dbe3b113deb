"""From document ids to rows."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
# So many rows are sorted anew at each refresh; beyond that the whole column is.
_TAIL = 4096


class IdMap:
    """Looks ids up in a column where an id's newest row comes last.

    Sorting a long column costs tens of milliseconds and writes are frequent, so a map built
    for an earlier view of the same folder is kept and only the new tail is sorted.
    """

    def __init__(self, ids: Ints, alive: npt.NDArray[np.bool_], earlier: IdMap | None) -> None:
        self._alive = alive
        self._base: Ints
        self._base_order: Ints
        if earlier is not None and len(earlier._base) <= len(ids) <= len(earlier._base) + _TAIL:
            self._base, self._base_order = earlier._base, earlier._base_order
        else:
            self._base_order = np.argsort(ids, kind="stable")
            self._base = ids[self._base_order]
        start = len(self._base)
        self._tail_order = np.argsort(ids[start:], kind="stable") + start
        self._tail = ids[self._tail_order]

    def rows(self, ids: Iterable[int]) -> Ints:
        """Live rows of those ids that are here, in no particular order."""
        wanted = np.unique(np.fromiter(ids, dtype=np.int64))
        rows = _newest(self._base, self._base_order, wanted)
        newer = _newest(self._tail, self._tail_order, wanted)
        rows = np.maximum(rows, newer)
        rows = rows[rows >= 0]
        return rows[self._alive[rows]]


def _newest(ordered: Ints, order: Ints, wanted: Ints) -> Ints:
    """The last row of each id, -1 where there is none."""
    if not len(ordered):
        return np.full(len(wanted), -1, np.int64)
    at = np.searchsorted(ordered, wanted, side="right") - 1
    safe = np.maximum(at, 0)
    return np.where((at >= 0) & (ordered[safe] == wanted), order[safe], -1)
