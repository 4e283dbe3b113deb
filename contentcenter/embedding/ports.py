"""The embedding port: text in, unit vectors out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

Vectors = npt.NDArray[np.float32]


@dataclass(frozen=True)
class ModelIdentity:
    """What must be equal for two vectors to be comparable (embedding notes, point 8)."""

    name: str
    revision: str
    precision: str
    dimension: int

    def __str__(self) -> str:
        return f"{self.name}@{self.revision}/{self.precision}/{self.dimension}"


class Embedder(Protocol):
    """Every adapter returns float32 rows of unit length, in input order.

    Empty or blank texts are refused with `InvalidInput`; an engine that does not answer
    raises `EngineUnavailable`. Texts are stripped before encoding and cut by the model at
    its own limit; callers who need more text split it into passages first.
    """

    def identity(self) -> ModelIdentity:
        """Name, revision, precision and dimension. May load the model."""
        ...

    def encode_passages(self, texts: Sequence[str]) -> Vectors:
        """Vectors of shape (len(texts), dimension) for content."""
        ...

    def encode_queries(self, texts: Sequence[str]) -> Vectors:
        """Vectors of shape (len(texts), dimension) for queries and declared interests."""
        ...
