"""A small genuine embedder without a model: hashed character n-grams, signed and weighted.

Texts that share characters are near each other, nothing more. It is for machines without the
model, for unit tests that need vectors but not meaning, and as a floor to measure against.
Method: feature hashing, Weinberger et al. 2009 (https://arxiv.org/abs/0902.2206).
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np

from contentcenter.domain.errors import InvalidInput
from contentcenter.embedding.ports import ModelIdentity, Vectors

NGRAMS = (1, 2, 3)


class HashingEmbedder:
    """Deterministic on every machine. Queries and passages share one space."""

    def __init__(self, dimension: int = 384) -> None:
        self._dimension = dimension

    def identity(self) -> ModelIdentity:
        return ModelIdentity("hashing", "1", "float32", self._dimension)

    def encode_passages(self, texts: Sequence[str]) -> Vectors:
        rows = [self._encode(text.strip()) for text in texts]
        return np.array(rows, dtype=np.float32).reshape(len(texts), self._dimension)

    def encode_queries(self, texts: Sequence[str]) -> Vectors:
        return self.encode_passages(texts)

    def _encode(self, text: str) -> Vectors:
        if not text:
            raise InvalidInput("An empty text has no vector")
        row = np.zeros(self._dimension, dtype=np.float32)
        for size in NGRAMS:
            for start in range(len(text) - size + 1):
                gram = text[start : start + size].encode()
                digest = int.from_bytes(hashlib.blake2b(gram, digest_size=8).digest(), "little")
                row[digest % self._dimension] += size if digest >> 63 else -size
        norm = float(np.linalg.norm(row))
        if norm == 0.0:  # every feature met its opposite
            row[0] = norm = 1.0
        return row / np.float32(norm)
