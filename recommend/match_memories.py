"""Memories and traits as matching reads them: from the store and the shelf into columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from contentcenter.floor import Floor
from contentcenter.store.cards import ItemCard
from recommend.corpus_service import CorpusService
from recommend.match_echo import Remembered
from recommend.match_memory import recalled
from recommend.match_memory_store import load_memories
from recommend.match_replay import PastItem, remembered_of
from recommend.match_traits import TraitRows, Traits, TraitStatistics, people, trait_rows
from recommend.persona_math.decay import day_number
from recommend.shelf import Shelf, ShelfItem


class MemoryReader:
    """Reads what audiences answered to. Items that are no longer published are left out: they
    come back with their item."""

    def __init__(self, floor: Floor, shelf: Shelf, corpus: CorpusService) -> None:
        self._floor = floor
        self._shelf = shelf
        self._corpus = corpus

    def remembered(
        self, audience_ids: Sequence[int], at: datetime, known: TraitStatistics
    ) -> Remembered:
        """The memories of these audiences, in their order."""
        with self._floor.db.reading() as session:
            stored = load_memories(session, audience_ids)
        weights = [recalled(stored[one], day_number(at)) for one in audience_ids]
        wanted = sorted({item for own in weights for item in own})
        found = self._shelf.visible(wanted) if wanted else {}
        items = [PastItem(one.match, traits_of(one)) for one in found.values()]
        return remembered_of(items, weights, self._corpus.view(), known)


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
