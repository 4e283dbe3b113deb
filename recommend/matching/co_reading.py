"""What an audience's own answers say about an item: through the co-reading model (readers of
this also read that), and directly, where the item itself was answered. Pure.

An answer counts by its weight, the item's share of all that the audience remembers, so a
co-reading score is the mean of what its answers speak for (the model is linear: for a group
whose members' likes are its memory, the mean of its members' scores)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_matrix

from contentcenter.embedding.ports import Vectors
from recommend.collaborative.model import CoReadingModel

if TYPE_CHECKING:
    from recommend.matching.echo import Remembered

Ids = npt.NDArray[np.int64]
# A co-reading score of this much is hardly more than nothing; above it the scale is logarithmic.
# (200 groups on goodbooks: with .01 the learned whole was below co-reading alone.)
_LIKELY = 0.001
_MOST_STRENGTH = 0.999


def weight_of(strength: Vectors) -> Vectors:
    """The weight of answers that `match_echo.strength_of` made a strength of."""
    held = np.minimum(strength, np.float32(_MOST_STRENGTH))
    return np.asarray(held / (1.0 - held), dtype=np.float32)


def answers_of(strength: Vectors) -> Vectors:
    """Shares of an audience's remembered answers, summing to one."""
    weight = weight_of(strength)
    return weight / np.float32(max(float(weight.sum()), 1e-9))


def between(memory: Remembered, ids: Ids | None) -> csr_matrix | None:
    """(m, n): what each remembered item speaks for each of these; None without a model."""
    model = memory.co_reading
    if model is None or ids is None or memory.ids is None:
        return None
    return csr_matrix(
        _chosen(model, memory.ids) @ csr_matrix(model.weights) @ _chosen(model, ids).T
    )


def co_read(memory: Remembered, ids: Ids | None, count: int) -> Vectors:
    """(n, a): the part for every item and audience; zeros without a model."""
    speaks = between(memory, ids)
    if speaks is None:
        return np.zeros((count, len(memory)), dtype=np.float32)
    shares = [answers_of(own) for own in memory.strength]
    return said((memory.owners(shares) @ speaks).toarray().T)


def spoken_for(
    memory: Remembered, audience: int, ids: Ids, most: int = 2
) -> list[list[tuple[int, float]]]:
    """For each of these items the remembered ones that speak most for it, strongest first, each
    with its share of all that speaks for it (0..1)."""
    speaks = between(memory, ids)
    if speaks is None or memory.ids is None:
        return [[] for _ in ids]
    own = memory.rows[audience]
    parts = answers_of(memory.strength[audience])[:, None] * speaks[own].toarray()
    parts = np.maximum(parts, 0.0)
    out = []
    for column in parts.T:
        best = [row for row in np.argsort(-column, kind="stable")[:most] if column[row] > 0.0]
        out.append([(int(memory.ids[own[r]]), float(column[r] / column.sum())) for r in best])
    return out


def said(scores: Vectors) -> Vectors:
    """Co-reading scores on a scale that tells likely from likelier; below zero is nothing."""
    return np.log1p(np.maximum(scores, 0.0) / np.float32(_LIKELY)).astype(np.float32)


def answered(memory: Remembered, ids: Ids | None, count: int) -> Vectors:
    """(n, a): ln(1 + weight of the audience's answers to the item itself)."""
    out = np.zeros((count, len(memory)), dtype=np.float32)
    if ids is not None:
        for column in range(len(memory)):
            out[:, column] = answered_by(memory, column, ids)
    return out


def answered_by(memory: Remembered, audience: int, ids: Ids) -> Vectors:
    """(n,): the part for one audience."""
    out = np.zeros(len(ids), dtype=np.float32)
    own = memory.rows[audience]
    if memory.ids is None or not len(own):
        return out
    held = memory.ids[own]
    order = np.argsort(held)
    at = order[np.minimum(np.searchsorted(held, ids, sorter=order), len(held) - 1)]
    same = held[at] == ids
    out[same] = np.log1p(weight_of(memory.strength[audience])[at[same]])
    return out


def _chosen(model: CoReadingModel, ids: Ids) -> csr_matrix:
    """(len(ids), n of the model): a one where the model knows the item."""
    at = np.searchsorted(model.items, ids)
    known = at < len(model.items)
    known[known] = model.items[at[known]] == ids[known]
    shape = (len(ids), len(model.items))
    ones = np.ones(int(known.sum()), dtype=np.float32)
    return csr_matrix((ones, (np.flatnonzero(known), at[known])), shape=shape)
