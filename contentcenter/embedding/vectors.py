"""Arithmetic on vectors. Pure."""

from __future__ import annotations

import numpy as np

from contentcenter.embedding.ports import Vectors


def unit_rows(vectors: Vectors) -> Vectors:
    """The rows scaled to length 1 in float32; a row of zeros stays zeros.

    A model in bfloat16 gives lengths of .997-1.003, enough to disturb the order of hits.
    """
    rows = np.ascontiguousarray(vectors, dtype=np.float32)
    lengths = np.linalg.norm(rows, axis=-1, keepdims=True)
    units: Vectors = np.divide(rows, lengths, out=np.zeros_like(rows), where=lengths > 0)
    return units
