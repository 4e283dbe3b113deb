"""Ids in the order of publication."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from contentcenter.search.embedded.rows import RowView


def newest_ids(
    view: RowView, mask: npt.NDArray[np.bool_], limit: int, *, newest_first: bool
) -> list[int]:
    """Ids of the rows in `mask` by publication, then id; without a date means oldest."""
    rows = np.flatnonzero(mask)
    if limit <= 0 or not len(rows):
        return []
    published: npt.NDArray[np.int64] = view.columns["published"][rows]
    ids: npt.NDArray[np.int64] = view.columns["id"][rows]
    if limit < len(rows):
        # A full sort of a large index costs tens of milliseconds; drop what lies beyond
        # the limit first, keeping every tie.
        place = len(rows) - limit if newest_first else limit - 1
        bound = np.partition(published, place)[place]
        near = published >= bound if newest_first else published <= bound
        published, ids = published[near], ids[near]
    order = np.lexsort((ids, published))
    chosen: list[int] = ids[order[::-1] if newest_first else order][:limit].tolist()
    return chosen
