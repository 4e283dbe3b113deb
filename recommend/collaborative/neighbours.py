"""Item neighbours by the cosine of their readers: sparse, for a catalogue of any size. Pure.

Sarwar et al., "Item-based collaborative filtering recommendation algorithms", WWW 2001; the rows
of very active readers count less, as they say less about any two of their items.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from scipy import sparse

from recommend.collaborative.interactions import Floats

BLOCK = 500


def damped(matrix: sparse.csr_array, power: float) -> sparse.csr_array:
    """Rows divided by (sum of the row) ** power: 0 leaves them as they are."""
    activity = np.asarray(matrix.sum(axis=1)).ravel()
    scale = np.maximum(activity, 1e-6) ** -power
    return sparse.csr_array(sparse.diags_array(scale.astype(np.float32)) @ matrix)


def cosine_neighbours(
    matrix: sparse.csr_array, keep: int, damping: float = 0.0, block: int = BLOCK
) -> sparse.csr_array:
    """(items, items): column j holds the cosines of j's `keep` nearest items, diagonal empty.

    Memory: the products of `block` items with all others at a time, and what is kept.
    """
    unit = _unit_columns(damped(matrix, damping))
    # Rows of the transpose are items; both forms are needed once, not once a block.
    by_item = sparse.csr_array(unit.T)
    found = []
    for start in range(0, by_item.shape[0], block):
        near = sparse.csr_array(by_item[start : start + block] @ unit)
        found.append(strongest(_without_diagonal(near, start), keep))
    return sparse.csr_array(sparse.vstack(found).T) if found else sparse.csr_array(unit.T @ unit)


def strongest(rows: sparse.csr_array, keep: int) -> sparse.csr_array:
    """Each row with its `keep` entries of the largest size, exactly."""
    data, indices, indptr = rows.data, rows.indices, rows.indptr
    picked: list[np.ndarray] = []
    for start, end in pairwise(indptr):
        if end - start <= keep:
            picked.append(np.arange(start, end))
            continue
        order = np.argpartition(-np.abs(data[start:end]), keep - 1)[:keep]
        picked.append(start + np.sort(order))
    places = np.concatenate(picked) if picked else np.zeros(0, np.int64)
    lengths = np.array([len(one) for one in picked], np.int64)
    counts = np.concatenate([[0], np.cumsum(lengths)])
    return sparse.csr_array((data[places], indices[places], counts), shape=rows.shape)


def _unit_columns(matrix: sparse.csr_array) -> sparse.csr_array:
    squares = np.asarray(matrix.multiply(matrix).sum(axis=0)).ravel()
    lengths: Floats = np.sqrt(np.maximum(squares, 1e-12)).astype(np.float32)
    return sparse.csr_array(matrix @ sparse.diags_array(1.0 / lengths))


def _without_diagonal(rows: sparse.csr_array, start: int) -> sparse.csr_array:
    row = np.repeat(np.arange(rows.shape[0]), np.diff(rows.indptr))
    rows.data[rows.indices == row + start] = 0.0
    rows.eliminate_zeros()
    return rows
