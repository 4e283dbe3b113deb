"""What is ordinary in this corpus under this embedding model.

Raw cosines of one model are bunched (random Chinese pairs average .84 with the default
model), so vectors are centred by the corpus mean before they are compared, and thresholds
are counted in standard deviations of the cosine between random pairs: no model's numbers are
written into the code (embedding notes, point 7).
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from contentcenter.embedding.ports import Vectors

# Below this a sample says nothing about a corpus; the spread of unit vectors that have
# nothing in common is 1 / sqrt(dimension).
ENOUGH = 8


@dataclass(frozen=True)
class CorpusView:
    """How to compare vectors of one model here.

    `mean` is of item vectors, `query_mean` of the same titles encoded as queries (declared
    interests are encoded so, and sit elsewhere). `pair_mean`/`pair_std` describe the cosine
    of unrelated centred pairs; `near` is its 99th percentile: clearly related items.
    """

    model: str
    mean: Vectors
    query_mean: Vectors
    pair_mean: float
    pair_std: float
    near: float
    count: int
    join_z: float = 2.2
    merge_z: float = 3.5

    @property
    def dimension(self) -> int:
        return int(self.mean.shape[0])

    @property
    def join_at(self) -> float:
        return min(self.pair_mean + self.join_z * self.pair_std, 0.95)

    @property
    def merge_at(self) -> float:
        return min(self.pair_mean + self.merge_z * self.pair_std, 0.98)

    def centre(self, vectors: Vectors) -> Vectors:
        """Unit rows of `vectors - mean`; a row equal to the mean stays zero."""
        return unit_rows(vectors - self.mean)

    def centres_like(self, other: CorpusView) -> bool:
        """Whether both lay an item at the same place."""
        if self is other:
            return True
        return self.model == other.model and bool(np.array_equal(self.mean, other.mean))

    def centred_cosines(
        self, query: Vectors, near: Sequence[float], to_mean: Sequence[float]
    ) -> list[float]:
        """Cosines of a centred unit `query` (dimension,) to items as `centre` would lay them,
        from cosines alone: `near` of the items to the query, `to_mean` to the mean. Items are
        unit vectors d: (d - m)q = dq - mq, and |d - m|^2 = 1 - 2dm + m^2."""
        length = float(np.linalg.norm(self.mean))
        apart = 1.0 - 2.0 * length * np.asarray(to_mean) + length * length
        centred = np.asarray(near) - float(self.mean @ query)
        return [float(one) for one in centred / np.sqrt(np.maximum(apart, 1e-9))]

    def shift_query(self, vectors: Vectors) -> Vectors:
        """Query-side vectors moved to where the same text would lie as an item."""
        return np.asarray(vectors - self.query_mean + self.mean, dtype=np.float32)

    def to_json(self) -> dict[str, Any]:
        return {
            "model": self.model,
            "mean": _pack(self.mean),
            "query_mean": _pack(self.query_mean),
            "pair_mean": self.pair_mean,
            "pair_std": self.pair_std,
            "near": self.near,
            "count": self.count,
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> CorpusView:
        return cls(
            model=value["model"],
            mean=_unpack(value["mean"]),
            query_mean=_unpack(value["query_mean"]),
            pair_mean=value["pair_mean"],
            pair_std=value["pair_std"],
            near=value["near"],
            count=value["count"],
        )


def unit_rows(vectors: Vectors) -> Vectors:
    lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
    rows: Vectors = (vectors / np.maximum(lengths, 1e-9)).astype(np.float32)
    return rows


def plain_view(model: str, dimension: int) -> CorpusView:
    """The view before anything is known: nothing is centred."""
    zero = np.zeros(dimension, dtype=np.float32)
    spread = 1.0 / float(np.sqrt(dimension))
    return CorpusView(model, zero, zero, 0.0, spread, 2.3 * spread, 0)


def measure(model: str, items: Vectors, queries: Vectors, seed: int = 7) -> CorpusView:
    """The view of a sample: `items` (n, d) as stored, `queries` (m, d) of some titles."""
    if len(items) < ENOUGH:
        return plain_view(model, int(items.shape[1]) if items.ndim == 2 else 1)
    mean = items.mean(axis=0).astype(np.float32)
    query_mean = queries.mean(axis=0).astype(np.float32) if len(queries) else mean
    cosines = _random_cosines(unit_rows(items - mean), seed)
    # Some random pairs are related; the lower half of the distribution tells the spread of
    # those that are not (15.87 % lie below one deviation of a normal distribution).
    middle, low = (float(one) for one in np.quantile(cosines, (0.5, 0.1587)))
    return CorpusView(
        model=model,
        mean=mean,
        query_mean=query_mean,
        pair_mean=middle,
        pair_std=max(middle - low, 1e-3),
        near=float(np.quantile(cosines, 0.99)),
        count=len(items),
    )


def _random_cosines(unit: Vectors, seed: int, pairs: int = 20_000) -> Vectors:
    rng = np.random.default_rng(seed)
    first = rng.integers(0, len(unit), pairs)
    second = (first + rng.integers(1, len(unit), pairs)) % len(unit)
    cosines: Vectors = np.sum(unit[first] * unit[second], axis=1)
    return cosines


def _pack(vector: Vectors) -> str:
    return base64.b64encode(vector.astype("<f4").tobytes()).decode("ascii")


def _unpack(text: str) -> Vectors:
    return np.frombuffer(base64.b64decode(text), dtype="<f4").astype(np.float32)
