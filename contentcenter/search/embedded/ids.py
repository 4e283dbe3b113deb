"""From document ids to rows."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
# So many rows are sorted anew at each refresh; beyond that the whole column is.
_TAIL = 4096


@dataclass(frozen=True)
class _Ordered:
    """Ids in ascending order and the row of each; equal ids keep the order of their rows."""

    ids: Ints
    rows: Ints

    @classmethod
    def of(cls, ids: Ints, start: int) -> _Ordered:
        order = np.argsort(ids[start:], kind="stable") + start
        return cls(ids[order], order)

    def newest(self, wanted: Ints) -> Ints:
        """The last row of each id, -1 where there is none."""
        if not len(self.ids):
            return np.full(len(wanted), -1, np.int64)
        at = np.searchsorted(self.ids, wanted, side="right") - 1
        safe = np.maximum(at, 0)
        return np.where((at >= 0) & (self.ids[safe] == wanted), self.rows[safe], -1)


_Sorted = tuple[_Ordered, _Ordered]  # most of the rows, and those written since


class IdMap:
    """Looks ids up in a column where an id's newest row comes last.

    Sorting a long column costs tens of milliseconds and writes are frequent, so a map built
    for an earlier view of the same folder is kept and only the new tail is sorted.
    """

    def __init__(self, ids: Ints, alive: npt.NDArray[np.bool_], earlier: IdMap | None) -> None:
        self._ids, self._alive = ids, alive
        self._sorted: _Sorted | None = None
        if earlier is not None and earlier._sorted is not None:
            base = earlier._sorted[0]
            if len(base.ids) <= len(ids) <= len(base.ids) + _TAIL:
                self._sorted = (base, _Ordered.of(ids, len(base.ids)))

    def _parts(self) -> _Sorted:
        # Sorted when first asked for: many processes open an index to look up words only.
        if self._sorted is None:
            self._sorted = (_Ordered.of(self._ids, 0), _Ordered.of(self._ids, len(self._ids)))
        return self._sorted

    def rows(self, ids: Iterable[int]) -> Ints:
        """Live rows of those ids that are here, in no particular order."""
        wanted = np.unique(np.fromiter(ids, dtype=np.int64))
        base, tail = self._parts()
        rows = np.maximum(base.newest(wanted), tail.newest(wanted))
        rows = rows[rows >= 0]
        return rows[self._alive[rows]]
