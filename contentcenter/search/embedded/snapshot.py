"""What a reader holds: words, columns and vectors of one and the same commit."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from threading import Lock

from contentcenter.domain.errors import EngineUnavailable
from contentcenter.search.embedded.ids import IdMap
from contentcenter.search.embedded.layout import Layout, Live, ModelRecord, VersionCounter
from contentcenter.search.embedded.masks import Masks
from contentcenter.search.embedded.rows import RowView, open_view
from contentcenter.search.embedded.text_index import TextReader, TextSnapshot

# A switch of generations takes milliseconds; whoever needs longer than this to see one
# settled state is looking at a damaged index.
_PATIENCE_SECONDS = 5.0


@dataclass(frozen=True)
class Snapshot:
    """Immutable; safe for threads."""

    live: Live
    version: int
    text: TextSnapshot
    rows: RowView
    ids: IdMap
    masks: Masks
    model: ModelRecord


class Reader:
    """Gives the newest snapshot. Asking costs one small read while nothing has changed.

    Of a forked child: the inherited snapshot stays good (it is mapped memory), but a lock
    may have been held by a thread that does not exist in the child, so it gets a new one.
    """

    def __init__(self, layout: Layout, version: VersionCounter) -> None:
        self._layout = layout
        self._version = version
        self._process = os.getpid()
        self._lock = Lock()
        self._text: tuple[str, TextReader] | None = None
        self._snapshot: Snapshot | None = None

    def snapshot(self) -> Snapshot:
        """The state after the last finished write of any process."""
        version = self._version.read()
        current = self._snapshot
        if current is not None and current.version >= version:
            return current
        with self._own_lock():
            current = self._snapshot
            if current is None or current.version < version:
                current = self._open_patiently()
                self._snapshot = current
            return current

    def _own_lock(self) -> Lock:
        if self._process != os.getpid():
            self._process = os.getpid()
            self._lock = Lock()
        return self._lock

    def _open_patiently(self) -> Snapshot:
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while True:
            try:
                found = self._open()
            except (OSError, ValueError) as error:
                # A switch removed the files between the look at the pointer and the opening.
                if time.monotonic() > deadline:
                    raise EngineUnavailable(
                        "The search index cannot be opened; rebuild it.", cause=str(error)
                    ) from error
                self._text = None
                time.sleep(0.005)
                continue
            if found is not None:
                return found

    def _open(self) -> Snapshot | None:
        """Open what the pointer names, or None when the pointer moved meanwhile."""
        version = self._version.read()
        live = self._layout.read_live()
        text = self._reader_of(live.generation).snapshot()
        model = self._layout.read_model(live.generation)
        rows = open_view(self._layout.rows(live), text.sequence, model.dimension)
        if self._layout.read_live() != live:
            return None
        earlier = self._snapshot
        same = earlier is not None and earlier.live == live
        base = earlier.ids if earlier is not None and same else None
        ids = IdMap(rows.columns["id"], rows.alive, base)
        return Snapshot(live, version, text, rows, ids, Masks(rows, ids), model)

    def _reader_of(self, generation: str) -> TextReader:
        if self._text is None or self._text[0] != generation:
            self._text = (generation, TextReader(self._layout.text(generation)))
        return self._text[1]
