"""Item-item weights in closed form: EASE, with dropout and with what items say of themselves. Pure.

EASE (Steck, "Embarrassingly shallow autoencoders for sparse data", WWW 2019) minimises
||X - XB||^2 + penalty ||B||^2 with an empty diagonal. With P = (X'X + penalty I)^-1 the answer is
B = -P / diag(P), column by column. Two well-known additions, both only change the matrix inverted:
- dropout p of the input (EDLAE: Steck, "Autoencoders that don't overfit towards the identity",
  NeurIPS 2020) adds p / (1 - p) * diag(X'X);
- texts and names as further rows of X (collective EASE: Jeunen et al., "Closed-form models for
  collaborative filtering with side-information", RecSys 2020) add side_weight * S S'.

Dense: three float32 matrices of n x n at its height and about n^3 multiplications.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse
from scipy.linalg import lapack

from contentcenter.domain.errors import InvalidInput
from recommend.collaborative.interactions import Floats

_BLOCK = 512


@dataclass(frozen=True)
class Ridge:
    """How strongly the closed form is held back. `side_weight` 0: readers only."""

    penalty: float
    dropout: float = 0.0
    side_weight: float = 0.0


def gram_of(matrix: sparse.csr_array) -> Floats:
    """(n, n) how often items share a reader, dense."""
    return np.asarray((matrix.T @ matrix).toarray(), np.float32)


def closed_form(gram: Floats, ridge: Ridge, side: sparse.csr_array | None = None) -> Floats:
    """(n, n) weights with an empty diagonal; `gram` (n, n) is left as it was. `side` (n, f):
    unit rows of what items say of themselves. `InvalidInput` when the penalty is too small for
    the matrix to be inverted."""
    inverse = np.array(gram, dtype=np.float32, order="F")
    diagonal = np.diag_indices(len(inverse))
    shares = ridge.dropout / (1.0 - ridge.dropout)
    inverse[diagonal] += shares * inverse[diagonal] + ridge.penalty
    if side is not None and ridge.side_weight > 0.0:
        _add(inverse, side, ridge.side_weight)
    _invert(inverse, ridge.penalty)
    # Symmetric, so its transpose is the same in rows: what sparse histories are multiplied with.
    weights: Floats = inverse.T
    weights /= -weights[diagonal][None, :]
    weights[diagonal] = 0.0
    return weights


def _add(target: Floats, side: sparse.csr_array, weight: float) -> None:
    for start in range(0, len(target), _BLOCK):
        rows = side[start : start + _BLOCK]
        target[start : start + _BLOCK] += weight * (rows @ side.T).toarray()


def _invert(matrix: Floats, penalty: float) -> None:
    """In place, by Cholesky: half the work and memory of a general inverse."""
    if not len(matrix):
        return
    _, wrong = lapack.spotrf(matrix, lower=1, overwrite_a=1, clean=0)
    if not wrong:
        _, wrong = lapack.spotri(matrix, lower=1, overwrite_c=1)
    if wrong:
        raise InvalidInput("The penalty is too small for these readers; raise it", penalty=penalty)
    for start in range(0, len(matrix), _BLOCK):  # LAPACK fills the lower triangle only
        end = start + _BLOCK
        square = matrix[start:end, start:end]
        square[:] = np.tril(square) + np.tril(square, -1).T
        matrix[start:end, end:] = matrix[end:, start:end].T
