"""The echo of the best few hundred items of each audience, one audience after another. Pure.

`match_echo.echo_parts` scores every item with every audience. Here only some items are asked
for, other ones for each audience, and what belongs to an item alone is laid out once for all
of them. What is left by audience is one matrix product (meaning), one product of sparse rows
over the terms it remembers (words, tags) and sums over shared terms (words, makers). The
numbers are those of `echo_parts`.

The products are small: two BLAS threads spend more time meeting than multiplying (on two busy
cores 8.7 ms against 0.4 for one), so whoever scores many audiences does it `on_one_thread`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_matrix, hstack
from threadpoolctl import ThreadpoolController

from contentcenter.embedding.ports import Vectors
from recommend.matching.co_reading import answered_by, answers_of, between, said
from recommend.matching.echo import (
    ECHO_PARTS,
    NEAREST,
    Ids,
    Remembered,
    makers_lift,
    standing_table,
    usual_share,
)
from recommend.matching.traits import COLUMNS, TraitRows

Rows = npt.NDArray[np.intp]
# Terms of all kinds lie side by side, each kind in its own range of columns.
_WORDS, _AUTHORS, _PUBLISHERS, _KINDS = 0, 2, 3, 4


@dataclass(frozen=True)
class _Entries:
    """Stored entries of some rows: `row` counts from the first row asked for."""

    row: npt.NDArray[np.intp]
    column: npt.NDArray[np.int32]
    value: Vectors
    ends: npt.NDArray[np.intp]


@dataclass(frozen=True)
class _Shared:
    """Entries of items whose term the audience remembers. `local` numbers its terms."""

    items: _Entries
    local: npt.NDArray[np.int32]
    memory: _Entries
    own: npt.NDArray[np.int32]


@contextmanager
def on_one_thread() -> Iterator[None]:
    """BLAS uses one thread inside, in the whole process."""
    with _controller().limit(limits=1, user_api="blas"):
        yield


@lru_cache(maxsize=1)
def _controller() -> ThreadpoolController:
    return ThreadpoolController()


class PairEcho:
    """Echo parts of chosen items with audiences. Not for several threads at once.

    `vectors` (n, d) centred and `traits` of n items, `ids` (n,) theirs (without them nothing is
    said of co-reading and own answers). Memory: the rows of both sides, one lookup table of
    terms; nothing of the size items x audiences.
    """

    def __init__(
        self, vectors: Vectors, traits: TraitRows, memory: Remembered, ids: Ids | None = None
    ) -> None:
        self._vectors, self._traits, self._memory, self._ids = vectors, traits, memory, ids
        self._terms, self._remembered = _side_by_side(traits), _side_by_side(memory.traits)
        self._shares = (
            usual_share(traits.authors, memory.known),
            usual_share(traits.publishers, memory.known),
        )
        self._totals = np.array([own.sum(dtype=np.float32) for own in memory.strength], np.float32)
        self._standing = standing_table(memory)
        self._speaks = between(memory, ids)
        self._place = np.full(_KINDS * COLUMNS, -1, dtype=np.int32)

    def remembers(self, audience: int) -> bool:
        return len(self._memory.rows[audience]) > 0

    def of(self, audience: int, rows: Rows) -> dict[str, Vectors]:
        """The unweighted parts (len(rows),) of these items with one audience."""
        memory, strength = self._memory, self._memory.strength[audience]
        shared = self._shared(memory.rows[audience], rows)
        found = _sums(shared, strength, len(rows))
        total = self._totals[audience : audience + 1]
        authors, publishers = (
            makers_lift(found[:, [kind]], share[rows], total, memory.known)[:, 0]
            for kind, share in zip((_AUTHORS, _PUBLISHERS), self._shares, strict=True)
        )
        parts = {
            "members": self._members(audience, rows, shared),
            "words": found[:, _WORDS],
            "authors": authors,
            "publisher": publishers,
            "standing": self._traits.standing[rows] @ self._standing[audience],
            "co_read": self._co_read(audience, rows),
            "answered": self._answered(audience, rows),
            "appetite": np.full(len(rows), np.log1p(total[0]), dtype=np.float32),
        }
        return {name: parts[name] for name in ECHO_PARTS}

    def _shared(self, own: Rows, rows: Rows) -> _Shared:
        """Terms are numbered by one of the places where the memory has them, so nothing needs
        sorting; the lookup table is left clean."""
        memory, items = _entries(self._remembered, own), _entries(self._terms, rows)
        self._place[memory.column] = np.arange(len(memory.column), dtype=np.int32)
        local, theirs = self._place[items.column], self._place[memory.column]
        self._place[memory.column] = -1
        return _Shared(items, local, memory, theirs)

    def _members(self, audience: int, rows: Rows, shared: _Shared) -> Vectors:
        own = self._memory.rows[audience]
        near = self._vectors[rows] @ self._memory.vectors[own].T
        near += _alike(shared, len(rows), len(own))
        near *= self._memory.strength[audience]
        return _nearest(near)

    def _co_read(self, audience: int, rows: Rows) -> Vectors:
        if self._speaks is None:
            return np.zeros(len(rows), dtype=np.float32)
        own, strength = self._memory.rows[audience], self._memory.strength[audience]
        answers = csr_matrix(answers_of(strength)[None, :])
        return said((answers @ self._speaks[own]).toarray()[0, rows])

    def _answered(self, audience: int, rows: Rows) -> Vectors:
        if self._ids is None:
            return np.zeros(len(rows), dtype=np.float32)
        return answered_by(self._memory, audience, self._ids[rows])


def _side_by_side(traits: TraitRows) -> csr_matrix:
    kinds = (traits.words, traits.tags, traits.authors, traits.publishers)
    return csr_matrix(hstack(kinds, format="csr"))


def _entries(table: csr_matrix, rows: Rows) -> _Entries:
    begins = table.indptr[rows].astype(np.intp)
    sizes = table.indptr[rows + 1] - begins
    ends = np.concatenate([np.zeros(1, np.intp), np.cumsum(sizes)])
    row = np.repeat(np.arange(len(rows)), sizes)
    at = np.arange(ends[-1]) + (begins - ends[:-1])[row]
    return _Entries(row, table.indices[at], table.data[at], ends)


def _sums(shared: _Shared, strength: Vectors, items: int) -> Vectors:
    """(items, kinds): how strongly an item's terms are remembered; words as the cosine with
    the mean remembered row."""
    memory, known = shared.memory, np.flatnonzero(shared.local >= 0)
    weights = memory.value * strength[memory.row]
    centre = np.bincount(shared.own, weights=weights, minlength=len(weights))
    kind = shared.items.column[known] // COLUMNS
    products = shared.items.value[known] * centre[shared.local[known]]
    cell = shared.items.row[known] * _KINDS + kind
    found = np.bincount(cell, weights=products, minlength=items * _KINDS).astype(np.float64)
    found = found.reshape(items, _KINDS)
    words = centre[memory.column < COLUMNS]
    found[:, _WORDS] /= max(float(np.sqrt(words @ words)), 1e-9)
    return np.asarray(found, dtype=np.float32)


def _alike(shared: _Shared, items: int, remembered: int) -> Vectors:
    """(items, remembered): cosine of words plus cosine of tags."""
    size = max(len(shared.own), 1)
    few = (shared.local >= 0) & (shared.items.column < _AUTHORS * COLUMNS)
    ends = np.concatenate([np.zeros(1, np.intp), np.cumsum(few)])[shared.items.ends]
    left = csr_matrix((shared.items.value[few], shared.local[few], ends), shape=(items, size))
    memory = shared.memory
    right = csr_matrix((memory.value, shared.own, memory.ends), shape=(remembered, size))
    return np.asarray((left @ right.T).toarray(), dtype=np.float32)


def _nearest(near: Vectors) -> Vectors:
    """Mean of the highest three of each row (what is missing counts zero). `near` is used up."""
    rows, total = np.arange(len(near)), np.zeros(len(near), dtype=np.float32)
    for _ in range(min(NEAREST, near.shape[1])):
        best = near.argmax(axis=1)
        total += near[rows, best]
        near[rows, best] = -np.inf
    return total / np.float32(NEAREST)
