"""How well ranked lists answer held-out likes. Pure, by arrays: thousands of readers at once.

Binary gains, the cut divides by the best order possible; recall divides by *all* held-out likes of
the reader (as the public figures of these sets do). Readers without a held-out like say nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import sparse

from recommend.collaborative.interactions import Floats, Ids

BATCH = 1_000
# 200 MB of scores; several such arrays live while a batch is ranked.
SCORES_AT_ONCE = 50_000_000
# Histories (readers, items) -> scores (readers, items); may be written to by the caller.
Scorer = Callable[[sparse.csr_array], Floats]
Places = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Answers:
    """Ranked lists: `top` (readers, k) places of items, best first, -1 where none is left."""

    readers: Ids
    top: Places


def best_unread(scores: Floats, seen: sparse.csr_array, limit: int) -> Places:
    """(readers, limit) places by falling score, without what was seen; equal scores by place.

    `scores` is changed. -1 fills a row that runs out of unseen items.
    """
    rows = np.repeat(np.arange(seen.shape[0]), np.diff(seen.indptr))
    scores[rows, seen.indices] = -np.inf
    width = min(limit, scores.shape[1])
    top = np.argpartition(-scores, width - 1, axis=1)[:, :width]
    top.sort(axis=1)
    values = np.take_along_axis(scores, top, axis=1)
    order = np.argsort(-values, axis=1, kind="stable")
    top = np.take_along_axis(top, order, axis=1)
    top[np.isneginf(np.take_along_axis(values, order, axis=1))] = -1
    filled = np.full((len(top), limit), -1, np.int64)
    filled[:, :width] = top
    return filled


def answer(scorer: Scorer, seen: sparse.csr_array, readers: Ids, limit: int) -> Answers:
    """Lists for these readers (rows of `seen`), a batch at a time."""
    found = [best_unread(scorer(rows), rows, limit) for rows in _batches(seen, readers)]
    return Answers(readers, np.concatenate(found) if found else np.zeros((0, limit), np.int64))


def hits(answers: Answers, wanted: sparse.csr_array) -> npt.NDArray[np.float64]:
    """(readers, k) 1 where the answer is one of the reader's held-out likes."""
    rows = wanted[answers.readers]
    counted = sparse.csr_array(
        (np.ones(rows.nnz, np.float64), rows.indices, rows.indptr), shape=rows.shape
    )
    if not counted.shape[0]:
        return np.zeros(answers.top.shape)
    places = np.maximum(answers.top, 0)
    row = np.arange(len(places))[:, None]
    found = np.asarray(counted[row, places].todense(), np.float64).reshape(places.shape)
    return np.where(answers.top >= 0, found, 0.0)


def ndcg_each(answers: Answers, wanted: sparse.csr_array) -> npt.NDArray[np.float64]:
    """(readers,) discounted gain of the list over that of the best list, 0..1."""
    depth = answers.top.shape[1]
    discounts = 1.0 / np.log2(np.arange(2, depth + 2))
    best = np.cumsum(discounts)[np.minimum(_wanted(answers, wanted), depth) - 1]
    gains: npt.NDArray[np.float64] = (hits(answers, wanted) * discounts).sum(axis=1) / best
    return gains


def recall_each(answers: Answers, wanted: sparse.csr_array) -> npt.NDArray[np.float64]:
    """(readers,) share of all held-out likes that are in the list."""
    found: npt.NDArray[np.float64] = hits(answers, wanted).sum(axis=1) / _wanted(answers, wanted)
    return found


def readers_with(wanted: sparse.csr_array) -> Ids:
    """Rows that have something held out."""
    return np.flatnonzero(np.diff(wanted.indptr) > 0).astype(np.int64)


def _wanted(answers: Answers, wanted: sparse.csr_array) -> Ids:
    lengths: Ids = np.diff(wanted.indptr)[answers.readers].astype(np.int64)
    return lengths


def _batches(seen: sparse.csr_array, readers: Ids) -> Iterator[sparse.csr_array]:
    size = max(min(BATCH, SCORES_AT_ONCE // max(seen.shape[1], 1)), 1)
    for start in range(0, len(readers), size):
        yield sparse.csr_array(seen[readers[start : start + size]])
