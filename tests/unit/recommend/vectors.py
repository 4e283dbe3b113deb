"""Vectors and corpora for pure tests: bunched like a real model's, split into topics."""

from __future__ import annotations

import numpy as np

from contentcenter.embedding.ports import Vectors
from recommend.corpus import CorpusView, measure, unit_rows

DIMENSION = 32


def bunched(topics: int = 5, each: int = 40, seed: int = 3) -> Vectors:
    """Unit rows that share a large common direction: raw cosines average about .85."""
    rng = np.random.default_rng(seed)
    common = rng.normal(size=DIMENSION) * 3.0
    centres = rng.normal(size=(topics, DIMENSION))
    rows = [
        common + centre + 0.5 * rng.normal(size=DIMENSION)
        for centre in centres
        for _ in range(each)
    ]
    return unit_rows(np.array(rows, dtype=np.float32))


def corpus_of(vectors: Vectors) -> CorpusView:
    return measure("test@1", vectors, vectors[:10])
