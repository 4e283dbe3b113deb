"""The right answers: brute force in float32 over every item, a block at a time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from bench.size_items import Items
from contentcenter.embedding.ports import Vectors
from contentcenter.search.ports import Filters

_ROWS = 20_000


@dataclass(frozen=True)
class Exact:
    """Ids and cosines of the nearest items, shape (questions, limit), and the share of all
    items that pass the filter."""

    ids: npt.NDArray[np.int64]
    cosines: npt.NDArray[np.float32]
    passing: float


def exact_answers(
    items: Items, size: int, questions: Vectors, filters: list[Filters], limit: int
) -> list[Exact]:
    """One answer a filter; every vector is made once for all of them."""
    best = [_empty(len(questions), limit) for _ in filters]
    passed = [0] * len(filters)
    for start in range(0, size, _ROWS):
        stop = min(start + _ROWS, size)
        scores = questions @ items.vectors(start, stop).T
        for at, one in enumerate(filters):
            rows = np.flatnonzero(items.passing(one, start, stop))
            passed[at] += len(rows)
            best[at] = _merged(best[at], scores[:, rows], rows + start + 1, limit)
    return [
        Exact(ids, cosines, count / size)
        for (ids, cosines), count in zip(best, passed, strict=True)
    ]


def recall(exact: Exact, answers: list[list[int]]) -> float:
    """Share of the right answers that are among the given ones."""
    shared = sum(
        len(set(given) & set(right.tolist()))
        for given, right in zip(answers, exact.ids, strict=True)
    )
    return shared / exact.ids.size


_Best = tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]


def _empty(questions: int, limit: int) -> _Best:
    shape = (questions, limit)
    return np.zeros(shape, np.int64), np.full(shape, -np.inf, np.float32)


def _merged(best: _Best, scores: Vectors, ids: npt.NDArray[np.int64], limit: int) -> _Best:
    known, cosines = best
    all_scores = np.concatenate([cosines, scores], axis=1)
    all_ids = np.concatenate([known, np.broadcast_to(ids, (len(known), len(ids)))], axis=1)
    kept = np.argpartition(-all_scores, limit - 1, axis=1)[:, :limit]
    cosines = np.take_along_axis(all_scores, kept, axis=1)
    order = np.argsort(-cosines, axis=1)
    kept = np.take_along_axis(kept, order, axis=1)
    return np.take_along_axis(all_ids, kept, axis=1), np.take_along_axis(cosines, order, axis=1)
