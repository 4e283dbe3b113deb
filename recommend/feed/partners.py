"""What readers of the same items also liked, as counts of common readers.

The pairs grow with every like. Summing all of a reader's for a page took milliseconds once the
liked items had hundreds of partners each, so an item's best partners are kept for a while where
there are many of them: one like more hardly moves those. Where there are few, they are read anew
for every page, and each new one counts at once.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict, defaultdict
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
from sqlalchemy import Connection, func, select

from recommend.among import among
from recommend.tables import CoReadRow

PARTNERS = 100
KEPT_SECONDS = 120.0
KEPT_ITEMS = 4_000

Pairs = tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]


class Partners:
    """One per process; safe for several threads."""

    def __init__(self, size: int = KEPT_ITEMS) -> None:
        self._size = size
        self._lock = threading.Lock()
        self._kept: OrderedDict[int, tuple[float, Pairs]] = OrderedDict()

    def of(self, connection: Connection, ids: Sequence[int], limit: int) -> list[int]:
        """Items most often liked by readers of these, most often first; of each of these its
        `PARTNERS` best count."""
        lists = self._lists(connection, ids)
        if not lists:
            return []
        others, counts = (np.concatenate(column) for column in zip(*lists.values(), strict=True))
        found, places = np.unique(others, return_inverse=True)
        sums = np.bincount(places, weights=counts)
        best = found[np.lexsort((found, -sums))].tolist()
        known = set(ids)
        return [one for one in best if one not in known][:limit]

    def _lists(self, connection: Connection, ids: Sequence[int]) -> dict[int, Pairs]:
        since = time.monotonic() - KEPT_SECONDS
        with self._lock:
            entries = {one: self._kept[one] for one in ids if one in self._kept}
        known = {one: pairs for one, (at, pairs) in entries.items() if at >= since}
        missing = [one for one in ids if one not in known]
        fresh = _read(connection, missing) if missing else {}
        self._keep({one: pairs for one, pairs in fresh.items() if len(pairs[0]) == PARTNERS})
        return known | fresh

    def _keep(self, fresh: Mapping[int, Pairs]) -> None:
        now = time.monotonic()
        with self._lock:
            for one, pairs in fresh.items():
                self._kept[one] = (now, pairs)
                self._kept.move_to_end(one)
            while len(self._kept) > self._size:
                self._kept.popitem(last=False)


def _read(connection: Connection, ids: Sequence[int]) -> dict[int, Pairs]:
    found: dict[int, list[tuple[int, float]]] = defaultdict(list)
    for one, other, count in connection.execute(_BEST, {"ids": list(ids)}).all():
        found[one].append((other, count))
    return {
        one: (
            np.array([other for other, _ in pairs], dtype=np.int64),
            np.array([count for _, count in pairs], dtype=np.float64),
        )
        for one, pairs in found.items()
    }


# Built once: putting a statement together costs as much as running it.
_RANKED = (
    select(
        CoReadRow.item_id,
        CoReadRow.other_id,
        CoReadRow.count,
        func.row_number()
        .over(
            partition_by=CoReadRow.item_id,
            order_by=(CoReadRow.count.desc(), CoReadRow.other_id),
        )
        .label("place"),
    )
    .where(among(CoReadRow.item_id, "ids"))
    .subquery()
)
_BEST = select(_RANKED.c.item_id, _RANKED.c.other_id, _RANKED.c.count).where(
    _RANKED.c.place <= PARTNERS
)
