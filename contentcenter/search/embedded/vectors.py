"""The vector files of a rows folder: int8 for the scan, float16 for the second look.

Row r of both files belongs to row r of the rows table. A row without a vector is a hole.
"""

from __future__ import annotations

import os
from itertools import pairwise
from pathlib import Path
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from contentcenter.embedding.ports import Vectors
from contentcenter.search.embedded import kernels
from contentcenter.search.embedded.kernels import Int8, Rows
from contentcenter.search.embedded.table import write_all

_Kind = TypeVar("_Kind", bound=np.generic)
Mask = npt.NDArray[np.bool_]
Half = npt.NDArray[np.float16]
Answer = tuple[Rows, npt.NDArray[np.float32]]

_FIRST_ROWS = 1024
# So many int8 candidates beyond the hits wanted are scored again in float16: a quarter, and
# some. Measured over 100,000 titles and 10 to 400 hits: sixty give the recall of three times
# as many as wanted, and each costs a look at a page that may be nowhere near the last one.
_SPARE_CANDIDATES = 60
# Below this share of rows it is cheaper to gather the rows that pass than to scan them all.
_GATHER_BELOW = 0.3
_QUERIES_AT_ONCE = 32


class VectorWriter:
    """Appends to the vector files. Nothing is visible before the rows table says so."""

    def __init__(self, folder: Path, dimension: int) -> None:
        self._dimension = dimension
        self._int8 = _open_file(folder / f"vectors-{dimension}.i8")
        self._half = _open_file(folder / f"vectors-{dimension}.f16")

    def append(self, rows: Rows, vectors: Vectors, size: int) -> npt.NDArray[np.float32]:
        """Store unit vectors at `rows` (ascending), make the files `size` rows long, and
        return the scale of each."""
        for descriptor, width in ((self._int8, 1), (self._half, 2)):
            _reserve(descriptor, size, self._dimension * width)
        quantised, scales = kernels.quantise(vectors)
        for first, last in _runs(rows):
            start = int(rows[first]) * self._dimension
            write_all(self._int8, quantised[first:last], start)
            write_all(self._half, vectors[first:last].astype(np.float16), start * 2)
        return scales

    def sync(self) -> None:
        os.fsync(self._int8)
        os.fsync(self._half)

    def close(self) -> None:
        os.close(self._int8)
        os.close(self._half)


class VectorView:
    """A mapped, read-only look at the first `rows` vectors."""

    def __init__(self, folder: Path, dimension: int, rows: int) -> None:
        self.dimension = dimension
        shape = (rows, dimension)
        self.int8: Int8 = _map(folder / f"vectors-{dimension}.i8", np.dtype(np.int8), shape)
        self.half: Half = _map(folder / f"vectors-{dimension}.f16", np.dtype(np.float16), shape)

    def nearest(
        self, queries: Vectors, scales: npt.NDArray[np.float32], mask: Mask | None, limit: int
    ) -> list[Answer]:
        """For each unit query the rows with the best cosine, best first, and the cosines.

        `mask` names the rows that may come back; None allows all of them.
        """
        rows, scan = self._rows_to_scan(mask)
        if rows is not None:
            scales = scales[rows]
        answers: list[Answer] = []
        for start in range(0, len(queries), _QUERIES_AT_ONCE):
            block = queries[start : start + _QUERIES_AT_ONCE]
            quantised, _ = kernels.quantise(block)
            raw = kernels.products(quantised, scan)
            for query, line in zip(block, raw, strict=True):
                scores = line * scales
                if rows is None and mask is not None:
                    scores[~mask] = -np.inf
                found = kernels.best(scores, limit + limit // 4 + _SPARE_CANDIDATES)
                answers.append(self._second_look(query, found, rows, limit))
        return answers

    def read(self, rows: Rows) -> Vectors:
        return kernels.unit(kernels.widened(self.half[rows]))

    def _rows_to_scan(self, mask: Mask | None) -> tuple[Rows | None, Int8]:
        if mask is None:
            return None, self.int8
        if np.count_nonzero(mask) >= _GATHER_BELOW * len(mask):
            return None, self.int8
        rows = np.flatnonzero(mask)
        return rows, np.take(self.int8, rows, axis=0)

    def _second_look(self, query: Vectors, found: Rows, rows: Rows | None, limit: int) -> Answer:
        candidates = np.sort(found if rows is None else rows[found])
        cosine = kernels.widened(self.half[candidates]) @ query
        order = np.argsort(-cosine, kind="stable")[:limit]
        return candidates[order], np.clip(cosine[order], -1.0, 1.0)


def _open_file(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)


def _reserve(descriptor: int, rows: int, width: int) -> None:
    """Lengthen in steps of doubling. Growing a file leaves older mappings valid."""
    have = os.fstat(descriptor).st_size // width
    if have < rows:
        os.ftruncate(descriptor, max(rows, have * 2, _FIRST_ROWS) * width)


def _runs(rows: Rows) -> list[tuple[int, int]]:
    """Stretches of consecutive rows, as positions in `rows`."""
    if not len(rows):
        return []
    cuts = np.flatnonzero(np.diff(rows) != 1) + 1
    edges = [0, *cuts.tolist(), len(rows)]
    return list(pairwise(edges))


def _map(path: Path, kind: np.dtype[_Kind], shape: tuple[int, int]) -> npt.NDArray[_Kind]:
    return np.asarray(np.memmap(path, kind, mode="r", shape=shape))
