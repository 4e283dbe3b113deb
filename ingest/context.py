"""What the hub holds around one batch of items, loaded before anything is decided."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from contentcenter.domain.content import ItemState, TagOrigin
from contentcenter.store.cards import BookCard, ItemCard, book_card, load_items
from contentcenter.store.tables import BookRow, ItemBookRow, ItemRow, ItemTagRow, TagRow
from contentcenter.text.normalise import normalise
from ingest.fingerprints import bands
from ingest.linking import GIVEN, Catalogue, Link, load_catalogue
from ingest.preparing import Prepared
from ingest.tables import SignatureBandRow
from ingest.tagging import Neighbour

_CHUNK = 500


@dataclass(frozen=True)
class Context:
    """What the hub holds around one batch, loaded before anything is decided."""

    cards: Mapping[int, ItemCard]
    given_links: Mapping[int, Sequence[Link]]
    kept_risks: Mapping[int, Sequence[dict[str, Any]]]
    category_origins: Mapping[int, str]
    catalogue: Catalogue
    books: Mapping[int, BookCard]
    work_tags: Mapping[int, tuple[str, ...]]
    tags_by_word: Mapping[str, str]
    neighbours: Mapping[int, Sequence[Neighbour]]
    alike: Mapping[int, Mapping[int, bytes]]  # earlier items that share a band


def load_context(
    session: Session, prepared: Mapping[int, Prepared], near: Mapping[int, Sequence[int]]
) -> Context:
    """Everything `decide` needs, in a bounded number of queries."""
    ids = list(prepared)
    catalogue = load_catalogue(session, [one.mentions for one in prepared.values()])
    links = _given_links(session, ids)
    books = _books(session, catalogue, links)
    words = {word for one in prepared.values() for word in (*one.title_words, *one.body_words)}
    rows = {row.id: row for row in session.scalars(select(ItemRow).where(ItemRow.id.in_(ids)))}
    return Context(
        cards=load_items(session, ids),
        given_links=links,
        kept_risks={key: [r for r in row.risks if r.get("code") == "unknown_book"]
                    for key, row in rows.items()},
        category_origins={key: row.category_origin for key, row in rows.items()},
        catalogue=catalogue,
        books=books,
        work_tags=_work_tags(session, {book.work_id for book in books.values()}),
        tags_by_word=_tags_by_word(session, words),
        neighbours=_neighbours(session, near),
        alike=_alike(session, prepared),
    )  # fmt: skip


def _given_links(session: Session, ids: Sequence[int]) -> dict[int, list[Link]]:
    found: dict[int, list[Link]] = defaultdict(list)
    query = select(ItemBookRow).where(ItemBookRow.item_id.in_(ids))
    for row in session.scalars(query.order_by(ItemBookRow.item_id, ItemBookRow.position)):
        if row.origin in GIVEN:
            found[row.item_id].append(Link(row.book_id, row.origin, row.confidence))
    return found


def _books(
    session: Session, catalogue: Catalogue, links: Mapping[int, Sequence[Link]]
) -> dict[int, BookCard]:
    books = {book.id: book for book in catalogue.by_isbn.values()}
    books.update({book.id: book for works in catalogue.by_title.values() for book in works})
    rest = {link.book_id for given in links.values() for link in given} - set(books)
    for row in session.scalars(select(BookRow).where(BookRow.id.in_(rest))):
        books[row.id] = book_card(row)
    return books


def _work_tags(session: Session, works: Iterable[int]) -> dict[int, tuple[str, ...]]:
    """Tags that suppliers and editors gave to items about these works."""
    found: dict[int, dict[str, None]] = defaultdict(dict)
    wanted = sorted(works)
    for start in range(0, len(wanted), _CHUNK):
        query = (
            select(BookRow.work_id, TagRow.name)
            .join(ItemBookRow, ItemBookRow.book_id == BookRow.id)
            .join(ItemTagRow, ItemTagRow.item_id == ItemBookRow.item_id)
            .join(TagRow, TagRow.id == ItemTagRow.tag_id)
            .where(BookRow.work_id.in_(wanted[start : start + _CHUNK]))
            .where(ItemBookRow.origin == TagOrigin.SUPPLIER)
            .where(ItemTagRow.origin.in_([TagOrigin.SUPPLIER, TagOrigin.EDITOR]))
        )
        for work_id, name in session.execute(query):
            found[work_id][name] = None
    return {work_id: tuple(names) for work_id, names in found.items()}


def _tags_by_word(session: Session, words: set[str]) -> dict[str, str]:
    """Tags whose normalised name is one of the words; one-letter tags say too little."""
    names = session.scalars(select(TagRow.name))
    pairs = ((normalise(name), name) for name in names if len(name) > 1)
    return {word: name for word, name in pairs if word in words}


def _neighbours(session: Session, near: Mapping[int, Sequence[int]]) -> dict[int, list[Neighbour]]:
    cards = load_items(session, sorted({other for others in near.values() for other in others}))
    return {
        item_id: [
            Neighbour(cards[other].category, _certain_tags(cards[other]))
            for other in others
            if other in cards
        ]
        for item_id, others in near.items()
    }


def _certain_tags(card: ItemCard) -> tuple[str, ...]:
    """Suggested tags are no evidence for suggestions: errors would feed on themselves."""
    return tuple(tag.name for tag in card.tags if tag.origin != TagOrigin.SUGGESTED)


def _alike(session: Session, prepared: Mapping[int, Prepared]) -> dict[int, dict[int, bytes]]:
    """For each item the others it shares a band with, stored ones and those of the batch."""
    keys = {item_id: bands(one.signature) for item_id, one in prepared.items() if one.signature}
    holders: dict[int, set[int]] = defaultdict(set)
    for item_id, own in keys.items():
        for key in own:
            holders[key].add(item_id)
    every = sorted(holders)
    for start in range(0, len(every), _CHUNK):
        query = select(SignatureBandRow).where(
            SignatureBandRow.band.in_(every[start : start + _CHUNK])
        )
        for row in session.scalars(query):
            holders[row.band].add(row.item_id)
    partners = {
        item_id: {other for key in own for other in holders[key] if other < item_id}
        for item_id, own in keys.items()
    }
    stored = _signatures(session, {other for others in partners.values() for other in others})
    fresh = {item_id: one.signature for item_id, one in prepared.items() if one.signature}
    known = stored | fresh
    return {
        item_id: {other: known[other] for other in others if other in known}
        for item_id, others in partners.items()
    }


def _signatures(session: Session, ids: set[int]) -> dict[int, bytes]:
    """Signatures of items that still count: who withdrew a text may hand it in again."""
    found: dict[int, bytes] = {}
    wanted = sorted(ids)
    for start in range(0, len(wanted), _CHUNK):
        query = select(ItemRow.id, ItemRow.signature).where(
            ItemRow.id.in_(wanted[start : start + _CHUNK]),
            ItemRow.signature.is_not(None),
            ItemRow.state != ItemState.WITHDRAWN,
        )
        found.update({key: bytes(sign) for key, sign in session.execute(query) if sign})
    return found
