"""Writing one generation: columns and vectors first, the text commit decides, then the news.

Order of a batch (all of it under the write lock for the live generation):

1. mark the rows table dirty with the new sequence number s + 1;
2. append vectors, labels, lists and rows (`born` = s + 1), mark replaced rows (`died` = s + 1);
3. bring those files to the disk, publish the row count;
4. commit the text index with a marker document that says s + 1: from here the batch counts;
5. clear the dirty mark, raise VERSION.

A process killed before 4 leaves rows that no sequence number can see; the next writer takes
them back. Killed after 4, the batch is complete, and the next writer only clears the mark.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from contentcenter.search.batches import batch_dimension, newest_of_each
from contentcenter.search.embedded import batch
from contentcenter.search.embedded.labels import LabelWriter
from contentcenter.search.embedded.layout import Layout, Live, ModelRecord
from contentcenter.search.embedded.rows import (
    COUNT,
    DIRTY,
    LISTS,
    NAME,
    NEVER,
    SPEC,
    create_rows,
    last,
    list_spec,
    visible_rows,
)
from contentcenter.search.embedded.table import Column, Table
from contentcenter.search.embedded.text_index import LIVE_HEAP, TextReader, TextWriter
from contentcenter.search.embedded.vectors import VectorWriter
from contentcenter.search.ports import IndexDocument

FIRST_ROWS = "r1"
Ints = npt.NDArray[np.int64]


def create_generation(layout: Layout, name: str, record: ModelRecord) -> Live:
    """An empty generation on disk, not yet live."""
    live = Live(name, FIRST_ROWS)
    shutil.rmtree(layout.root / name, ignore_errors=True)
    create_rows(layout.rows(live))
    TextWriter.create(layout.text(name))
    layout.write_model(name, record)
    return live


class GenerationWriter:
    """One writing session on one generation: stage puts and removes, then `commit`.

    The caller makes sure that it is alone. Used as a context; leaving it without a commit
    undoes everything.
    """

    def __init__(
        self, layout: Layout, live: Live, *, heap: int = LIVE_HEAP, threads: int = 1
    ) -> None:
        self._layout, self._live = layout, live
        folder = layout.rows(live)
        text_folder = layout.text(live.generation)
        self._folder = folder
        self._record = layout.read_model(live.generation)
        self._rows = Table(folder, NAME, SPEC, writable=True)
        committed = TextReader(text_folder).snapshot().sequence
        # True: another writer died here, and its last batch may be new to everybody.
        self.recovered = take_back(self._rows, committed)
        self._sequence = committed + 1
        self._count = visible_rows(self._rows, committed)
        self._lists = {n: Table(folder, n, list_spec(n), writable=True) for n in LISTS}
        self._labels = LabelWriter(folder, self._end("labels_end"))
        self._vectors: VectorWriter | None = None
        self._highest = int(self._column("id").max(initial=-1))
        self._text = TextWriter(text_folder, heap=heap, threads=threads)
        self.changed = False
        self._closed = False

    def __enter__(self) -> GenerationWriter:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of everything; what was not committed never counts."""
        if self._closed:
            return
        self._closed = True
        self._text.close()
        # Rows that were staged and not committed stay behind, dirty: the next writer asks the
        # text index whether they count. Nobody sees them until then.
        self._labels.close()
        for table in (self._rows, *self._lists.values()):
            table.close()
        if self._vectors is not None:
            self._vectors.close()

    def put(self, documents: Sequence[IndexDocument]) -> None:
        dimension = batch_dimension(documents, self._expected_dimension())
        stored = self._live_rows([document.id for document in documents])
        fresh = [d for d in newest_of_each(documents) if self._is_fresh(d, stored)]
        if not fresh:
            return
        self._mark_dirty()
        self._take_dimension(dimension)
        replaced = [stored[d.id] for d in fresh if d.id in stored]
        self._text.delete([d.id for d in fresh if d.id in stored])
        serial = last(self._columns(), "serial") + 1 if self._count else 0
        self._append(fresh, serial)
        for offset, document in enumerate(fresh):
            self._text.add(document, serial + offset)
        self._kill(replaced)

    def remove(self, ids: Sequence[int]) -> None:
        stored = self._live_rows(ids)
        if stored:
            self._mark_dirty()
            self._text.delete(list(stored))
            self._kill(list(stored.values()))

    def commit(self) -> None:
        """Make everything staged so far count, at once."""
        if not self.changed:
            return
        for table in self._lists.values():
            table.sync()
        self._labels.sync()
        if self._vectors is not None:
            self._vectors.sync()
        self._rows.header[COUNT] = self._count
        self._rows.sync()
        self._text.commit(self._sequence)
        self._rows.header[DIRTY] = 0
        self._sequence += 1
        self.changed = False

    @property
    def dimension(self) -> int:
        return self._record.dimension

    @property
    def count(self) -> int:
        """Rows, dead ones included."""
        return self._count

    def dead_share(self) -> float:
        """Share of rows that nobody will see again."""
        if not self._count:
            return 0.0
        return float(np.count_nonzero(self._column("died") != NEVER)) / self._count

    def _expected_dimension(self) -> int:
        record = self._record
        if record.model is None and not self._column("has_vector").any():
            return 0
        return record.dimension

    def _take_dimension(self, dimension: int) -> None:
        if dimension != self._record.dimension:
            self._record = ModelRecord(dimension, self._record.model)
            self._layout.write_model(self._live.generation, self._record)
        if dimension and self._vectors is None:
            self._vectors = VectorWriter(self._folder, dimension)

    def _columns(self) -> dict[str, Column]:
        return {name: column[: self._count] for name, column in self._rows.columns.items()}

    def _column(self, name: str) -> Column:
        return self._rows.columns[name][: self._count]

    def _end(self, name: str) -> int:
        return int(self._column(name)[-1]) if self._count else 0

    def _live_rows(self, ids: Sequence[int]) -> dict[int, int]:
        """Row of each id that is stored, staged rows included."""
        known = [one for one in ids if one <= self._highest]
        if not known:
            return {}
        column: Ints = self._column("id")
        found = np.flatnonzero(np.isin(column, np.array(known, dtype=np.int64)))
        found = found[self._column("died")[found] == NEVER]
        return dict(zip(column[found].tolist(), found.tolist(), strict=True))

    def _is_fresh(self, document: IndexDocument, stored: dict[int, int]) -> bool:
        row = stored.get(document.id)
        return row is None or int(self._column("revision")[row]) <= document.revision

    def _mark_dirty(self) -> None:
        if not self.changed:
            self._rows.header[DIRTY] = self._sequence
            self._rows.sync()
            self.changed = True

    def _append(self, documents: Sequence[IndexDocument], serial: int) -> None:
        codes = self._labels.codes(batch.all_labels(documents))
        columns = batch.row_columns(documents, codes, serial, self._sequence)
        self._append_vectors(documents, columns["scale"])
        for name, table in self._lists.items():
            values = batch.list_values(documents, name, codes)
            start = self._end(f"{name}_end")
            sizes = np.array([len(one) for one in values], dtype=np.int64)
            columns[f"{name}_end"] = start + np.cumsum(sizes)
            if sizes.any():
                kind = dict(list_spec(name))["value"]
                table.append(start, batch.flat_list(values, self._count, kind))
        columns["labels_end"] = np.full(len(documents), self._labels.count, np.int64)
        self._rows.append(self._count, columns)
        self._count += len(documents)
        self._highest = max(self._highest, int(columns["id"].max()))

    def _append_vectors(self, documents: Sequence[IndexDocument], scales: Column) -> None:
        if self._vectors is None:
            if self._record.dimension == 0:
                return
            self._vectors = VectorWriter(self._folder, self._record.dimension)
        positions, vectors = batch.stacked_vectors(documents)
        size = self._count + len(documents)
        scales[positions] = self._vectors.append(self._count + positions, vectors, size)

    def _kill(self, rows: Sequence[int]) -> None:
        self._rows.columns["died"][np.array(rows, dtype=np.int64)] = self._sequence


def take_back(rows: Table, committed: int) -> bool:
    """Undo what a writer left behind that did not come to its commit. False: all was well."""
    if not int(rows.header[DIRTY]):
        return False
    if int(rows.header[DIRTY]) > committed:
        died: Ints = rows.columns["died"]
        died[(died > committed) & (died != NEVER)] = NEVER
        rows.header[COUNT] = visible_rows(rows, committed)
    rows.header[DIRTY] = 0
    rows.sync()
    return True
