"""The embedded engine behind the search port."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

import numpy as np
import numpy.typing as npt
import structlog

from contentcenter.domain.errors import InvalidInput, ModelMismatch
from contentcenter.embedding.ports import ModelIdentity, Vectors
from contentcenter.search.embedded import journal, kernels
from contentcenter.search.embedded.compaction import compact
from contentcenter.search.embedded.facets import count_facets
from contentcenter.search.embedded.faults import engine_errors
from contentcenter.search.embedded.journal import Batch
from contentcenter.search.embedded.layout import FORMAT, Layout, Live, ModelRecord, VersionCounter
from contentcenter.search.embedded.lexical import lexical_hits
from contentcenter.search.embedded.lock import FileLock
from contentcenter.search.embedded.masks import EVERYTHING
from contentcenter.search.embedded.rebuild import (
    EmbeddedRebuild,
    journal_wanted,
    rebuilding,
    remove_old_generations,
)
from contentcenter.search.embedded.rows import folder_bytes
from contentcenter.search.embedded.selecting import sorted_page
from contentcenter.search.embedded.snapshot import Reader, Snapshot
from contentcenter.search.embedded.writer import GenerationWriter, create_generation
from contentcenter.search.ports import (
    Filters,
    Hit,
    IndexDocument,
    IndexStats,
    LexicalQuery,
    Mark,
    Order,
    Page,
)

log = structlog.get_logger()

_COMPACT_ABOVE = 0.2
# Below this many rows dead ones cost nothing worth a copy.
_COMPACT_FROM_ROWS = 1000


class EmbeddedIndex:
    """An index in one folder. Any number of processes may open it, fork with it and write to
    it; writers wait for each other. Made on first use; opening takes milliseconds."""

    def __init__(self, path: Path) -> None:
        self._layout = Layout(path)
        self._write_lock = FileLock(self._layout.write_lock)
        with engine_errors():
            path.mkdir(parents=True, exist_ok=True)
            self._version = VersionCounter(self._layout.version)
            self._make_if_new()
        self._reader = Reader(self._layout, self._version)

    def put(self, documents: Sequence[IndexDocument]) -> None:
        if documents:
            self._write(Batch(documents=tuple(documents)))

    def remove(self, ids: Sequence[int]) -> None:
        if ids:
            self._write(Batch(removed=tuple(ids)))

    def lexical(self, query: LexicalQuery, filters: Filters, limit: int) -> list[Hit]:
        if limit <= 0:
            return []
        with engine_errors():
            return lexical_hits(self._snapshot(), query, filters, limit)

    def nearest(self, vectors: Vectors, filters: Filters, limit: int) -> list[list[Hit]]:
        queries = np.atleast_2d(np.asarray(vectors, dtype=np.float32))
        now = self._snapshot()
        _check_queries(queries, now.model.dimension)
        view = now.rows
        if view.vectors is None or limit <= 0 or not len(queries):
            return [[] for _ in queries]
        mask = view.searchable
        if filters != EVERYTHING:
            mask = now.masks.mask(filters) & mask
        allowed = None if filters == EVERYTHING and mask.all() else mask
        answers = view.vectors.nearest(kernels.unit(queries), view.columns["scale"], allowed, limit)
        return [_hits(view.columns["id"][rows], cosines) for rows, cosines in answers]

    def vectors(self, ids: Sequence[int]) -> Mapping[int, Vectors]:
        now = self._snapshot()
        if now.rows.vectors is None:
            return {}
        rows = now.ids.rows(ids)
        rows = rows[now.rows.searchable[rows]]
        found = now.rows.vectors.read(rows)
        return dict(zip(now.rows.columns["id"][rows].tolist(), found, strict=True))

    def select(self, filters: Filters, limit: int, order: Order = Order.NEWEST) -> list[int]:
        return list(self.page(filters, limit, order).ids)

    def page(
        self, filters: Filters, limit: int, order: Order = Order.NEWEST, after: Mark | None = None
    ) -> Page:
        now = self._snapshot()
        return sorted_page(now.rows, now.masks.mask(filters), limit, order, after)

    def facets(
        self, ids: Iterable[int] | None, filters: Filters, names: Sequence[str], size: int = 20
    ) -> dict[str, list[tuple[str, int]]]:
        now = self._snapshot()
        mask = now.masks.mask(filters)
        rows = np.flatnonzero(mask)
        if ids is not None:
            rows = now.ids.rows(ids)
            rows = rows[mask[rows]]
        return {name: count_facets(now.rows, rows, name, size) for name in names}

    def rebuild(self, model: ModelIdentity) -> AbstractContextManager[EmbeddedRebuild]:
        return rebuilding(self._layout, self._version, model)

    def stats(self) -> IndexStats:
        now = self._snapshot()
        documents = int(np.count_nonzero(now.rows.alive))
        folders = (self._layout.text(now.live.generation), now.rows.folder)
        return IndexStats(
            documents=documents,
            vectors=int(np.count_nonzero(now.rows.searchable)),
            disk_bytes=sum(folder_bytes(folder) for folder in folders),
            model=now.model.model,
            details={
                "engine": "embedded",
                "generation": now.live.generation,
                "rows": now.rows.count,
                "dimension": now.model.dimension,
                "text_documents": now.text.documents,
                "consistent": documents == now.text.documents,
            },
        )

    def _snapshot(self) -> Snapshot:
        return self._reader.snapshot()

    def _make_if_new(self) -> None:
        if self._is_readable():
            return
        with self._write_lock.hold():
            if not self._is_readable():
                self._start_empty()

    def _is_readable(self) -> bool:
        layout = self._layout
        return layout.pointer.exists() and layout.read_format() == FORMAT

    def _start_empty(self) -> None:
        layout = self._layout
        if layout.pointer.exists():
            log.warning(
                "search_index_discarded",
                reason="it was written in another format; fill it again from the store",
                folder=str(layout.root),
                found=layout.read_format(),
                expected=FORMAT,
            )
        live = create_generation(layout, layout.next_generation(), ModelRecord(0, None))
        layout.write_live(live)
        self._version.bump()
        layout.journal.unlink(missing_ok=True)
        remove_old_generations(layout)

    def _write(self, one: Batch) -> None:
        with engine_errors(), self._write_lock.hold():
            live = self._layout.read_live()
            with GenerationWriter(self._layout, live) as writer:
                writer.put(one.documents)
                writer.remove(one.removed)
                if journal_wanted(self._layout):
                    journal.append(self._layout.journal, one)
                news = writer.changed or writer.recovered
                writer.commit()
                if news:
                    self._version.bump()
                crowded = writer.count > _COMPACT_FROM_ROWS and writer.dead_share() > _COMPACT_ABOVE
            if crowded:
                self._compact(live)

    def _compact(self, live: Live) -> None:
        target = compact(self._layout, live)
        self._layout.write_live(target)
        self._version.bump()
        shutil.rmtree(self._layout.rows(live), ignore_errors=True)


def _check_queries(queries: Vectors, dimension: int) -> None:
    if not np.isfinite(queries).all():
        raise InvalidInput("A query vector must be finite numbers.")
    if dimension and queries.shape[1] != dimension:
        raise ModelMismatch(
            "The question was embedded by another model than the index.",
            expected=dimension,
            found=queries.shape[1],
        )


def _hits(ids: npt.NDArray[np.int64], scores: npt.NDArray[np.float32]) -> list[Hit]:
    pairs = zip(ids.tolist(), scores.tolist(), strict=True)
    return [Hit(one, score) for one, score in pairs]
