"""Small made-up worlds of likes whose answer is known."""

from __future__ import annotations

import numpy as np
from scipy import sparse

from recommend.collaborative.interactions import Interactions

TASTES = 4


def tastes(readers: int = 160, items: int = 40, likes: int = 7, seed: int = 3) -> Interactions:
    """Reader r has taste r % 4 and mostly likes items of it (item i has taste i % 4)."""
    source = np.random.default_rng(seed)
    pairs = []
    for reader in range(readers):
        own = np.arange(reader % TASTES, items, TASTES)
        liked = set(source.choice(own, likes - 1, replace=False).tolist())
        liked.add(int(source.integers(items)))
        pairs += [(reader, item) for item in sorted(liked)]
    found = np.array(pairs, np.int64)
    return Interactions.of(found[:, 0], found[:, 1])


def dense(rows: list[list[float]]) -> sparse.csr_array:
    return sparse.csr_array(np.array(rows, np.float32))
