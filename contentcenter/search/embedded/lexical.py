"""BM25 answers: tantivy finds, the mask confirms, ties go by id."""

from __future__ import annotations

import numpy as np

from contentcenter.search.embedded.masks import EVERYTHING
from contentcenter.search.embedded.snapshot import Snapshot
from contentcenter.search.ports import Filters, Hit, LexicalQuery

# tantivy orders ties by where a document happens to lie. A few hits more than asked for
# show whether the last place is tied; then more are fetched, up to this many.
_SPARE = 8
_MOST_TIES = 2000
_GROWTH = 4


def lexical_hits(now: Snapshot, query: LexicalQuery, filters: Filters, limit: int) -> list[Hit]:
    """The best `limit` matches that pass the filters, ties by id ascending."""
    mask = None if filters == EVERYTHING else now.masks.mask(filters)
    wanted = limit + _SPARE
    while True:
        found = now.text.search(query, filters, wanted)
        rows, scores = now.rows.rows_of_serials(found.serials), found.scores
        passed = rows >= 0 if mask is None or not now.rows.count else (rows >= 0) & mask[rows]
        if not passed.all():
            rows, scores = rows[passed], scores[passed]
        if found.complete or _settled(scores, limit, wanted):
            break
        wanted *= _GROWTH
    ids = now.rows.columns["id"][rows]
    order = np.lexsort((ids, -scores))[:limit]
    return list(map(Hit, ids[order].tolist(), scores[order].tolist()))


def _settled(scores: np.ndarray[tuple[int], np.dtype[np.float64]], limit: int, wanted: int) -> bool:
    """Whether fetching more could change the first `limit`."""
    if len(scores) < limit:
        return False
    return bool(scores[-1] < scores[limit - 1]) or wanted >= limit + _MOST_TIES
