"""The view of the corpus for one batch of events, which remembers what it laid out.

Most events are impressions: each asks how near an item is to a reader's centres, and leaves
the centres where they are. Laid out for every event anew, items and centres took half of the
time of learning. Here the items of a batch are laid out together, and centres again only when
they moved; every number is the one that `CorpusView.centre` gives.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from contentcenter.embedding.ports import Vectors
from recommend.corpus import CorpusView


class BatchView(CorpusView):
    """For one batch in one thread. `items`: the vectors (dimension,) it knows, to be handed to
    `learn` as they are."""

    def __init__(self, view: CorpusView, vectors: Mapping[int, Vectors]) -> None:
        super().__init__(**vars(view))
        # Rows of their own: a view of one names it as its base.
        self.items = {one: vector.copy() for one, vector in vectors.items()}
        units = super().centre(np.stack(list(self.items.values()))) if vectors else ()
        self._units = {
            id(own): unit[None, :] for own, unit in zip(self.items.values(), units, strict=True)
        }
        self._last: Vectors | None = None
        self._last_units = np.zeros((0, view.dimension), dtype=np.float32)

    def centre(self, vectors: Vectors) -> Vectors:
        """As the view's own. An array must not be written to after it was asked for."""
        known: Vectors | None = self._units.get(id(vectors.base))
        if known is not None and known.shape == vectors.shape:
            return known
        if vectors is not self._last:
            self._last, self._last_units = vectors, super().centre(vectors)
        return self._last_units
