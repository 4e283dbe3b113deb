"""A new generation filled beside the live one, and the switch to it."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

from contentcenter.domain.errors import Conflict, InvalidInput
from contentcenter.embedding.ports import ModelIdentity
from contentcenter.search.embedded import journal
from contentcenter.search.embedded.faults import engine_errors
from contentcenter.search.embedded.layout import Layout, Live, ModelRecord, VersionCounter
from contentcenter.search.embedded.lock import FileLock
from contentcenter.search.embedded.text_index import BUILD_HEAP
from contentcenter.search.embedded.writer import GenerationWriter, create_generation
from contentcenter.search.ports import IndexDocument

_THREADS = 2


class EmbeddedRebuild:
    """Implements the rebuild port; made by `rebuilding`."""

    def __init__(
        self, writer: GenerationWriter, switch: Callable[[GenerationWriter], None]
    ) -> None:
        self._writer = writer
        self._switch = switch
        self.committed = False

    def put(self, documents: Sequence[IndexDocument]) -> None:
        if self.committed:
            raise InvalidInput("This rebuild is committed; write to the index itself.")
        with engine_errors():
            self._writer.put(documents)

    def commit(self) -> None:
        if not self.committed:
            with engine_errors():
                self._switch(self._writer)
            self.committed = True


@contextmanager
def rebuilding(
    layout: Layout, version: VersionCounter, model: ModelIdentity
) -> Iterator[EmbeddedRebuild]:
    """Build a generation for `model`. Only one rebuild may run: `Conflict` otherwise."""
    write_lock = FileLock(layout.write_lock)
    with FileLock(layout.rebuild_lock).hold_now() as free:
        if not free:
            raise Conflict("Another rebuild of the search index is running.")
        with write_lock.hold():
            live = _start(layout, model)

        def switch(writer: GenerationWriter) -> None:
            writer.commit()
            with write_lock.hold():
                _catch_up(layout, writer)
                writer.close()  # the next live write needs tantivy's lock
                _go_live(layout, version, live)

        try:
            with GenerationWriter(layout, live, heap=BUILD_HEAP, threads=_THREADS) as writer:
                rebuild = EmbeddedRebuild(writer, switch)
                yield rebuild
        finally:
            _clear_away(layout, write_lock)


def journal_wanted(layout: Layout) -> bool:
    """Whether a rebuild is running. Call it under the write lock.

    A journal whose rebuild was killed is removed here, or it would grow for ever.
    """
    if not layout.journal.exists():
        return False
    with FileLock(layout.rebuild_lock).hold_now() as free:
        if free:
            layout.journal.unlink()
    return not free


def _start(layout: Layout, model: ModelIdentity) -> Live:
    remove_old_generations(layout)
    layout.journal.write_bytes(b"")
    record = ModelRecord(model.dimension, model)
    return create_generation(layout, layout.next_generation(), record)


def _catch_up(layout: Layout, writer: GenerationWriter) -> None:
    for one in journal.read(layout.journal):
        if one.documents:
            writer.put(_of_dimension(one.documents, writer.dimension))
        if one.removed:
            writer.remove(one.removed)
    writer.commit()


def _of_dimension(documents: Sequence[IndexDocument], dimension: int) -> Sequence[IndexDocument]:
    """Documents written meanwhile with the old model's vectors keep their words only; the
    pipeline embeds them again."""
    return [
        replace(d, vector=None) if d.vector is not None and len(d.vector) != dimension else d
        for d in documents
    ]


def _go_live(layout: Layout, version: VersionCounter, live: Live) -> None:
    layout.write_live(live)
    version.bump()
    layout.journal.unlink()


def _clear_away(layout: Layout, write_lock: FileLock) -> None:
    with write_lock.hold():
        layout.journal.unlink(missing_ok=True)
        remove_old_generations(layout)


def remove_old_generations(layout: Layout) -> None:
    """Remove every generation but the live one. Readers that still map one keep it."""
    live = layout.read_live().generation
    for name in layout.generations():
        if name != live:
            shutil.rmtree(layout.root / name, ignore_errors=True)
