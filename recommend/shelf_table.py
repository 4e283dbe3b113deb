"""Items of the shelf as columns: each laid out once, then gathered for every page.

A page reads three hundred items. To walk that many objects for their numbers and to centre
that many vectors took longer than to score them.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from contentcenter.embedding.ports import Vectors
from recommend.corpus import CorpusView
from recommend.matching.features import NUMBERS, Floats, LaidOut, centred_rows, number_rows
from recommend.matching.scores import TagCodes
from recommend.shelf import CACHED_ITEMS, ShelfItem

Codes = npt.NDArray[np.int32]
FIRST_ROWS = 256
NONE = -1  # the code of an empty text


@dataclass(frozen=True)
class ShelfColumns:
    """n items in the order asked. Codes (n,) are equal where the texts are; -1 for none."""

    told: LaidOut
    authors: Codes
    categories: Codes
    sources: Codes


class ShelfTable:
    """One per process; safe for several threads. An item that was read anew is another object
    and is laid out anew; a full table starts again from nothing."""

    def __init__(self, size: int = CACHED_ITEMS) -> None:
        self._size = size
        self._lock = threading.Lock()
        self._laid: _Laid | None = None

    def columns(self, items: Sequence[ShelfItem], corpus: CorpusView) -> ShelfColumns:
        """Columns of these items, centred as `corpus` says."""
        with self._lock:
            laid = self._laid
            if laid is None or len(laid.held) > self._size or not corpus.centres_like(laid.corpus):
                laid = self._laid = _Laid(corpus)
            # Copies: rows may be laid out anew while they are read.
            vectors, numbers, codes, tags = laid.rows(items)
        told = LaidOut.from_rows([one.match for one in items], vectors, numbers, tags)
        return ShelfColumns(told, *codes.T)


class _Laid:
    """Rows of items, in the order in which they came; `slots` says where each lies."""

    def __init__(self, corpus: CorpusView) -> None:
        self.corpus = corpus
        self.held: list[ShelfItem] = []
        self._slots: dict[int, int] = {}
        self._known: dict[str, int] = {}
        self._known_tags: dict[str, int] = {}
        self._vectors = np.zeros((0, corpus.dimension), dtype=np.float32)
        self._numbers = np.zeros((0, len(NUMBERS)), dtype=np.float64)
        self._codes: Codes = np.zeros((0, 3), dtype=np.int32)
        self._tags: Codes = np.zeros((0, 0), dtype=np.int32)

    def rows(self, items: Sequence[ShelfItem]) -> tuple[Vectors, Floats, Codes, TagCodes]:
        """Vectors, numbers, codes (author, category, source) and tags of these items."""
        slots = [self._slots.get(one.match.id, NONE) for one in items]
        held = self.held
        new = [
            one
            for one, slot in zip(items, slots, strict=True)
            if slot == NONE or held[slot] is not one
        ]
        if new:
            self._lay_out(new)
            slots = [self._slots[one.match.id] for one in items]
        at = np.array(slots, dtype=np.intp)
        tags = TagCodes(self._tags.take(at, 0), self._known_tags)
        return self._vectors.take(at, 0), self._numbers.take(at, 0), self._codes.take(at, 0), tags

    def _lay_out(self, items: Sequence[ShelfItem]) -> None:
        slots = [self._slot(one) for one in items]
        self._make_room(len(self.held))
        matched = [one.match for one in items]
        self._vectors[slots] = centred_rows(matched, self.corpus)
        self._numbers[slots] = number_rows(matched)
        self._codes[slots] = [
            (self._code(one.author), self._code(one.match.category), self._code(one.source))
            for one in items
        ]
        self._lay_out_tags(slots, [one.tags for one in matched])

    def _lay_out_tags(self, slots: Sequence[int], tags: Sequence[tuple[str, ...]]) -> None:
        """As many columns as the item with the most tags needs; -1 after an item's last one."""
        most, known = max(map(len, tags)), self._known_tags
        if most > self._tags.shape[1]:
            more = most - self._tags.shape[1]
            self._tags = np.pad(self._tags, ((0, 0), (0, more)), constant_values=NONE)
        room = self._tags.shape[1]
        self._tags[slots] = [
            [known.setdefault(tag, len(known)) for tag in own] + [NONE] * (room - len(own))
            for own in tags
        ]

    def _slot(self, item: ShelfItem) -> int:
        slot = self._slots.setdefault(item.match.id, len(self.held))
        self.held[slot : slot + 1] = [item]
        return slot

    def _code(self, text: str) -> int:
        return self._known.setdefault(text, len(self._known)) if text else NONE

    def _make_room(self, rows: int) -> None:
        """Twice as many rows whenever they do not suffice."""
        have = len(self._codes)
        if rows > have:
            room = max(rows, 2 * have, FIRST_ROWS)
            self._vectors = _grown(self._vectors, room)
            self._numbers = _grown(self._numbers, room)
            self._codes = _grown(self._codes, room)
            self._tags = _grown(self._tags, room)


def _grown(table: npt.NDArray[Any], rows: int) -> npt.NDArray[Any]:
    out = np.zeros((rows, table.shape[1]), dtype=table.dtype)
    out[: len(table)] = table
    return out
