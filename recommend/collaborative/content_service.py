"""A new item and the readers it suits; and new items for the co-reading model."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import structlog
from scipy import sparse
from sqlalchemy import select

from contentcenter.domain.content import ItemState
from contentcenter.domain.errors import InvalidInput, NotFound, RetryLater
from contentcenter.floor import Floor
from contentcenter.store.tables import ItemRow
from recommend.collaborative.content import Because, ContentBridge
from recommend.collaborative.content_descriptions import load_contents
from recommend.collaborative.content_training_service import WINDOW
from recommend.collaborative.interactions import Floats, Ids, Interactions, of_likes
from recommend.collaborative.likes import load_likes
from recommend.collaborative.model import CoReadingModel
from recommend.models import ModelKind, ModelRegistry

log = structlog.get_logger()
# Histories are read again after this long; a like of the last minutes changes little.
KEEP_SECONDS = 300.0
# So many readers are weighed by the trees; with more, the likeliest by likeness.
MOST_READERS = 50_000
# So many of the newest unread items enter the co-reading model.
NEW_ITEMS = 2_000
_TRAIN_AGAIN = 3_600.0


@dataclass(frozen=True)
class ReadTitle:
    """An item read before that speaks for the new one, and what they have in common."""

    item_id: int
    title: str
    weight: float
    shared: tuple[str, ...]


@dataclass(frozen=True)
class SuitedReader:
    """`parts` sum up to `score`, log-odds that rank the readers of this item."""

    reader_id: int
    score: float
    parts: Mapping[str, float]
    read: tuple[ReadTitle, ...]


@dataclass(frozen=True)
class SuitedReaders:
    """Best first. `candidates`: readers weighed. `degraded`: the item has no vector (yet)."""

    items: tuple[SuitedReader, ...]
    candidates: int
    version: int
    degraded: bool


@dataclass(frozen=True)
class _Served:
    version: int
    bridge: ContentBridge
    read: Interactions
    history: sparse.csr_array  # of the same readers, with the columns of the bridge
    read_at: float


class NewItemReaders:
    """Answers from the bridge that serves. Safe for several threads."""

    def __init__(self, floor: Floor, registry: ModelRegistry) -> None:
        self._floor = floor
        self._registry = registry
        self._lock = threading.Lock()
        self._kept: _Served | None = None

    def readers_for(self, item_id: int, limit: int = 50) -> SuitedReaders:
        """Readers whom the item suits and who have not liked it yet. `NotFound` for an unknown
        item, `RetryLater` until a bridge serves."""
        content = load_contents(self._floor, [item_id]).get(item_id)
        if content is None:
            raise NotFound(f"There is no item {item_id}", item_id=item_id)
        served = self._served()
        places = _candidates(served, item_id, served.bridge.columns([content]))
        scores = served.bridge.scores(served.history[places], [content])[:, 0]
        best = places[np.argsort(-scores, kind="stable")[:limit]]
        reasons = served.bridge.because(served.history[best], content) if len(best) else []
        return SuitedReaders(
            items=self._told(served.read.readers[best], reasons),
            candidates=len(places),
            version=served.version,
            degraded=content.vector is None,
        )

    def extend(self, model: CoReadingModel) -> CoReadingModel:
        """The co-reading model with the newest published items it does not know. Their columns
        are as long as the model's own usually are, so that neither crowds out the other. The
        model itself while no bridge serves."""
        served = self._current()
        ids = self._unread(model) if served is not None else []
        if served is None or not ids:
            return model
        contents = load_contents(self._floor, ids)
        wide = served.bridge.columns(list(contents.values()))
        both, ours, theirs = np.intersect1d(served.bridge.items, model.items, return_indices=True)
        place = sparse.csr_array(
            (np.ones(len(both), np.float32), (theirs, ours)),
            shape=(len(model.items), len(served.bridge.items)),
        )
        columns = sparse.csr_array(place @ wide)
        scale = _usual_length(model.weights) / max(_usual_length(columns), 1e-9)
        return model.extended(np.array(list(contents), np.int64), columns * np.float32(scale))

    def _told(self, readers: Ids, reasons: Sequence[Because]) -> tuple[SuitedReader, ...]:
        ids = sorted({before.item for one in reasons for before in one.read})
        with self._floor.db.reading() as session:
            query = select(ItemRow.id, ItemRow.title).where(ItemRow.id.in_(ids))
            titles = {row.id: row.title for row in session.execute(query)}
        return tuple(
            SuitedReader(
                reader_id=int(reader),
                score=why.score,
                parts=why.parts,
                read=tuple(
                    ReadTitle(one.item, titles.get(one.item, ""), one.weight, one.shared)
                    for one in why.read
                ),
            )
            for reader, why in zip(readers, reasons, strict=True)
        )

    def _served(self) -> _Served:
        served = self._current()
        if served is None:
            raise RetryLater(
                "No model for new items serves yet; it is trained at night once readers have "
                "liked enough items",
                after_seconds=_TRAIN_AGAIN,
            )
        return served

    def _current(self) -> _Served | None:
        active = self._registry.active(ModelKind.CONTENT_BRIDGE)
        if active is None:
            return None
        # One thread at a time: reading histories twice would cost memory twice.
        with self._lock:
            kept = self._kept
            if kept is None or kept.version != active.version:
                kept = self._loaded(active.version)
            elif time.monotonic() - kept.read_at > KEEP_SECONDS:
                kept = self._with_histories(kept.version, kept.bridge)
            self._kept = kept
        return kept

    def _loaded(self, version: int) -> _Served | None:
        try:
            blob = self._registry.load(ModelKind.CONTENT_BRIDGE, version)
            return self._with_histories(version, ContentBridge.from_bytes(blob))
        except (InvalidInput, NotFound) as error:
            log.warning("content_bridge_not_usable", version=version, reason=error.message)
            return None

    def _with_histories(self, version: int, bridge: ContentBridge) -> _Served:
        read = of_likes(load_likes(self._floor, self._floor.clock.now() - WINDOW))
        return _Served(version, bridge, read, _on(read, bridge.items), time.monotonic())

    def _unread(self, model: CoReadingModel) -> list[int]:
        query = (
            select(ItemRow.id)
            .where(ItemRow.state == ItemState.PUBLISHED.value)
            .order_by(ItemRow.published_at.desc(), ItemRow.id.desc())
            .limit(NEW_ITEMS)
        )
        with self._floor.db.reading() as session:
            found = np.array(session.scalars(query).all(), np.int64)
        return [int(one) for one in np.setdiff1d(found, model.items)]


def _candidates(served: _Served, item_id: int, column: sparse.csr_array) -> Ids:
    """Places of readers with a history who have not liked the item."""
    free = np.diff(served.history.indptr) > 0
    liked = np.flatnonzero(served.read.items == item_id)
    free[served.read.matrix[:, liked].nonzero()[0]] = False
    places = np.flatnonzero(free)
    if len(places) <= MOST_READERS:
        return places
    likely: Floats = (served.history[places] @ column).toarray()[:, 0]
    return np.sort(places[np.argsort(-likely, kind="stable")[:MOST_READERS]])


def _on(read: Interactions, items: Ids) -> sparse.csr_array:
    """Histories (readers, items) with the columns of a bridge."""
    _, theirs, ours = np.intersect1d(read.items, items, return_indices=True)
    place = sparse.csr_array(
        (np.ones(len(ours), np.float32), (theirs, ours)), shape=(len(read.items), len(items))
    )
    return sparse.csr_array(read.matrix @ place)


def _usual_length(columns: sparse.csr_array) -> float:
    lengths = np.sqrt(np.asarray(columns.multiply(columns).sum(axis=0)).ravel())
    told = lengths[lengths > 0.0]
    return float(np.median(told)) if len(told) else 0.0
