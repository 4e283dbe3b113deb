"""What items say of themselves (authors, tags, categories) as sparse unit rows. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import sparse

# Share of each kind in the squared length of a row; a name in a third of all items says nothing.
SHARES: Mapping[str, float] = {"tag": 0.6, "author": 0.3, "category": 0.1}
COMMON = 0.3
RAREST = 2


@dataclass(frozen=True)
class Described:
    """Names of one item, by kind, with weights above 0 (1.0 where nothing is known)."""

    names: Mapping[str, Mapping[str, float]]


def side_rows(items: Sequence[Described | None]) -> sparse.csr_array | None:
    """(items, names) TF-IDF, each kind a unit row, weighed by `SHARES`, then unit rows again.
    None when no two items share a name."""
    parts = [_kind_rows(items, kind, share) for kind, share in SHARES.items()]
    found = [part for part in parts if part.shape[1]]
    if not found:
        return None
    return _unit_rows(sparse.csr_array(sparse.hstack(found)))


def plain_names(names: Iterable[str]) -> dict[str, float]:
    """Names that count equally."""
    return {name.strip().casefold(): 1.0 for name in names if name.strip()}


def _kind_rows(items: Sequence[Described | None], kind: str, share: float) -> sparse.csr_array:
    vocabulary: dict[str, int] = {}
    rows: list[int] = []
    columns: list[int] = []
    values: list[float] = []
    for row, item in enumerate(items):
        for name, weight in (item.names.get(kind, {}) if item else {}).items():
            rows.append(row)
            columns.append(vocabulary.setdefault(name, len(vocabulary)))
            values.append(float(np.log1p(weight)))
    shape = (len(items), len(vocabulary))
    matrix = sparse.csr_array((np.array(values, np.float32), (rows, columns)), shape=shape)
    return _unit_rows(_rare(matrix)) * np.float32(np.sqrt(share))


def _rare(matrix: sparse.csr_array) -> sparse.csr_array:
    """Telling columns, weighed by the logarithm of how rare they are."""
    total = max(matrix.shape[0], 1)
    seen = np.bincount(matrix.indices, minlength=matrix.shape[1])
    telling = np.flatnonzero((seen >= RAREST) & (seen <= max(COMMON * total, RAREST)))
    rarity = np.log(1.0 + total / np.maximum(seen[telling], 1)).astype(np.float32)
    return sparse.csr_array(matrix[:, telling] @ sparse.diags_array(rarity))


def _unit_rows(matrix: sparse.csr_array) -> sparse.csr_array:
    lengths = np.sqrt(np.asarray(matrix.multiply(matrix).sum(axis=1)).ravel())
    scale = np.where(lengths > 0.0, 1.0 / np.maximum(lengths, 1e-12), 0.0).astype(np.float32)
    return sparse.csr_array(sparse.diags_array(scale) @ matrix)
