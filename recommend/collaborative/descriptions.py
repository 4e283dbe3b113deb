"""What the store's items say of themselves, as side rows of the closed form."""

from __future__ import annotations

from scipy import sparse

from contentcenter.floor import Floor
from contentcenter.store.cards import ItemCard, load_items
from recommend.collaborative.interactions import Ids
from recommend.collaborative.side_info import Described, plain_names, side_rows

_CHUNK = 1_000


def load_side_rows(floor: Floor, items: Ids) -> sparse.csr_array | None:
    """(items, names) unit rows in the order of `items`; None when nothing is shared."""
    described: list[Described | None] = []
    ids = [int(one) for one in items]
    for start in range(0, len(ids), _CHUNK):
        chunk = ids[start : start + _CHUNK]
        with floor.db.reading() as session:
            cards = load_items(session, chunk)
        described += [_described(cards[one]) if one in cards else None for one in chunk]
    return side_rows(described)


def _described(card: ItemCard) -> Described:
    tags = {tag.name.strip().casefold(): tag.confidence for tag in card.tags if tag.confidence > 0}
    return Described(
        {
            "tag": tags,
            "author": plain_names(book.author for book in card.books),
            "category": plain_names([card.category, *(book.category for book in card.books)]),
        }
    )
