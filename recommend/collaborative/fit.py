"""Fitting the co-reading model: a closed form for the items read most, neighbours for all. Pure.

Three things lift it above plain EASE (docs/models/co_reading.md has what each is worth):
readers' rows are divided by a power of their activity, what items say of themselves joins the
closed form, and cosine neighbours of all items are added. All are item-item weights, so their sum
is one matrix, cut to the strongest weights of each row.

Large catalogues: the closed form is dense, so it takes the `dense_items` read most and no more
(three float32 matrices of that square: 0.8 GB at 8,000); the others have neighbours only.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from scipy import sparse

from contentcenter.domain.errors import InvalidInput
from recommend.collaborative.closed_form import Ridge, closed_form, gram_of
from recommend.collaborative.interactions import Floats, Ids, Interactions
from recommend.collaborative.model import CoReadingModel
from recommend.collaborative.neighbours import cosine_neighbours, damped, strongest

_BLOCK = 1_000
_SAMPLE = 500


@dataclass(frozen=True)
class FitSettings:
    """`damping`: power of a reader's activity that divides the row. `neighbour_share`: weight of
    the neighbours, in units of the spread of the closed form's scores. `kept`: weights a row."""

    ridge: Ridge = field(default_factory=lambda: Ridge(penalty=15.0, dropout=0.3, side_weight=4.0))
    damping: float = 0.25
    neighbour_damping: float = 0.35
    neighbour_share: float = 0.3
    neighbours: int = 25
    kept: int = 400
    dense_items: int = 8_000


@dataclass(frozen=True)
class Parts:
    """The two scorers before they are added. `dense` (d, d) weighs the items at `places` (d,),
    rising; `sparse_part` (n, n) all items, in the same units as `dense`."""

    places: Ids
    dense: Floats = field(repr=False)
    sparse_part: sparse.csr_array = field(repr=False)

    def scores(self, rows: sparse.csr_array, share: float) -> Floats:
        """(readers, n) of histories `rows` (readers, n), without the cut."""
        out: Floats = (rows @ self.sparse_part).toarray().astype(np.float32) * np.float32(share)
        out[:, self.places] += rows[:, self.places] @ self.dense
        return out


class Fitting:
    """Fits one matrix with several settings; what they share is computed once."""

    def __init__(self, matrix: sparse.csr_array, side: sparse.csr_array | None = None) -> None:
        """`matrix` (readers, n) weights above 0; `side` (n, f) unit rows. `InvalidInput` when
        nobody has read anything."""
        if not matrix.nnz:
            raise InvalidInput("There are no likes to learn from yet")
        self._matrix = matrix
        self._side = side
        self._gram: tuple[tuple[float, int], Ids, Floats] | None = None
        self._near: tuple[tuple[int, float], sparse.csr_array] | None = None

    def parts(self, settings: FitSettings) -> Parts:
        places, gram = self._dense_gram(settings)
        side = self._side[places] if self._side is not None else None
        dense = closed_form(gram, settings.ridge, side)
        near = self._neighbours(settings)
        return Parts(places, dense, near * np.float32(self._unit(places, dense, near)))

    def _dense_gram(self, settings: FitSettings) -> tuple[Ids, Floats]:
        key = (settings.damping, settings.dense_items)
        if self._gram is None or self._gram[0] != key:
            places = most_read(self._matrix, settings.dense_items)
            gram = gram_of(damped(self._matrix, settings.damping)[:, places])
            self._gram = (key, places, gram)
        return self._gram[1], self._gram[2]

    def _neighbours(self, settings: FitSettings) -> sparse.csr_array:
        key = (settings.neighbours, settings.neighbour_damping)
        if self._near is None or self._near[0] != key:
            near = cosine_neighbours(self._matrix, *key)
            self._near = (key, near)
        return self._near[1]

    def _unit(self, places: Ids, dense: Floats, near: sparse.csr_array) -> float:
        """Spread of the closed form's scores over that of the neighbours', among the items that
        both score, on readers spread over all."""
        step = max(self._matrix.shape[0] // _SAMPLE, 1)
        rows = self._matrix[::step]
        spread = float((rows[:, places] @ dense).std())
        return spread / max(float((rows @ near[:, places]).toarray().std()), 1e-12)


def fit(
    interactions: Interactions, settings: FitSettings, side: sparse.csr_array | None = None
) -> CoReadingModel:
    """The model of these likes. `side` (items, f): unit rows in the order of the items.
    `InvalidInput` without likes."""
    parts = Fitting(interactions.matrix, side).parts(settings)
    return blend(interactions.items, parts, settings)


def blend(items: Ids, parts: Parts, settings: FitSettings) -> CoReadingModel:
    """Both scorers as one sparse matrix."""
    near = sparse.csr_array(parts.sparse_part * np.float32(settings.neighbour_share))
    near.eliminate_zeros()
    kept = strongest(near, settings.kept)
    both = [_dense_rows(parts, near, start, settings.kept) for start in _starts(parts)]
    whole = sparse.csr_array(sparse.vstack(both)) if both else kept[:0]
    # Rows of the dense part replace their neighbours-only form, back in the order of items.
    rest = np.setdiff1d(np.arange(len(items)), parts.places)
    order = np.argsort(np.concatenate([parts.places, rest]), kind="stable")
    stacked = sparse.csr_array(sparse.vstack([whole, kept[rest]]))
    return CoReadingModel(items, sparse.csr_array(stacked[order]))


def most_read(matrix: sparse.csr_array, limit: int) -> Ids:
    """Places of the items with the most readers, rising."""
    readers = np.bincount(matrix.indices, minlength=matrix.shape[1])
    return np.sort(np.argsort(-readers, kind="stable")[:limit]).astype(np.int64)


def without_side(settings: FitSettings) -> FitSettings:
    return replace(settings, ridge=replace(settings.ridge, side_weight=0.0))


def _starts(parts: Parts) -> range:
    return range(0, len(parts.places), _BLOCK)


def _dense_rows(parts: Parts, near: sparse.csr_array, start: int, keep: int) -> sparse.csr_array:
    """Rows of the dense part from `start` on, both scorers added, as wide as all items."""
    own = sparse.csr_array(near[parts.places[start : start + _BLOCK]])
    inside = parts.dense[start : start + _BLOCK] + own[:, parts.places].toarray()
    cut = _strongest_of(inside, keep)
    spread = sparse.csr_array((cut.data, parts.places[cut.indices], cut.indptr), shape=own.shape)
    own.data[np.isin(own.indices, parts.places)] = 0.0
    own.eliminate_zeros()
    return strongest(sparse.csr_array(spread + own), keep)


def _strongest_of(rows: Floats, keep: int) -> sparse.csr_array:
    if rows.shape[1] > keep:
        sizes = np.abs(rows)
        floor = np.partition(sizes, -keep, axis=1)[:, [-keep]]
        rows[sizes < floor] = 0.0
    return strongest(sparse.csr_array(rows), keep)
