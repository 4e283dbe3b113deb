"""Keeps the corpus view of the index's model: measured by a job, read by everyone."""

from __future__ import annotations

import hashlib
import random
import threading
import time

import numpy as np
from sqlalchemy import select

from contentcenter.domain.content import ItemState
from contentcenter.domain.errors import EngineUnavailable
from contentcenter.embedding.ports import Vectors
from contentcenter.floor import Floor
from contentcenter.search.ports import Filters
from contentcenter.store.tables import ItemRow, StateRow
from recommend.corpus import CorpusView, measure, plain_view
from recommend.upserts import upsert

SAMPLE = 4_000
QUERY_SAMPLE = 64
KEEP_SECONDS = 30.0
NAME = "corpus."
# The view is measured again when the corpus has grown or shrunk by this much.
DRIFT = 0.25


class CorpusService:
    """`view()` is cheap and cached; `refresh()` measures and stores."""

    def __init__(self, floor: Floor) -> None:
        self._floor = floor
        self._lock = threading.Lock()
        self._kept: tuple[float, CorpusView] | None = None

    def view(self) -> CorpusView:
        """The stored view of the index's model; measured now if there is none yet. While the
        index is away: what was known last, so that pages go on."""
        with self._lock:
            if self._kept is not None and time.monotonic() - self._kept[0] < KEEP_SECONDS:
                return self._kept[1]
        try:
            return self._keep(self._load() or self.refresh())
        except EngineUnavailable:
            return self._keep(self._last_known())

    def _last_known(self) -> CorpusView:
        if self._kept is not None:
            return self._kept[1]
        query = (
            select(StateRow)
            .where(StateRow.name.startswith(NAME, autoescape=True))
            .order_by(StateRow.updated_at.desc())
            .limit(1)
        )
        with self._floor.db.reading() as session:
            row = session.scalars(query).first()
            if row is not None:
                return CorpusView.from_json(row.value)
        identity = self._floor.embedder.identity()
        return plain_view(str(identity), identity.dimension)

    def refresh(self) -> CorpusView:
        """Measure the corpus (a sample) and store the view."""
        model, dimension = self._model()
        ids = self._sample_ids()
        stored = self._floor.index.vectors(ids) if ids else {}
        if not stored:
            return self._keep(plain_view(model, dimension))
        items = np.stack([stored[item_id] for item_id in sorted(stored)]).astype(np.float32)
        view = measure(model, items, self._queries(sorted(stored)))
        self._save(view)
        return self._keep(view)

    def refresh_if_stale(self) -> CorpusView:
        """Measure again only after the corpus changed size noticeably."""
        known = self._load()
        now = min(self._floor.index.stats().vectors, SAMPLE)
        if known is None or abs(now - known.count) > DRIFT * max(known.count, 8):
            return self.refresh()
        return self._keep(known)

    def _keep(self, view: CorpusView) -> CorpusView:
        with self._lock:
            self._kept = (time.monotonic(), view)
        return view

    def _model(self) -> tuple[str, int]:
        identity = self._floor.index.stats().model or self._floor.embedder.identity()
        return str(identity), identity.dimension

    def _sample_ids(self) -> list[int]:
        wanted = Filters(states=(ItemState.PUBLISHED.value,))
        ids = self._floor.index.select(wanted, 5 * SAMPLE)
        if len(ids) <= SAMPLE:
            return ids
        return random.Random(7).sample(ids, SAMPLE)

    def _queries(self, ids: list[int]) -> Vectors:
        chosen = random.Random(7).sample(ids, min(len(ids), QUERY_SAMPLE))
        with self._floor.db.reading() as session:
            titles = session.scalars(select(ItemRow.title).where(ItemRow.id.in_(chosen))).all()
        texts = [title for title in titles if title.strip()]
        if not texts:
            return np.zeros((0, 1), dtype=np.float32)
        return self._floor.embedder.encode_queries(texts)

    def _name(self) -> str:
        model, _ = self._model()
        return NAME + hashlib.blake2b(model.encode(), digest_size=12).hexdigest()

    def _load(self) -> CorpusView | None:
        with self._floor.db.reading() as session:
            row = session.get(StateRow, self._name())
            return CorpusView.from_json(row.value) if row is not None else None

    def _save(self, view: CorpusView) -> None:
        row = {
            "name": self._name(),
            "value": view.to_json(),
            "updated_at": self._floor.clock.now(),
        }
        with self._floor.db.transaction() as session:
            upsert(session, StateRow, [row], ["name"], ["value", "updated_at"])
