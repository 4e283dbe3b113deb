"""What speaks for a reader and an item that nobody has read: named numbers a learner weighs. Pure.

All of them go through what the reader has read: its topics, authors, series and meaning against
those of the new item. Three ways of adding up are kept apart because readers differ: many books
a little alike (a genre reader), a few very much alike (a follower), and the place in a space of
tastes (latent factors) that a whole history comes to.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from scipy import sparse
from scipy.sparse.linalg import svds

from recommend.collaborative.content_features import TRAITS, ContentRows, unit_rows
from recommend.collaborative.interactions import Floats

# How much each kind counts in the joint likeness, and the ridge on it (chosen on warm books
# held out, docs/models/cold_items.md).
JOINT: dict[str, float] = {"topic": 1.0, "author": 0.3, "series": 0.5}
JOINT_VECTORS = 0.2
PENALTY = 3.0
_STEPS = 60
_SMALL = 1e-4

# Signal -> the part of the explanation it belongs to.
PARTS: dict[str, str] = {
    "topics": "topics",
    "topics_share": "topics",
    "topics_near": "topics",
    "topics_nearer": "topics",
    "topics_nearest": "topics",
    "topics_profile": "topics",
    "author": "author",
    "series": "series",
    "meaning": "meaning",
    "alike": "alike",
    "taste": "taste",
    "activity": "reader",
    "mainstream": "reader",
    "item_reach": "item",
    "item_activity": "item",
    **{f"{name}_{what}": name for name in TRAITS for what in ("gap", "item", "reader")},
}
SIGNALS = tuple(PARTS)


@dataclass(frozen=True)
class Known:
    """Items with readers (n). `factors` (n, k): tastes; `readers` (n,): how many readers each
    has; `activity` (n,): mean log(1 + history length) of them."""

    rows: ContentRows
    factors: Floats = field(repr=False)
    readers: Floats = field(repr=False)
    activity: Floats = field(repr=False)

    @classmethod
    def of(cls, rows: ContentRows, history: sparse.csr_array, factors: int) -> Known:
        """From what readers read (r, n). A randomised start would make versions differ: the
        singular vectors start from ones."""
        lengths = lengths_of(history)
        readers = np.asarray(history.sum(axis=0)).ravel().astype(np.float32)
        activity = (history.T @ np.log1p(lengths)) / np.maximum(readers, 1.0)
        scaled = _scaled(history, lengths, readers)
        wanted = min(factors, min(scaled.shape) - 1)
        right = np.zeros((wanted if wanted > 0 else 0, len(readers)), np.float32)
        if wanted > 0 and scaled.nnz:
            right = svds(scaled, wanted, v0=np.ones(min(scaled.shape), np.float32))[2]
        return cls(rows, right.T.astype(np.float32), readers, activity.astype(np.float32))


def lengths_of(history: sparse.csr_array) -> Floats:
    """(r,) how much each has read."""
    return np.asarray(history.sum(axis=1)).ravel().astype(np.float32)


def likeness_weights(known: ContentRows, new: ContentRows, penalty: float = PENALTY) -> Floats:
    """(n, m): how much a like of each known item speaks for each new one.

    Kernel ridge regression, (K + penalty I) W = K_new with K the joint likeness: items that say
    the same share the weight between them instead of each adding it all. K is never formed: it
    is a product of sparse rows, and conjugate gradients need only that (Hestenes and Stiefel
    1952).
    """
    names, new_names = _joined(known), _joined(new)
    means = known.vectors * np.float32(JOINT_VECTORS**0.5)
    target = (names @ new_names.T).toarray()
    target += means @ (new.vectors * np.float32(JOINT_VECTORS**0.5)).T

    def apply(weights: Floats) -> Floats:
        by_name = names @ (names.T @ weights)
        return np.asarray(by_name + means @ (means.T @ weights) + penalty * weights, np.float32)

    return _solved(apply, target.astype(np.float32))


def signals(known: Known, history: sparse.csr_array, new: ContentRows) -> dict[str, Floats]:
    """By signal: (r, m), NaN where nothing is known. `history` (r, n), 1 for what was read."""
    lengths = lengths_of(history)
    whole = np.maximum(lengths, 1.0)[:, None]
    topics = _cosines(known.rows, new, "topic")
    out = _topics(topics, history, known.rows, new, whole)
    out["author"] = history @ _cosines(known.rows, new, "author")
    out["series"] = history @ _cosines(known.rows, new, "series")
    out["meaning"] = history @ (np.maximum(known.rows.vectors @ new.vectors.T, 0.0) ** 3)
    weights = likeness_weights(known.rows, new)
    out["alike"] = history @ weights
    tastes = _scaled(history, lengths, known.readers) @ known.factors
    out["taste"] = tastes @ (known.factors.T @ weights)
    return out | _habits(known, history, topics, lengths) | _traits(known.rows, history, new)


def _topics(
    near: Floats, history: sparse.csr_array, known: ContentRows, new: ContentRows, whole: Floats
) -> dict[str, Floats]:
    total = history @ near
    profiles = unit_rows(sparse.csr_array(history @ known.kinds["topic"]))
    return {
        "topics": total,
        "topics_share": total / whole,
        "topics_near": history @ near**3,
        "topics_nearer": history @ near**6,
        # A high norm instead of the maximum: one product of matrices.
        "topics_nearest": (history @ near**12) ** np.float32(1 / 12),
        "topics_profile": (profiles @ new.kinds["topic"].T).toarray(),
    }


def _habits(
    known: Known, history: sparse.csr_array, topics: Floats, lengths: Floats
) -> dict[str, Floats]:
    """How much and how mainstream a reader reads, and what to expect of the new item's readers
    by those of its nearest items."""
    near = topics**3
    near = near / np.maximum(near.sum(axis=0), 1e-9)
    reach = np.log1p(known.readers)
    mainstream = (history @ reach) / np.maximum(lengths, 1.0)
    shape = (len(lengths), topics.shape[1])
    return {
        "activity": np.broadcast_to(np.log1p(lengths)[:, None], shape),
        "mainstream": np.broadcast_to(mainstream[:, None], shape),
        "item_reach": np.broadcast_to(reach @ near, shape),
        "item_activity": np.broadcast_to(known.activity @ near, shape),
    }


def _traits(known: ContentRows, history: sparse.csr_array, new: ContentRows) -> dict[str, Floats]:
    out: dict[str, Floats] = {}
    for at, name in enumerate(TRAITS):
        values = known.traits[:, at]
        told = np.isfinite(values)
        count = history @ told.astype(np.float32)
        total = history @ np.where(told, values, 0.0).astype(np.float32)
        usual = np.full(len(count), np.nan, np.float32)
        np.divide(total, count, out=usual, where=count > 0)
        shape = (len(count), len(new))
        out[f"{name}_gap"] = np.abs(usual[:, None] - new.traits[None, :, at])
        out[f"{name}_item"] = np.broadcast_to(new.traits[None, :, at], shape)
        out[f"{name}_reader"] = np.broadcast_to(usual[:, None], shape)
    return out


def _cosines(known: ContentRows, new: ContentRows, kind: str) -> Floats:
    found = (known.kinds[kind] @ new.kinds[kind].T).toarray()
    return np.asarray(found, np.float32)


def _scaled(history: sparse.csr_array, lengths: Floats, readers: Floats) -> sparse.csr_array:
    """Both sides divided by the root of how often they occur, as in a cosine."""
    left = sparse.diags_array(np.maximum(lengths, 1.0) ** -0.5)
    right = sparse.diags_array(np.maximum(readers, 1.0) ** -0.5)
    return sparse.csr_array(left @ history @ right).astype(np.float32)


def _joined(rows: ContentRows) -> sparse.csr_array:
    parts = [rows.kinds[kind] * np.float32(share**0.5) for kind, share in JOINT.items()]
    return sparse.csr_array(sparse.hstack(parts))


def _solved(apply: Callable[[Floats], Floats], target: Floats) -> Floats:
    """All columns at once, each with its own step; done when every rest is small against its
    target."""
    weights = np.zeros_like(target)
    rest, direction = target.copy(), target.copy()
    size = (rest * rest).sum(axis=0)
    enough = _SMALL**2 * size
    for _ in range(_STEPS):
        if (size <= enough).all():
            break
        moved = apply(direction)
        step = size / np.maximum((direction * moved).sum(axis=0), 1e-20)
        weights += step * direction
        rest -= step * moved
        fresh = (rest * rest).sum(axis=0)
        direction = rest + fresh / np.maximum(size, 1e-20) * direction
        size = fresh
    return weights
