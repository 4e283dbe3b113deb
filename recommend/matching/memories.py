"""Memories and traits as matching reads them: from the store and the shelf into columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

import numpy as np
import numpy.typing as npt

from contentcenter.embedding.ports import Vectors
from contentcenter.floor import Floor
from contentcenter.store.cards import ItemCard
from recommend.collaborative.serving import CoReading
from recommend.corpus_service import CorpusService
from recommend.matching.echo import Ids, Remembered
from recommend.matching.memory import MemoryColumns
from recommend.matching.memory_store import load_recalled
from recommend.matching.replay import PastItem, laid_out
from recommend.matching.traits import TraitRows, Traits, TraitStatistics, people, trait_rows
from recommend.persona_math.decay import day_number
from recommend.shelf import Shelf, ShelfItem


class MemoryReader:
    """Reads what audiences answered to. Items that are no longer published are left out: they
    come back with their item."""

    def __init__(
        self, floor: Floor, shelf: Shelf, corpus: CorpusService, co_reading: CoReading
    ) -> None:
        self._floor = floor
        self._shelf = shelf
        self._corpus = corpus
        self._co_reading = co_reading

    def remembered(
        self, audience_ids: Sequence[int], at: datetime, known: TraitStatistics
    ) -> Remembered:
        """The memories of these audiences, in their order. An item that many remember is laid
        out once."""
        with self._floor.db.reading() as session:
            held = load_recalled(session, audience_ids, day_number(at))
        wanted = np.unique(held.item).tolist()
        found = self._shelf.visible(wanted) if wanted else {}
        items = [PastItem(one.match, traits_of(one)) for one in found.values()]
        table = laid_out(items, self._corpus.view(), known)
        rows, strength = _by_audience(held, table.ids, len(audience_ids))
        served = self._co_reading.current()
        model = None if served is None else served.model
        return replace(table, rows=rows, strength=strength, co_reading=model)


def _by_audience(
    held: MemoryColumns, ids: Ids | None, audiences: int
) -> tuple[tuple[npt.NDArray[np.intp], ...], tuple[Vectors, ...]]:
    """Rows and strengths over the items that are there, by audience. `ids` rise."""
    there = np.zeros(0, np.int64) if ids is None else ids
    row = np.searchsorted(there, held.item)
    visible = row < len(there)
    visible[visible] = there[row[visible]] == held.item[visible]
    cuts = np.searchsorted(held.audience[visible], np.arange(1, audiences))
    strength = (held.weight / (held.weight + 1.0))[visible].astype(np.float32)
    rows, strengths = np.split(row[visible], cuts), np.split(strength, cuts)
    return tuple(rows[:audiences]), tuple(strengths[:audiences])


def shelf_rows(shelf: Sequence[ShelfItem], known: TraitStatistics) -> TraitRows:
    """Trait rows of items, in their order."""
    return trait_rows([traits_of(one) for one in shelf], known)


def traits_of(item: ShelfItem) -> Traits:
    """Traits of an item with how many answered it lately."""
    return replace(card_traits(item.card, item.match.liked or None), tags=item.match.tags)


def card_traits(card: ItemCard, reach: float | None = None) -> Traits:
    """An item is known by its title, tags and books; who wrote an article about a book says
    less than who wrote the book."""
    makers = [name for book in card.books for name in (book.author, book.translator) if name]
    names = (name for line in makers or [card.author] for name in people(line))
    return Traits(
        title=card.title,
        tags=card.tag_names,
        authors=tuple(dict.fromkeys(names)),
        publisher=next((book.publisher for book in card.books if book.publisher), ""),
        year=next(iter(card.years), None),
        quality=card.quality,
        reach=reach,
    )
