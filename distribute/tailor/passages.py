"""Which passages of an item speak to a persona. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float32]
# The opening passage is written to be read first; it wins a near tie.
OPENING_BONUS = 0.03


@dataclass(frozen=True)
class Passage:
    position: int
    text: str


def choose(
    passages: Sequence[Passage], vectors: Vectors | None, centres: Vectors | None, wanted: int
) -> tuple[Passage, ...]:
    """The `wanted` passages nearest to any interest centre, in reading order.

    vectors: one row a passage; centres: one row an interest. Without either (a new audience,
    an item of another model) the first passages are taken.
    """
    if vectors is None or centres is None or len(passages) <= wanted:
        return tuple(passages[:wanted])
    if vectors.shape[0] != len(passages) or vectors.shape[1] != centres.shape[1]:
        return tuple(passages[:wanted])
    nearness = (_unit(vectors) @ _unit(centres).T).max(axis=1)
    nearness[0] += OPENING_BONUS
    best = sorted(np.argsort(-nearness, kind="stable")[:wanted].tolist())
    return tuple(passages[number] for number in best)


def _unit(rows: Vectors) -> Vectors:
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    unit: Vectors = rows / np.maximum(lengths, 1e-9)
    return unit
