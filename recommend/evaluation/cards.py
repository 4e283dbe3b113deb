"""Documents of a file as the items the product would hold."""

from __future__ import annotations

from datetime import UTC, datetime

from contentcenter.domain.content import ItemKind, ItemState
from contentcenter.store.cards import BookCard, ItemCard, TagCard
from contentcenter.text.isbn import canonical_isbn
from recommend.evaluation.files import BookEntry, Document
from recommend.search.ranking import ItemFacts, squeezed

# Every document is of the same age and quality: only how well it answers counts.
_AT = datetime(2026, 1, 1, tzinfo=UTC)
_QUALITY = 0.5
# A text without a title is known by its beginning.
_TITLE_CHARACTERS = 40


def item_card(number: int, document: Document) -> ItemCard:
    """The item `number` (from 1). People that belong to no book stand as its author."""
    books = tuple(_book(number, at, book) for at, book in enumerate(document.books))
    title = document.title or document.text[:_TITLE_CHARACTERS]
    return ItemCard(
        id=number,
        kind=ItemKind.SUPPLIER.value,
        form="text",
        state=ItemState.PUBLISHED.value,
        title=title,
        summary="",
        text=document.text,
        author=" / ".join(document.people),
        category="other",
        cover="",
        source="evaluation",
        source_trusted=True,
        quality=_QUALITY,
        version=1,
        content_hash="",
        duplicate_of=None,
        created_at=_AT,
        updated_at=_AT,
        published_at=_AT,
        books=books or _books_of_codes(number, title, document.isbns),
        tags=tuple(TagCard(tag, "file", 1.0) for tag in document.tags),
    )


def item_facts(card: ItemCard) -> ItemFacts:
    """What `recommend.search.facts` reads from the store for the same item."""
    return ItemFacts(
        id=card.id,
        names=frozenset({squeezed(card.title)}),
        book_names=frozenset(squeezed(book.title) for book in card.books),
        isbns=frozenset(book.isbn for book in card.books if book.isbn),
        quality=card.quality,
        published_at=card.published_at,
    )


def _books_of_codes(number: int, title: str, isbns: tuple[str, ...]) -> tuple[BookCard, ...]:
    return tuple(
        _book(number, at, BookEntry(title=title, isbn=isbn)) for at, isbn in enumerate(isbns)
    )


def _book(number: int, at: int, book: BookEntry) -> BookCard:
    key = number * 1000 + at
    return BookCard(
        id=key,
        work_id=key,
        isbn=canonical_isbn(book.isbn) if book.isbn else None,
        title=book.title,
        author=book.author,
        translator=book.translator,
        publisher=book.publisher,
        price_fen=None,
        stock=None,
        category="other",
        cover="",
    )
