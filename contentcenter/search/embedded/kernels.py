"""The arithmetic of the scan: int8 products, the best candidates, the exact second look.

numkong brings SIMD kernels (AVX-512, NEON); where its wheel is missing numpy does the same
several times slower.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from contentcenter.embedding.ports import Vectors

numkong: Any
try:
    import numkong
except ImportError:  # no wheel for this machine
    numkong = None

Int8 = npt.NDArray[np.int8]
Rows = npt.NDArray[np.int64]
Floats = npt.NDArray[np.floating[Any]]

# From this many queries on, packing them once is faster than one scan each: three over 20,000
# rows of 256 in a quarter of the time, two over 200,000 rows of 384 in three quarters.
PACK_FROM = 2
_BLOCK_ROWS = 8192
# The sign was copied into the three bits behind it when it was moved.
_SIGN_AND_NUMBER = np.int32(~0x70000000 & ~0x1FFF)
_WIDEST_GROUP, _NARROWEST_GROUP = 256, 16


def quantise(vectors: Vectors) -> tuple[Int8, npt.NDArray[np.float32]]:
    """int8 rows and the scale of each row: `row * scale` is the vector again.

    The scale comes from each vector's own largest component, so no model's range is assumed.
    """
    scales = np.abs(vectors).max(axis=1, initial=0.0) / 127.0
    safe = np.where(scales > 0, scales, 1.0)[:, None]
    return np.rint(vectors / safe).astype(np.int8), scales.astype(np.float32)


def widened(halves: npt.NDArray[np.float16]) -> npt.NDArray[np.float32]:
    """The same finite numbers in single precision, to the last bit, in a sixth of the time that
    `astype` takes: exponent and fraction are moved to where single precision has them, and
    the exponent's other bias (127 for 15) is a factor of 2**112 (IEEE 754)."""
    moved = halves.view(np.int16).astype(np.int32)
    moved <<= 13
    moved &= _SIGN_AND_NUMBER
    numbers: npt.NDArray[np.float32] = moved.view(np.float32)
    numbers *= np.float32(2.0**112)
    return numbers


def products(queries: Int8, rows: Int8) -> npt.NDArray[Any]:
    """Integer dot products, shape (queries, rows)."""
    if numkong is None or not len(rows):  # numkong refuses empty matrices
        return _numpy_products(queries, rows)
    if len(queries) < PACK_FROM:
        return np.asarray(numkong.cdist(queries, rows, "dot"))
    return np.asarray(numkong.dots_packed(rows, numkong.dots_pack(queries))).T


def _numpy_products(queries: Int8, rows: Int8) -> npt.NDArray[Any]:
    # float32 goes through BLAS, integer matrices do not; sums of up to 1,000 products of
    # two int8 stay below 2**24 and are therefore exact.
    wanted = queries.astype(np.float32)
    result = np.empty((len(queries), len(rows)), np.float32)
    for start in range(0, len(rows), _BLOCK_ROWS):
        block = rows[start : start + _BLOCK_ROWS].astype(np.float32)
        result[:, start : start + _BLOCK_ROWS] = wanted @ block.T
    return result


def best(scores: Floats, size: int) -> Rows:
    """Positions of the `size` best scores, in no order. -inf is nothing.

    A first pass over groups finds a bound: at least `size` groups have a maximum as good as
    the size-th best maximum, so nothing below it can be among the best `size`. This is ten
    times faster than a partition of everything.
    """
    group = min(_WIDEST_GROUP, len(scores) // (2 * size))
    bound = -np.inf if group < _NARROWEST_GROUP else _bound(scores, size, group)
    found = np.flatnonzero(scores >= bound if bound > -np.inf else scores > bound)
    if len(found) <= size:
        return found
    kept = np.argpartition(scores[found], len(found) - size)[len(found) - size :]
    return found[kept]


def _bound(scores: Floats, size: int, group: int) -> float:
    whole = len(scores) // group * group
    peaks = scores[:whole].reshape(-1, group).max(axis=1)
    return float(np.partition(peaks, len(peaks) - size)[len(peaks) - size])


def unit(vectors: Vectors) -> Vectors:
    """Rows of length one; a row of zeros stays zeros."""
    vectors = np.asarray(vectors, dtype=np.float32)
    length = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.asarray(vectors / np.where(length > 0, length, 1.0), dtype=np.float32)
