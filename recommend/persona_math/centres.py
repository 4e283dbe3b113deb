"""Interest centres: several directions with weights instead of one mean.

A centre is stored as the weighted mean of raw item vectors (not centred), so that a new
corpus mean changes how centres are compared, never what they are. Arithmetic is float32
after each step: a state that was stored and loaded goes on exactly like one that was not.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from contentcenter.embedding.ports import Vectors
from recommend.corpus import CorpusView


@dataclass(frozen=True)
class Centres:
    """`vectors` (k, d) raw means, `weights` (k,) evidence on the caller's scale."""

    vectors: Vectors
    weights: tuple[float, ...]

    @classmethod
    def empty(cls, dimension: int) -> Centres:
        return cls(np.zeros((0, dimension), dtype=np.float32), ())

    def __len__(self) -> int:
        return len(self.weights)

    def scaled(self, factor: float) -> Centres:
        return Centres(self.vectors, tuple(weight * factor for weight in self.weights))


def absorb(
    centres: Centres, vector: Vectors, weight: float, corpus: CorpusView, most: int
) -> Centres:
    """Take one liked item in: join the nearest centre, or found a new one.

    Over `most` centres the closest pair is merged, so a new interest always finds room.
    """
    if not len(centres):
        return Centres(vector[None, :].astype(np.float32), (weight,))
    near = corpus.centre(centres.vectors) @ corpus.centre(vector[None, :])[0]
    best = int(np.argmax(near))
    if near[best] >= corpus.join_at:
        return _merge_close(_joined(centres, best, vector, weight), corpus)
    grown = Centres(
        np.vstack([centres.vectors, vector[None, :]]).astype(np.float32),
        (*centres.weights, weight),
    )
    return _merge_pair(grown, *_closest(grown, corpus)[1:]) if len(grown) > most else grown


def weaken(centres: Centres, vector: Vectors, weight: float, corpus: CorpusView) -> Centres:
    """Take a disliked item in: its nearest centre loses weight, if it is near at all."""
    if not len(centres):
        return centres
    near = corpus.centre(centres.vectors) @ corpus.centre(vector[None, :])[0]
    best = int(np.argmax(near))
    if near[best] < corpus.join_at:
        return centres
    weights = list(centres.weights)
    weights[best] = max(weights[best] - weight, 0.0)
    if weights[best] > 0:
        return Centres(centres.vectors, tuple(weights))
    keep = [index for index in range(len(centres)) if index != best]
    return Centres(centres.vectors[keep], tuple(weights[index] for index in keep))


def _joined(centres: Centres, index: int, vector: Vectors, weight: float) -> Centres:
    vectors = centres.vectors.copy()
    old = centres.weights[index]
    share = np.float32(weight / (old + weight))
    vectors[index] += share * (vector - vectors[index])
    weights = list(centres.weights)
    weights[index] = old + weight
    return Centres(vectors, tuple(weights))


def _merge_close(centres: Centres, corpus: CorpusView) -> Centres:
    if len(centres) < 2:
        return centres
    closeness, first, second = _closest(centres, corpus)
    return _merge_pair(centres, first, second) if closeness >= corpus.merge_at else centres


def _closest(centres: Centres, corpus: CorpusView) -> tuple[float, int, int]:
    unit = corpus.centre(centres.vectors)
    near = unit @ unit.T
    np.fill_diagonal(near, -2.0)
    first, second = divmod(int(np.argmax(near)), len(centres))
    return float(near[first, second]), min(first, second), max(first, second)


def _merge_pair(centres: Centres, first: int, second: int) -> Centres:
    merged = _joined(centres, first, centres.vectors[second], centres.weights[second])
    keep = [index for index in range(len(centres)) if index != second]
    return Centres(merged.vectors[keep], tuple(merged.weights[index] for index in keep))
