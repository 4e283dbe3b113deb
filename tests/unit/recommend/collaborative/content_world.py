"""Readers of four tastes and items that say which taste they are of."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from scipy import sparse

from recommend.collaborative.content_features import ItemContent
from recommend.collaborative.content_training import BridgeSettings

TASTES = 4
QUICK = BridgeSettings(folds=3, used=3, factors=4, rounds=20, leaves=7)


def told(taste: int, number: int) -> ItemContent:
    """An item of a taste: two of its topics, one of its two authors, a series of its own."""
    return ItemContent(
        names={
            "topic": {f"topic {taste}": 2.0, f"topic {taste} {number % 3}": 1.0, "book": 1.0},
            "author": {f"author {taste} {number % 2}": 1.0},
            "series": {f"series {number}": 1.0},
        },
        traits={"year": float(taste)},
        vector=np.eye(TASTES, dtype=np.float32)[taste] * 0.9 + np.float32(0.1),
    )


@dataclass(frozen=True)
class ContentWorld:
    """`history` (160, 48) of known items; `new` items 4, one a taste, with nobody's likes."""

    ids: np.ndarray
    contents: list[ItemContent] = field(repr=False)
    history: sparse.csr_array = field(repr=False)
    new: list[ItemContent] = field(repr=False)
    taste: np.ndarray = field(repr=False)


def content_world(readers: int = 160, items: int = 48, seed: int = 5) -> ContentWorld:
    source = np.random.default_rng(seed)
    taste = np.arange(readers) % TASTES
    chances = np.where(taste[:, None] == np.arange(items)[None] % TASTES, 0.4, 0.02)
    liked = (source.random((readers, items)) < chances).astype(np.float32)
    return ContentWorld(
        ids=np.arange(items, dtype=np.int64) + 100,
        contents=[told(at % TASTES, at // TASTES) for at in range(items)],
        history=sparse.csr_array(liked),
        new=[told(one, 7) for one in range(TASTES)],
        taste=taste,
    )
