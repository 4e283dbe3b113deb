"""Who liked what: a sparse matrix of readers x items. Pure.

A like is the sum of a reader's events with an item (weights of `EVENT_WEIGHT`): clicks,
favourites, carts and orders add, refunds subtract, a dislike takes the item out. Sums are damped
by a logarithm, so that one order counts about as much as five clicks and no reader shouts.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
import numpy.typing as npt
from scipy import sparse

from contentcenter.domain.events import EVENT_WEIGHT, EventKind
from recommend.events.signals import LIKES

Ids = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]

# A reader's latest likes are enough: beyond some hundreds a row only costs (its square).
MOST_PER_READER = 500
STRONGEST = 3.0
COUNTED = LIKES | {EventKind.REFUND, EventKind.DISLIKE}


@dataclass(frozen=True)
class Tally:
    """How often a reader did one thing with an item, and when last."""

    reader_id: int
    item_id: int
    kind: EventKind
    times: int
    last: datetime


@dataclass(frozen=True)
class Like:
    """What a reader's events with one item come to."""

    reader_id: int
    item_id: int
    weight: float
    last: datetime


@dataclass(frozen=True)
class Interactions:
    """`readers` (r,) and `items` (i,): ids, rising. `matrix` (r, i): weights above 0."""

    readers: Ids
    items: Ids
    matrix: sparse.csr_array = field(repr=False)

    @classmethod
    def of(cls, readers: Ids, items: Ids, weights: Floats | None = None) -> Interactions:
        """From pairs (n,), one of each kind of array; what is there twice is added up, and
        without weights a pair is a 1 however often it is there."""
        rows, row = np.unique(readers, return_inverse=True)
        columns, column = np.unique(items, return_inverse=True)
        values = np.ones(len(row), np.float32) if weights is None else weights
        matrix = sparse.csr_array((values, (row, column)), shape=(len(rows), len(columns)))
        matrix.sum_duplicates()
        if weights is None:
            matrix.data[:] = 1.0
        return cls(rows.astype(np.int64), columns.astype(np.int64), matrix.astype(np.float32))

    @property
    def pairs(self) -> int:
        return int(self.matrix.nnz)


def weigh(tallies: Iterable[Tally], most: int = MOST_PER_READER) -> list[Like]:
    """Likes by reader and time, at most the latest `most` of each reader."""
    kept: dict[int, list[Like]] = defaultdict(list)
    for (reader, item), group in _by_pair(tallies).items():
        like = _like(reader, item, group)
        if like is not None:
            kept[reader].append(like)
    out: list[Like] = []
    for reader in sorted(kept):
        ordered = sorted(kept[reader], key=lambda one: (one.last, one.item_id))
        out += ordered[-most:]
    return out


def of_likes(likes: Sequence[Like]) -> Interactions:
    """The matrix of these likes."""
    return Interactions.of(
        np.array([one.reader_id for one in likes], np.int64),
        np.array([one.item_id for one in likes], np.int64),
        np.array([one.weight for one in likes], np.float32),
    )


def _by_pair(tallies: Iterable[Tally]) -> dict[tuple[int, int], list[Tally]]:
    pairs: dict[tuple[int, int], list[Tally]] = defaultdict(list)
    for one in tallies:
        if one.kind in COUNTED:
            pairs[one.reader_id, one.item_id].append(one)
    return pairs


def _like(reader: int, item: int, group: Sequence[Tally]) -> Like | None:
    if any(one.kind is EventKind.DISLIKE for one in group):
        return None
    total = sum(EVENT_WEIGHT[one.kind] * one.times for one in group)
    liked = [one.last for one in group if one.kind in LIKES]
    if total <= 0.0 or not liked:
        return None
    return Like(reader, item, min(float(np.log2(1.0 + total)), STRONGEST), max(liked))
