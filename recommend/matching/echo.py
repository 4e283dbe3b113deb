"""How an item echoes what an audience answered to: its nearest remembered items, their words,
makers and standing. Pure.

Memory is bounded by audience, so all of this is exact and needs no index. `members` takes the
nearest few and is no product of columns; the exhaustive sweep therefore scores these parts on
its best few hundred of each audience only (`sweep.refine`, by way of `match_pairs`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_matrix

from contentcenter.embedding.ports import Vectors
from recommend.collaborative.model import CoReadingModel
from recommend.matching.co_reading import answered, co_read
from recommend.matching.traits import BEGINS, STANDING, WIDTHS, TraitRows, TraitStatistics

ECHO_PARTS = (
    "members",
    "words",
    "authors",
    "publisher",
    "standing",
    "co_read",
    "answered",
    "appetite",
)
Ids = npt.NDArray[np.int64]
NEAREST = 3
# Strength of prior belief that an audience takes makers and standings as they come.
_MAKER_PRIOR = 5.0
_MAKER_FLOOR = 0.05
_STANDING_PRIOR = 8.0
_MOST_LOG_ODDS = 3.0


@dataclass(frozen=True)
class Remembered:
    """What a audiences answered to. `vectors` (m, d) centred unit rows and `traits` of m
    items; `rows[a]` which of them audience a remembers, `strength[a]` how strongly (0..1);
    `known`: how ordinary traits are in the catalogue. `ids` (m,) of the items and `co_reading`,
    the model that serves, where there are any."""

    vectors: Vectors
    traits: TraitRows
    rows: tuple[npt.NDArray[np.intp], ...]
    strength: tuple[Vectors, ...]
    known: TraitStatistics
    ids: Ids | None = None
    co_reading: CoReadingModel | None = None

    def __len__(self) -> int:
        return len(self.rows)

    def some(self, audiences: slice) -> Remembered:
        """The memories of some audiences, over the same items."""
        return replace(self, rows=self.rows[audiences], strength=self.strength[audiences])

    def owners(self, values: Sequence[Vectors] | None = None) -> csr_matrix:
        """(a, m): strengths, or other values in their order, of audiences by item."""
        ends = np.cumsum([0, *(len(own) for own in self.rows)])
        held = self.strength if values is None else values
        data = np.concatenate([*held, np.zeros(0)]).astype(np.float32)
        places = np.concatenate([*self.rows, np.zeros(0, np.intp)])
        return csr_matrix((data, places, ends), shape=(len(self.rows), len(self.traits)))


def strength_of(weight: float) -> float:
    """How strongly an item counts whose answers add up to `weight` by now: a click about a
    half, an order most, and nothing without end."""
    return weight / (weight + 1.0) if weight > 0.0 else 0.0


def echo_parts(
    vectors: Vectors, traits: TraitRows, memory: Remembered, ids: Ids | None = None
) -> dict[str, Vectors]:
    """The parts of n items with a audiences, unweighted: each (n, a). `ids` (n,): without
    them nothing is said of co-reading and own answers."""
    owners = memory.owners()
    total = np.asarray(owners.sum(axis=1), dtype=np.float32).ravel()
    return {
        "members": members(vectors, traits, memory),
        "words": _words(traits, memory, owners),
        "authors": _lift(traits.authors, memory.traits.authors, owners, total, memory.known),
        "publisher": _lift(
            traits.publishers, memory.traits.publishers, owners, total, memory.known
        ),
        "standing": traits.standing @ standing_table(memory, owners).T,
        "co_read": co_read(memory, ids, len(traits)),
        "answered": answered(memory, ids, len(traits)),
        "appetite": np.tile(np.log1p(total), (len(traits), 1)),
    }


def members(vectors: Vectors, traits: TraitRows, memory: Remembered) -> Vectors:
    """Mean closeness to the nearest three remembered items, weaker ones counting less; an
    audience with fewer than three is that much less sure of them."""
    out = np.zeros((len(traits), len(memory)), dtype=np.float32)
    for column, (rows, strength) in enumerate(zip(memory.rows, memory.strength, strict=True)):
        if len(rows):
            near = closeness(vectors, traits, memory.vectors[rows], memory.traits.take(rows))
            out[:, column] = _nearest(near * strength)
    return out


def closeness(vectors: Vectors, traits: TraitRows, others: Vectors, theirs: TraitRows) -> Vectors:
    """(n, m): the sum of three cosines, of meaning, of words and of tags."""
    close: Vectors = vectors @ others.T
    close = close + (traits.words @ theirs.words.T).toarray()
    return np.asarray(close + (traits.tags @ theirs.tags.T).toarray(), dtype=np.float32)


def _nearest(near: Vectors) -> Vectors:
    if near.shape[1] > NEAREST:
        near = np.partition(near, near.shape[1] - NEAREST, axis=1)[:, -NEAREST:]
    return np.asarray(near.sum(axis=1) / NEAREST, dtype=np.float32)


def _words(traits: TraitRows, memory: Remembered, owners: csr_matrix) -> Vectors:
    """Cosine with the mean of the remembered items' TF-IDF rows."""
    centroid = (owners @ memory.traits.words).tocsr()
    length = np.sqrt(np.asarray(centroid.multiply(centroid).sum(axis=1))).ravel()
    product = (traits.words @ centroid.T).toarray()
    return np.asarray(product / np.maximum(length, 1e-9), dtype=np.float32)


def _lift(
    items: csr_matrix,
    remembered: csr_matrix,
    owners: csr_matrix,
    total: Vectors,
    known: TraitStatistics,
) -> Vectors:
    found = (items @ (owners @ remembered).T).toarray()
    return makers_lift(found, usual_share(items, known), total, known)


def usual_share(items: csr_matrix, known: TraitStatistics) -> Vectors:
    """(n,): the share of the catalogue that has the makers of an item."""
    return np.asarray((items @ known.seen) / max(known.count, 1), dtype=np.float32)


def makers_lift(found: Vectors, share: Vectors, total: Vectors, known: TraitStatistics) -> Vectors:
    """ln((found + s) / (expected + s)), (n, a): how much more often an item's makers are among
    the remembered ones than chance would have it. s shrinks it where little is expected
    (the posterior mean of a Gamma-Poisson model)."""
    expected = np.outer(share, total)
    prior = _MAKER_PRIOR * total / max(known.count, 1) + _MAKER_FLOOR
    return np.asarray(np.log((found + prior) / (expected + prior)), dtype=np.float32)


def standing_table(memory: Remembered, owners: csr_matrix | None = None) -> Vectors:
    """(a, STANDING): log odds of each bin against the catalogue, neighbours lending half."""
    owned = memory.owners() if owners is None else owners
    counts = np.asarray(owned @ memory.traits.standing, dtype=np.float64)
    base = memory.known.standing.astype(np.float64) + 1e-4
    out = np.zeros((len(memory), STANDING), dtype=np.float32)
    for begin, width in zip(BEGINS, WIDTHS, strict=True):
        scale = slice(begin, begin + width)
        usual = _lent(base[None, scale])
        usual /= usual.sum()
        found = _lent(counts[:, scale])
        share = (found + _STANDING_PRIOR * usual) / (
            found.sum(axis=1, keepdims=True) + _STANDING_PRIOR
        )
        out[:, scale] = np.clip(np.log(share / usual), -_MOST_LOG_ODDS, _MOST_LOG_ODDS)
    return out


def _lent(counts: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Each bin but "unknown" lends half of itself to its neighbours."""
    out = counts.copy()
    out[:, 2:] += 0.5 * counts[:, 1:-1]
    out[:, 1:-1] += 0.5 * counts[:, 2:]
    return out


def joined(
    memories: Sequence[Mapping[int, float]], ids: Sequence[int]
) -> tuple[tuple[npt.NDArray[np.intp], ...], tuple[Vectors, ...]]:
    """Rows and strengths from weights by item id; `ids` are the items that have a row."""
    place = {item: row for row, item in enumerate(ids)}
    rows, strengths = [], []
    for memory in memories:
        held = [(place[item], strength_of(w)) for item, w in memory.items() if item in place]
        rows.append(np.array([row for row, _ in held], dtype=np.intp))
        strengths.append(np.array([strength for _, strength in held], dtype=np.float32))
    return tuple(rows), tuple(strengths)
