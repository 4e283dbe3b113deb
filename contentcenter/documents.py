"""One item as the search engine sees it: the same rules for indexing and for measuring."""

from __future__ import annotations

from datetime import datetime

from contentcenter.embedding.ports import Vectors
from contentcenter.search.ports import IndexDocument
from contentcenter.store.cards import ItemCard
from contentcenter.text.analysis import Analyser


def make_document(card: ItemCard, vector: Vectors | None, analyser: Analyser) -> IndexDocument:
    """One item as the engine sees it. Pure.

    The names of linked books are part of the searchable text: who looks for a book finds what
    was written about it.
    """
    people = [card.author, *(name for b in card.books for name in (b.author, b.translator))]
    about = "\n".join(f"{book.title} {book.publisher}" for book in card.books)
    return IndexDocument(
        id=card.id,
        revision=card.version,
        text=analyser.document_fields(
            card.title,
            [person for person in dict.fromkeys(people) if person],
            card.tag_names,
            [book.isbn for book in card.books if book.isbn],
            f"{about}\n{card.summary}\n{card.text}",
        ),
        vector=vector,
        kind=card.kind,
        state=card.state,
        category=card.category,
        tags=card.tag_names,
        publishers=tuple(dict.fromkeys(book.publisher for book in card.books if book.publisher)),
        source=card.source,
        price_fen=card.price_fen,
        in_stock=card.in_stock,
        quality=card.quality,
        published_at=card.published_at,
        rights_until=_rights_until(card),
        works=card.works,
        channel_kinds=_channel_kinds(card),
        years=card.years,
    )


def _rights_until(card: ItemCard) -> datetime | None:
    ends = [window.ends_at for window in card.rights]
    known = [end for end in ends if end is not None]
    return max(known) if known and len(known) == len(ends) else None


def _channel_kinds(card: ItemCard) -> tuple[str, ...]:
    if any(not window.channel_kinds for window in card.rights):
        return ()
    return tuple(sorted({kind for window in card.rights for kind in window.channel_kinds}))
