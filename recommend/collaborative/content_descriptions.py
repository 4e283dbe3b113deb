"""The store's items as the bridge reads them: topics, authors, series, traits, vector."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from contentcenter.domain.errors import EngineUnavailable
from contentcenter.embedding.ports import Vectors
from contentcenter.floor import Floor
from contentcenter.store.cards import ItemCard, load_items
from recommend.collaborative.content_features import ItemContent, named, series_of, traits_of

_CHUNK = 1_000
# A category or publisher says about as much as one tag an editor is sure of.
_TOLD = 1.0


def load_contents(floor: Floor, ids: Sequence[int]) -> dict[int, ItemContent]:
    """By id; unknown ids are left out. Without the index, items have no vector."""
    out: dict[int, ItemContent] = {}
    for start in range(0, len(ids), _CHUNK):
        chunk = list(ids[start : start + _CHUNK])
        with floor.db.reading() as session:
            cards = load_items(session, chunk)
        vectors = _vectors(floor, list(cards))
        out |= {one: content_of(card, vectors.get(one)) for one, card in cards.items()}
    return out


def content_of(card: ItemCard, vector: Vectors | None) -> ItemContent:
    """An item without books stands for itself; one with books for these."""
    topics = {tag.name.strip().casefold(): tag.confidence for tag in card.tags if tag.confidence}
    told = [
        card.category,
        *(name for book in card.books for name in (book.category, book.publisher)),
    ]
    authors = [name for book in card.books for name in (book.author, book.translator)]
    titles = [book.title for book in card.books] or [card.title]
    return ItemContent(
        names={
            "topic": dict.fromkeys(named(told), _TOLD) | topics,
            "author": named(authors or [card.author]),
            "series": named([series_of(title) for title in titles if title.strip()]),
        },
        traits=traits_of(max(card.years, default=None), card.price_fen),
        vector=vector,
    )


def _vectors(floor: Floor, ids: Sequence[int]) -> Mapping[int, Vectors]:
    try:
        return floor.index.vectors(ids)
    except EngineUnavailable:
        # Names alone still tell most readers; whoever asks says that it is degraded.
        return {}
