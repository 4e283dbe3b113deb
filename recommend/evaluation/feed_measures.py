"""Beyond hits: how much of the catalogue the lists show, how new it is, how varied. Pure."""

from __future__ import annotations

import numpy as np
from scipy import sparse

from recommend.collaborative.ranking_measures import Answers, Places

SAMPLE = 2_000


def coverage(answers: Answers, items: int) -> float:
    """Share of the catalogue that is in anybody's list, 0..1."""
    shown = np.unique(answers.top)
    return float((shown >= 0).sum()) / max(items, 1)


def novelty(answers: Answers, train: sparse.csr_array) -> float:
    """Mean of -log2(share of readers who have read it), in bits (Vargas and Castells, RecSys
    2011): how little known what is shown is."""
    readers = np.bincount(train.indices, minlength=train.shape[1])
    bits = -np.log2(np.maximum(readers, 1) / train.shape[0])
    shown = answers.top[answers.top >= 0]
    return float(bits[shown].mean()) if len(shown) else 0.0


def diversity(answers: Answers, vectors: sparse.csr_array) -> float:
    """1 - mean cosine of the pairs of a list, mean over lists (at most 2,000, spread over all).

    `vectors` (items, f): unit rows; an item without a row is like no other.
    """
    step = -(-len(answers.top) // SAMPLE) or 1
    top = answers.top[::step]
    lengths = (top >= 0).sum(axis=1)
    long = top[lengths > 1]
    if not len(long):
        return 0.0
    chosen = _members(long, vectors.shape[0])
    total = sparse.csr_array(chosen @ vectors)
    squares = np.asarray(vectors.multiply(vectors).sum(axis=1)).ravel()
    together = np.asarray(total.multiply(total).sum(axis=1)).ravel() - chosen @ squares
    pairs = lengths[lengths > 1] * (lengths[lengths > 1] - 1)
    return float(1.0 - (together / pairs).mean())


def reader_vectors(train: sparse.csr_array) -> sparse.csr_array:
    """(items, readers) unit rows: items are alike when the same readers like them."""
    by_item = sparse.csr_array(train.T)
    lengths = np.sqrt(np.maximum(np.asarray(by_item.sum(axis=1)).ravel(), 1e-12))
    scale = (1.0 / lengths).astype(np.float32)
    return sparse.csr_array(sparse.diags_array(scale) @ by_item)


def _members(top: Places, items: int) -> sparse.csr_array:
    row, place = np.nonzero(top >= 0)
    shape = (len(top), items)
    return sparse.csr_array((np.ones(len(row), np.float32), (row, top[row, place])), shape=shape)
