"""What a scene is about: the item just bought or open, or the question that found nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from sqlalchemy import select

from contentcenter.domain.content import ItemState
from contentcenter.domain.errors import EngineUnavailable, ModelMismatch
from contentcenter.domain.events import EventKind
from contentcenter.embedding.ports import Vectors
from contentcenter.floor import Floor
from contentcenter.search.ports import Filters
from contentcenter.store.tables import EventRow
from recommend.corpus_service import CorpusService
from recommend.ranking.scenes import Scene
from recommend.shelf import Shelf

NEAR = 60
_TEXT = {
    Scene.AFTER_PURCHASE: "与你刚买的书相近",
    Scene.SEARCH_EMPTY: "与你刚才找的相近",
}


@dataclass(frozen=True)
class Asked:
    """The context of a request: its scene, and what it is about, if anything."""

    scene: Scene = Scene.HOME
    item_id: int | None = None
    question: str = ""


@dataclass(frozen=True)
class Anchor:
    """A direction (d,), centred and of length 1, and what must not be offered again."""

    vector: Vectors
    item_id: int | None = None
    works: tuple[int, ...] = ()
    text: str = ""

    def closeness(self, vectors: Vectors, pair_mean: float, near: float) -> Vectors:
        """Cosines (n,) in units of the corpus: 0 for strangers, 1 for neighbours."""
        raw = (vectors @ self.vector - pair_mean) / max(near - pair_mean, 1e-3)
        clipped: Vectors = np.clip(raw, -1.0, 1.5).astype(np.float32)
        return clipped


class SceneAnchors:
    """Finds the anchor of a request and its neighbours. An engine that is away means none."""

    def __init__(self, floor: Floor, corpus: CorpusService, shelf: Shelf) -> None:
        self._floor = floor
        self._corpus = corpus
        self._shelf = shelf

    def anchor(self, asked: Asked, reader_id: int) -> Anchor | None:
        text = _TEXT.get(asked.scene, "与你正在看的相近")
        item_id = asked.item_id
        if item_id is None and asked.scene is Scene.AFTER_PURCHASE:
            item_id = self._last_order(reader_id)
        if item_id is not None:
            return self._of_item(item_id, text)
        return self._of_question(asked.question, text) if asked.question else None

    def near(self, anchor: Anchor, barred: frozenset[int]) -> Sequence[int]:
        """Published neighbours, nearest first, without the item itself."""
        base = Filters(
            states=(ItemState.PUBLISHED.value,), rights_at=self._floor.clock.now(), in_stock=True
        )
        try:
            hits = self._floor.index.nearest(anchor.vector[None, :], base, NEAR)[0]
        except (EngineUnavailable, ModelMismatch):
            return []
        return [one.id for one in hits if one.id != anchor.item_id and one.id not in barred]

    def _last_order(self, reader_id: int) -> int | None:
        query = (
            select(EventRow.item_id)
            .where(
                EventRow.reader_id == reader_id,
                EventRow.kind == EventKind.ORDER.value,
                EventRow.item_id.is_not(None),
            )
            .order_by(EventRow.id.desc())
            .limit(1)
        )
        with self._floor.db.reading() as session:
            return session.scalar(query)

    def _of_item(self, item_id: int, text: str) -> Anchor | None:
        item = self._shelf.visible([item_id]).get(item_id)
        if item is None or item.match.vector is None:
            return None
        vector = self._corpus.view().centre(item.match.vector[None, :])[0]
        return Anchor(vector, item_id, item.works, text)

    def _of_question(self, question: str, text: str) -> Anchor | None:
        corpus = self._corpus.view()
        try:
            asked = self._floor.embedder.encode_queries([question])
        except (EngineUnavailable, ModelMismatch):
            return None
        return Anchor(corpus.centre(corpus.shift_query(asked))[0], text=text)
