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
from recommend.beside import Run, at_once
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
# So long the first question of a process waits for histories, before it is told to come back.
FIRST_WAIT_SECONDS = 1.0
_TRAIN_AGAIN = 3_600.0
_READ_AGAIN = 5.0


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
class _Bridge:
    version: int
    bridge: ContentBridge


@dataclass(frozen=True)
class _Served:
    version: int
    bridge: ContentBridge
    read: Interactions
    history: sparse.csr_array  # of the same readers, with the columns of the bridge
    read_at: float


class NewItemReaders:
    """Answers from the bridge that serves. Safe for several threads. `run` says when a bridge
    is loaded and histories are read: with `beside_pages`, whoever asks goes on with the ones
    before, and only the first of a process waits a moment for them."""

    def __init__(self, floor: Floor, registry: ModelRegistry, *, run: Run = at_once) -> None:
        self._floor = floor
        self._registry = registry
        self._run = run
        self._lock = threading.Lock()  # of the bridge
        self._bridge: _Bridge | None = None
        self._unusable: int | None = None
        self._turn = threading.Lock()  # of reading histories
        self._read_first = threading.Event()
        self._kept: _Served | None = None

    def readers_for(self, item_id: int, limit: int = 50) -> SuitedReaders:
        """Readers whom the item suits and who have not liked it yet. `NotFound` for an unknown
        item, `RetryLater` until a bridge serves and this process has read the histories."""
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
        loaded = self._loaded()
        ids = self._unread(model) if loaded is not None else []
        if loaded is None or not ids:
            return model
        contents, known = load_contents(self._floor, ids), loaded.bridge.items
        wide = loaded.bridge.columns(list(contents.values()))
        both, ours, theirs = np.intersect1d(known, model.items, return_indices=True)
        place = sparse.csr_array(
            (np.ones(len(both), np.float32), (theirs, ours)), shape=(len(model.items), len(known))
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
        active = self._registry.active(ModelKind.CONTENT_BRIDGE)
        if active is None or active.version == self._unusable:
            raise _no_bridge()
        kept = self._kept
        if kept is None or kept.version != active.version or _old(kept):
            self._run(self._read)
        if self._kept is None:
            self._read_first.wait(FIRST_WAIT_SECONDS)
        if self._kept is None:
            raise _no_bridge() if active.version == self._unusable else _not_read()
        return self._kept

    def _read(self) -> None:
        """Histories anew, for the bridge that serves; one thread at a time."""
        if not self._turn.acquire(blocking=False):
            return
        try:
            loaded = self._loaded()
            self._kept = None if loaded is None else self._with_histories(loaded)
            if self._kept is not None or self._unusable is not None:
                self._read_first.set()
        finally:
            self._turn.release()

    def _loaded(self) -> _Bridge | None:
        """The bridge that serves, loaded once a version; None when there is none to use."""
        active = self._registry.active(ModelKind.CONTENT_BRIDGE)
        if active is None or active.version == self._unusable:
            return None
        # One thread at a time: a bridge loaded twice would cost memory twice.
        with self._lock:
            if self._bridge is None or self._bridge.version != active.version:
                self._bridge = self._load(active.version)
            return self._bridge

    def _load(self, version: int) -> _Bridge | None:
        try:
            blob = self._registry.load(ModelKind.CONTENT_BRIDGE, version)
            return _Bridge(version, ContentBridge.from_bytes(blob))
        except (InvalidInput, NotFound) as error:
            log.warning("content_bridge_not_usable", version=version, reason=error.message)
            self._unusable = version
            return None

    def _with_histories(self, loaded: _Bridge) -> _Served:
        read = of_likes(load_likes(self._floor, self._floor.clock.now() - WINDOW))
        history = _on(read, loaded.bridge.items)
        return _Served(loaded.version, loaded.bridge, read, history, time.monotonic())

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


def _old(served: _Served) -> bool:
    return time.monotonic() - served.read_at > KEEP_SECONDS


def _no_bridge() -> RetryLater:
    return RetryLater(
        "No model for new items serves yet; it is trained at night once readers have liked "
        "enough items",
        after_seconds=_TRAIN_AGAIN,
    )


def _not_read() -> RetryLater:
    return RetryLater(
        "What readers liked is being read for the first time; ask again in a moment",
        after_seconds=_READ_AGAIN,
    )


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
