"""What holds for a batch of documents in every engine."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np

from contentcenter.domain.errors import InvalidInput, ModelMismatch
from contentcenter.search.ports import IndexDocument


def newest_of_each(documents: Sequence[IndexDocument]) -> list[IndexDocument]:
    """One document an id: the highest revision, the later one among equals. Raises
    `InvalidInput` for a quality that is no finite number: not every engine can hold one."""
    kept: dict[int, IndexDocument] = {}
    for document in documents:
        if not math.isfinite(document.quality):
            raise InvalidInput("A quality must be a finite number.", id=document.id)
        earlier = kept.get(document.id)
        if earlier is None or earlier.revision <= document.revision:
            kept[document.id] = document
    return list(kept.values())


def batch_dimension(documents: Iterable[IndexDocument], expected: int) -> int:
    """The dimension of the vectors, `expected` (0: any) when there are none.

    Raises `ModelMismatch` when they differ from `expected` or among themselves, and
    `InvalidInput` for a vector that is not one row of finite numbers.
    """
    for document in documents:
        if document.vector is None:
            continue
        if document.vector.ndim != 1 or not np.isfinite(document.vector).all():
            raise InvalidInput("A vector must be one row of finite numbers.", id=document.id)
        size = len(document.vector)
        if expected not in {0, size}:
            raise ModelMismatch(
                "The index holds vectors of another model; re-embed and rebuild it.",
                expected=expected,
                found=size,
            )
        expected = size
    return expected
