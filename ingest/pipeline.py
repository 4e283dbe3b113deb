"""The pipeline: from `received` to `ready`, for a batch of items at once.

Read, prepare, embed and decide without a transaction; then write everything in one short
one. Every step may be repeated. An item changed or taken meanwhile is left alone: its version
no longer fits, and its own fact will bring it here again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import structlog
from sqlalchemy import select
from sqlalchemy.orm import Session

from contentcenter.clock import Clock
from contentcenter.domain.content import INDEXED_STATES, ItemState
from contentcenter.domain.errors import ContentCenterError, ModelMismatch, RetryLater
from contentcenter.domain.facts import ItemChanged
from contentcenter.embedding.items import Embedded, embed, texts_of
from contentcenter.embedding.ports import Embedder, Vectors
from contentcenter.search.ports import Filters, SearchIndex
from contentcenter.store.database import Database
from contentcenter.store.tables import ItemRow
from contentcenter.text.analysis import Analyser
from ingest.context import Context, load_context
from ingest.deciding import Decision, decide
from ingest.preparing import Incoming, Prepared, prepare
from ingest.storing import store_decisions
from ingest.writing import ItemWriter

log = structlog.get_logger()
BATCH = 64
ACTOR = "pipeline"
NEIGHBOURS = 12


@dataclass
class Report:
    """What became of a batch; `skipped` were no longer waiting."""

    ready: list[int] = field(default_factory=list)
    published: list[int] = field(default_factory=list)
    failed: dict[int, str] = field(default_factory=dict)
    skipped: list[int] = field(default_factory=list)


class Pipeline:
    """`process` is the job's one call."""

    def __init__(
        self,
        db: Database,
        clock: Clock,
        index: SearchIndex,
        embedder: Embedder,
        analyser: Analyser,
    ) -> None:
        self._db = db
        self._clock = clock
        self._index = index
        self._embedder = embedder
        self._analyser = analyser

    def process(self, item_ids: Sequence[int]) -> Report:
        """Bring received items to `ready`, or `failed` with a reason; others are skipped.

        Raises `EngineUnavailable` when the embedder or the database is away: the items of
        that batch stay `received`, and the same call may be repeated.
        """
        report = Report()
        ids = list(dict.fromkeys(item_ids))
        for start in range(0, len(ids), BATCH):
            self._process_batch(ids[start : start + BATCH], report)
        return report

    def _process_batch(self, ids: Sequence[int], report: Report) -> None:
        waiting = self._waiting(ids)
        prepared = self._prepare(waiting, report)
        embedded = self._embed(prepared, report)
        done = {item_id: prepared[item_id] for item_id in embedded}
        near = self._neighbours({item_id: part.item for item_id, part in embedded.items()})
        with self._db.reading() as session:
            context = load_context(session, done, near)
        versions = {item.id: item.version for item in waiting}
        decisions = self._decide(done, context, report)
        self._write(decisions, embedded, versions, report)
        handled = {*report.ready, *report.published, *report.failed}
        report.skipped += [item_id for item_id in ids if item_id not in handled]

    def _waiting(self, ids: Sequence[int]) -> list[Incoming]:
        with self._db.reading() as session:
            query = select(ItemRow).where(ItemRow.id.in_(ids), ItemRow.state == ItemState.RECEIVED)
            return [
                Incoming(row.id, row.version, row.title, row.summary, row.body)
                for row in session.scalars(query.order_by(ItemRow.id))
            ]

    def _prepare(self, items: Sequence[Incoming], report: Report) -> dict[int, Prepared]:
        done: dict[int, Prepared] = {}
        for item in items:
            try:
                done[item.id] = prepare(item, self._analyser)
            except Exception as error:  # noqa: BLE001 - one odd text must not stop the batch
                report.failed[item.id] = explain(error)
        return done

    def _embed(self, prepared: Mapping[int, Prepared], report: Report) -> dict[int, Embedded]:
        texts = {one.item.id: texts_of(one.item.title, one.text) for one in prepared.values()}
        done, faults = embed(self._embedder, texts)
        report.failed.update(faults)
        return done

    def _neighbours(self, vectors: Mapping[int, Vectors]) -> dict[int, list[int]]:
        """Ids of near items; an index that is away or of another model costs hints only."""
        if not vectors:
            return {}
        filters = Filters(states=tuple(INDEXED_STATES))
        try:
            rows = self._index.nearest(np.stack(list(vectors.values())), filters, NEIGHBOURS)
        except (RetryLater, ModelMismatch) as error:
            log.warning("neighbours_unavailable", reason=error.message)
            return {}
        return {
            item_id: [hit.id for hit in hits if hit.id != item_id]
            for item_id, hits in zip(vectors, rows, strict=True)
        }

    def _decide(
        self, prepared: Mapping[int, Prepared], context: Context, report: Report
    ) -> list[Decision]:
        decisions: list[Decision] = []
        for item_id, one in prepared.items():
            try:
                decisions.append(decide(one, context))
            except Exception as error:  # noqa: BLE001 - one odd item must not stop the batch
                report.failed[item_id] = explain(error)
        return decisions

    def _write(
        self,
        decisions: Sequence[Decision],
        embedded: Mapping[int, Embedded],
        versions: Mapping[int, int],
        report: Report,
    ) -> None:
        identity = self._embedder.identity()
        with self._db.transaction() as session:
            writer = ItemWriter(session, ACTOR, self._clock.now())
            rows = _still_waiting(session, versions)
            fit = [decision for decision in decisions if decision.item_id in rows]
            published = store_decisions(writer, rows, fit, embedded, identity)
            report.published += sorted(published)
            report.ready += [one.item_id for one in fit if one.item_id not in published]
            for item_id in report.failed.keys() & rows.keys():
                row, reason = rows[item_id], report.failed[item_id]
                row.failure = reason
                writer.move(row, ItemState.FAILED, ItemChanged(row.id), "failed", reason=reason)


def _still_waiting(session: Session, versions: Mapping[int, int]) -> dict[int, ItemRow]:
    """The rows that nobody touched since they were read, locked where the database can."""
    query = select(ItemRow).where(ItemRow.id.in_(list(versions))).with_for_update()
    return {
        row.id: row
        for row in session.scalars(query)
        if row.version == versions[row.id] and row.state == ItemState.RECEIVED
    }


def explain(error: Exception) -> str:
    """A failure as the editor reads it."""
    if isinstance(error, RetryLater):
        raise error
    if isinstance(error, ContentCenterError):
        return error.message
    log.exception("item_failed", error_type=type(error).__name__)
    return f"处理时出错：{type(error).__name__}: {error}"[:500]
