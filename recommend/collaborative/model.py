"""The co-reading model as it serves: one sparse matrix from what was read to what may follow."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from zipfile import BadZipFile

import numpy as np
from scipy import sparse

from contentcenter.domain.errors import InvalidInput
from recommend.collaborative.interactions import Floats, Ids

FORMAT = 1
# What was read -> how much of it counts (1.0 for a plain like).
History = Mapping[int, float]


@dataclass(frozen=True)
class CoReadingModel:
    """`items` (n,): ids, rising. `weights` (n, n): row i says what a like of item i speaks for
    (or, below 0, against). A score is a sum of such weights over the history, nothing else:
    that is why its reasons are exact."""

    items: Ids
    weights: sparse.csr_array = field(repr=False)

    def scores(self, history: History) -> Floats:
        """(n,) one score an item, in the order of `items`; unknown items of the history say
        nothing."""
        scores = np.zeros(len(self.items), np.float32)
        places, sums = self._sums(history)
        scores[places] = sums
        return scores

    def recall(self, history: History, limit: int) -> list[int]:
        """Ids by falling score, only what the history speaks for and has not read.

        Work grows with the history, not with the catalogue.
        """
        places, sums = self._sums(history)
        wanted = (sums > 0.0) & ~np.isin(places, self._rows(history)[0])
        places, sums = places[wanted], sums[wanted]
        best = places[np.lexsort((places, -sums))][:limit]
        return [int(one) for one in self.items[best]]

    def because(self, history: History, item: int) -> dict[int, float]:
        """What each item of the history adds to the score of `item`, strongest first. The
        parts sum up to the score; items that add nothing are left out."""
        at = self._place(item)
        rows, values = self._rows(history)
        if at is None or not len(rows):
            return {}
        parts = values * self.weights[rows][:, [at]].toarray().ravel()
        named = {int(self.items[row]): float(part) for row, part in zip(rows, parts, strict=True)}
        return {
            one: named[one]
            for one in sorted(named, key=lambda one: (-named[one], one))
            if named[one] != 0.0
        }

    def extended(self, items: Ids, columns: sparse.csr_array) -> CoReadingModel:
        """With columns for items that nobody has read yet: the one place where they enter.

        `items` (m,): ids that the model lacks; `columns` (n, m): how much a like of each known
        item speaks for them. The new items' own rows are empty until someone reads them.
        `InvalidInput` for an item that is known or a shape that does not fit.
        """
        if columns.shape != (len(self.items), len(items)) or np.isin(items, self.items).any():
            raise InvalidInput("Columns must be (known items, new items), and new items unknown")
        wide = sparse.hstack([self.weights, columns])
        empty = sparse.csr_array((len(items), wide.shape[1]), dtype=np.float32)
        square = sparse.csr_array(sparse.vstack([wide, empty]))
        ids = np.concatenate([self.items, items])
        order = np.argsort(ids, kind="stable")
        return CoReadingModel(ids[order], sparse.csr_array(square[order][:, order]))

    def to_bytes(self) -> bytes:
        """An npz archive without pickles."""
        out = io.BytesIO()
        # Compressed by whoever keeps it.
        np.savez(
            out,
            format=np.array(FORMAT),
            items=self.items,
            data=self.weights.data.astype(np.float32),
            indices=self.weights.indices.astype(np.int32),
            indptr=self.weights.indptr.astype(np.int64),
        )
        return out.getvalue()

    @classmethod
    def from_bytes(cls, blob: bytes) -> CoReadingModel:
        """`InvalidInput` for an archive of another format."""
        try:
            with np.load(io.BytesIO(blob), allow_pickle=False) as kept:
                saved = int(kept["format"])
                items = kept["items"]
                parts = (kept["data"], kept["indices"], kept["indptr"])
        except (KeyError, ValueError, EOFError, BadZipFile) as error:
            raise InvalidInput("This is no co-reading model; train a new one") from error
        if saved != FORMAT:
            raise InvalidInput("This model has another format; train a new one", format=saved)
        return cls(items, sparse.csr_array(parts, shape=(len(items), len(items))))

    def facts(self) -> dict[str, Any]:
        """Size, for the card."""
        bytes_ = self.weights.data.nbytes + self.weights.indices.nbytes + self.weights.indptr.nbytes
        return {
            "items": len(self.items),
            "weights": int(self.weights.nnz),
            "megabytes": round(bytes_ / 1e6, 1),
        }

    def _sums(self, history: History) -> tuple[Ids, Floats]:
        """Places that the history speaks for or against, rising, and their scores."""
        rows, values = self._rows(history)
        said = self.weights[rows]
        spoken = said.data * np.repeat(values, np.diff(said.indptr))
        places, at = np.unique(said.indices, return_inverse=True)
        sums = np.bincount(at, weights=spoken, minlength=len(places))
        return places.astype(np.int64), sums.astype(np.float32)

    def _rows(self, history: History) -> tuple[Ids, Floats]:
        wanted = np.array(sorted(history), np.int64)
        rows = np.searchsorted(self.items, wanted)
        known = rows < len(self.items)
        known[known] = self.items[rows[known]] == wanted[known]
        values = np.array([history[int(one)] for one in wanted[known]], np.float32)
        return rows[known].astype(np.int64), values

    def _place(self, item: int) -> int | None:
        at = int(np.searchsorted(self.items, item))
        return at if at < len(self.items) and int(self.items[at]) == item else None
