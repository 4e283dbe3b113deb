"""Interest centres: several directions with weights instead of one mean.

A centre is stored as the weighted mean of raw item vectors (not centred), so that a new
corpus mean changes how centres are compared, never what they are. Arithmetic is float32
after each step: a state that was stored and loaded goes on exactly like one that was not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from contentcenter.embedding.ports import Vectors
from recommend.corpus import CorpusView


@dataclass(frozen=True)
class Centres:
    """`vectors` (k, d) raw means, `weights` (k,) evidence on the caller's scale, `recent` (k,)
    the same on a scale that fades in days (none: nothing came lately)."""

    vectors: Vectors
    weights: tuple[float, ...]
    recent: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if len(self.recent) != len(self.weights):
            object.__setattr__(self, "recent", (0.0,) * len(self.weights))

    @classmethod
    def empty(cls, dimension: int) -> Centres:
        return cls(np.zeros((0, dimension), dtype=np.float32), ())

    def __len__(self) -> int:
        return len(self.weights)

    def scaled(self, factor: float, recent: float) -> Centres:
        return Centres(
            self.vectors,
            tuple(weight * factor for weight in self.weights),
            tuple(weight * recent for weight in self.recent),
        )

    def only(self, keep: Sequence[int]) -> Centres:
        return Centres(
            self.vectors[list(keep)],
            tuple(self.weights[index] for index in keep),
            tuple(self.recent[index] for index in keep),
        )


@dataclass(frozen=True)
class Lesson:
    """What one item adds, or takes off: its raw vector, its weight on both scales of `Centres`."""

    vector: Vectors
    weight: float
    recent: float = 0.0


def absorb(centres: Centres, liked: Lesson, corpus: CorpusView, most: int) -> Centres:
    """Take one liked item in: join the nearest centre, or found a new one.

    Over `most` centres the closest pair is merged, so a new interest always finds room.
    """
    vector = liked.vector[None, :]
    if not len(centres):
        return Centres(vector.astype(np.float32), (liked.weight,), (liked.recent,))
    near = corpus.centre(centres.vectors) @ corpus.centre(vector)[0]
    best = int(np.argmax(near))
    if near[best] >= corpus.join_at:
        return _merge_close(_joined(centres, best, liked), corpus)
    grown = Centres(
        np.vstack([centres.vectors, vector]).astype(np.float32),
        (*centres.weights, liked.weight),
        (*centres.recent, liked.recent),
    )
    return _merge_pair(grown, *_closest(grown, corpus)[1:]) if len(grown) > most else grown


def weaken(centres: Centres, disliked: Lesson, corpus: CorpusView) -> Centres:
    """Take a disliked item in: its nearest centre loses weight, if it is near at all."""
    if not len(centres):
        return centres
    near = corpus.centre(centres.vectors) @ corpus.centre(disliked.vector[None, :])[0]
    best = int(np.argmax(near))
    if near[best] < corpus.join_at:
        return centres
    weights, recent = list(centres.weights), list(centres.recent)
    weights[best] = max(weights[best] - disliked.weight, 0.0)
    recent[best] = max(recent[best] - disliked.recent, 0.0)
    if weights[best] > 0:
        return Centres(centres.vectors, tuple(weights), tuple(recent))
    return centres.only([index for index in range(len(centres)) if index != best])


def _joined(centres: Centres, index: int, liked: Lesson) -> Centres:
    vectors = centres.vectors.copy()
    old = centres.weights[index]
    share = np.float32(liked.weight / (old + liked.weight))
    vectors[index] += share * (liked.vector - vectors[index])
    weights, recent = list(centres.weights), list(centres.recent)
    weights[index] = old + liked.weight
    recent[index] += liked.recent
    return Centres(vectors, tuple(weights), tuple(recent))


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
    other = Lesson(centres.vectors[second], centres.weights[second], centres.recent[second])
    merged = _joined(centres, first, other)
    return merged.only([index for index in range(len(centres)) if index != second])
