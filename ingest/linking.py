"""Which books an item is about: by ISBN in the text, and by titles in book-title marks."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from contentcenter.domain.content import TagOrigin
from contentcenter.store.cards import BookCard, book_card
from contentcenter.store.tables import BookRow
from contentcenter.text.isbn import find_isbns
from contentcenter.text.normalise import normalise
from ingest.tables import WorkTitleRow
from ingest.titles import author_key, mentioned_titles, title_key

LINK_CONFIDENCE_MIN = 0.5
LINKS_MAX = 50
BY_ISBN = "isbn"
BY_TITLE = "title"
# Links somebody set; the pipeline never removes them.
GIVEN = frozenset({TagOrigin.EDITOR, TagOrigin.SUPPLIER, TagOrigin.AUTHOR})
_CHUNK = 500


@dataclass(frozen=True)
class Mentions:
    """What a text names: ISBNs, and titles as (key, in the item's title)."""

    isbns: tuple[str, ...]
    titles: tuple[tuple[str, bool], ...]
    plain: str  # normalised title and text, to look for authors in


@dataclass(frozen=True)
class Link:
    book_id: int
    origin: str
    confidence: float


@dataclass(frozen=True)
class Catalogue:
    """The books that the texts of one batch can mean."""

    by_isbn: Mapping[str, BookCard]
    by_title: Mapping[str, Sequence[BookCard]]  # one edition of each work with that title


def find_mentions(title: str, text: str) -> Mentions:
    """ISBNs and 《titles》 of an item."""
    in_title = {title_key(name) for name in mentioned_titles(title)}
    names = [title_key(name) for name in mentioned_titles(f"{title}\n{text}")]
    keys = tuple((key, key in in_title) for key in dict.fromkeys(names) if key)
    return Mentions(tuple(find_isbns(f"{title}\n{text}")), keys, normalise(f"{title} {text}"))


def load_catalogue(session: Session, mentions: Iterable[Mentions]) -> Catalogue:
    """Everything the mentions of a batch can mean, in a few queries."""
    every = list(mentions)
    isbns = sorted({isbn for one in every for isbn in one.isbns})
    keys = sorted({key for one in every for key, _ in one.titles})
    by_isbn: dict[str, BookCard] = {}
    for start in range(0, len(isbns), _CHUNK):
        query = select(BookRow).where(BookRow.isbn.in_(isbns[start : start + _CHUNK]))
        by_isbn.update({str(row.isbn): book_card(row) for row in session.scalars(query)})
    return Catalogue(by_isbn, _editions(session, keys))


def _editions(session: Session, keys: Sequence[str]) -> dict[str, list[BookCard]]:
    """For each title its works, each by the edition a reader can best buy: in stock, latest."""
    works: dict[str, dict[int, tuple[tuple[bool, str, int], BookCard]]] = defaultdict(dict)
    for start in range(0, len(keys), _CHUNK):
        query = (
            select(WorkTitleRow.title_key, BookRow)
            .join(BookRow, BookRow.work_id == WorkTitleRow.work_id)
            .where(WorkTitleRow.title_key.in_(keys[start : start + _CHUNK]))
        )
        for key, row in session.execute(query):
            card = book_card(row)
            merit = (card.in_stock, row.published_on, -row.id)
            best = works[key].get(card.work_id)
            if best is None or merit > best[0]:
                works[key][card.work_id] = (merit, card)
    return {key: [card for _, card in found.values()] for key, found in works.items()}


def choose_links(mentions: Mentions, catalogue: Catalogue) -> list[Link]:
    """Links for one item, in the order of mention, at most one edition of a work. Pure."""
    links: dict[int, Link] = {}
    works: set[int] = set()
    for isbn in mentions.isbns:
        book = catalogue.by_isbn.get(isbn)
        if book is not None:
            links[book.id] = Link(book.id, BY_ISBN, 1.0)
            works.add(book.work_id)
    for key, in_title in mentions.titles:
        found = best_meaning(key, in_title, catalogue.by_title.get(key, ()), mentions.plain)
        if found is not None and found[0].work_id not in works:
            links.setdefault(found[0].id, Link(found[0].id, BY_TITLE, found[1]))
            works.add(found[0].work_id)
    return list(links.values())[:LINKS_MAX]


def best_meaning(
    key: str, in_title: bool, works: Sequence[BookCard], plain: str
) -> tuple[BookCard, float] | None:
    """Which of the works of that title is meant, and how sure; None when it stays unclear."""
    marked = [(book, _author_named(book, plain)) for book in works]
    named = [book for book, there in marked if there]
    if len(named) == 1:
        return named[0], 0.95
    if len(works) != 1:
        return None
    sure = 0.8 if len(key) >= 4 else 0.65 if len(key) > 1 else 0.45
    sure = min(0.9, sure + (0.1 if in_title else 0.0))
    return (works[0], round(sure, 2)) if sure >= LINK_CONFIDENCE_MIN else None


def _author_named(book: BookCard, plain: str) -> bool:
    name = author_key(book.author)
    return len(name) > 1 and name in plain.replace("·", "").replace(" ", "")
