"""Search and browsing by the store alone, for when the search index is away.

Each word must stand in the title, the author's name or a tag. Filters are part of the
question to the store, so nothing is lost behind a limit; rights are checked item by item by
whoever shows them.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, exists, func, literal, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from contentcenter.floor import Floor
from contentcenter.search.ports import Filters, Mark, Order, Page
from contentcenter.store.tables import BookRow, ItemBookRow, ItemRow, ItemTagRow, SourceRow, TagRow
from contentcenter.text.question import parse_question

DEPTH = 200
# Sorting all matches by price would take seconds: so many of the newest are sorted.
SORTED = 2000
_MOST_WORDS = 8
_CHUNK = 500
_FEW_BOOKS = 3000
_DEAREST = 2**31 - 1
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_BY_PRICE = frozenset({Order.CHEAPEST, Order.DEAREST})
_NEWEST = (ItemRow.published_at.desc().nulls_last(), ItemRow.id.desc())

Condition = ColumnElement[bool]


class StoreSearch:
    """Answers from SQL. Ids only; states and filters hold for each."""

    def __init__(self, floor: Floor) -> None:
        self._floor = floor

    def find(self, text: str, wanted: Filters, order: Order | None) -> list[int]:
        """Ids for a question (or, when it is blank, of all items): titles that are or hold it
        first, then newest; or sorted."""
        matches = self._matches(text) if text.strip() else []
        ranks = [self._closeness(text)] if order is None and matches else []
        with self._floor.db.reading() as session:
            query = select(ItemRow.id).where(*matches, *_conditions(session, wanted))
            query = query.order_by(*ranks, *_NEWEST)
            if order in _BY_PRICE:
                ids = session.scalars(query.limit(SORTED)).all()
                return [one.id for one in _priced(session, ids, order)][:DEPTH]
            return list(session.scalars(query.limit(DEPTH)))

    def page(self, wanted: Filters, limit: int, order: Order, after: Mark | None) -> Page:
        """Browsing; the marks mean what they mean to the index. Only the newest items can be
        reached by price."""
        with self._floor.db.reading() as session:
            query = select(ItemRow.id, ItemRow.published_at).order_by(*_NEWEST)
            query = query.where(*_conditions(session, wanted))
            if order in _BY_PRICE:
                ids = [row.id for row in session.execute(query.limit(SORTED))]
                marks = _behind(_priced(session, ids, order), after, order)
            else:
                rows = session.execute(query.where(*_older(after)).limit(limit + 1))
                marks = [Mark(_microseconds(row.published_at), row.id) for row in rows]
        kept = marks[:limit]
        more = kept[-1] if kept and len(marks) > limit else None
        return Page(tuple(one.id for one in kept), more)

    def _matches(self, text: str) -> list[Condition]:
        understood = self._floor.analyser.understand(text)
        if understood.isbns:
            return [ItemRow.id.in_(_items_with_isbn(understood.isbns))]
        question = parse_question(text)
        words = list(dict.fromkeys([*question.phrases, *understood.words]))
        if not words:
            return [literal(False)]
        return [
            *(self._somewhere(word) for word in words[:_MOST_WORDS]),
            *(~self._somewhere(word) for word in question.excluded[:_MOST_WORDS]),
        ]

    def _somewhere(self, word: str) -> Condition:
        # A single character stands in so many tags that it says nothing about one.
        inside = self._holds(TagRow.name, word) if len(word) > 1 else TagRow.name == word
        tags = select(TagRow.id).where(inside)
        tagged = select(ItemTagRow.item_id).where(ItemTagRow.tag_id.in_(tags))
        return or_(
            self._holds(ItemRow.title, word),
            self._holds(ItemRow.author, word),
            ItemRow.id.in_(tagged),
        )

    def _holds(self, column: InstrumentedAttribute[str], word: str) -> Condition:
        escaped = word.replace("/", "//").replace("%", "/%").replace("_", "/_")
        pattern = f"%{escaped}%"
        # SQLite's LIKE ignores the case of Latin letters by itself, and is quicker so.
        if self._floor.db.is_sqlite:
            return column.like(pattern, escape="/")
        return column.ilike(pattern, escape="/")

    def _closeness(self, text: str) -> ColumnElement[int]:
        plain = parse_question(text).text
        return case((ItemRow.title == plain, 0), (self._holds(ItemRow.title, plain), 1), else_=2)


def _conditions(session: Session, wanted: Filters) -> list[Condition]:
    """What a search request can filter by, as SQL over `items`."""
    out: list[Condition] = []
    for column, values in (
        (ItemRow.state, wanted.states),
        (ItemRow.kind, wanted.kinds),
        (ItemRow.category, wanted.categories),
    ):
        if values:
            out.append(column.in_(values))
    if wanted.sources:
        out.append(ItemRow.source_id.in_(_named(SourceRow, wanted.sources)))
    if wanted.tags:
        tags = _named(TagRow, wanted.tags)
        out.append(ItemRow.id.in_(select(ItemTagRow.item_id).where(ItemTagRow.tag_id.in_(tags))))
    return [*out, *_book_conditions(session, wanted)]


def _named(table: Any, names: Sequence[str]) -> Select[Any]:
    return select(table.id).where(table.name.in_(names))


def _book_conditions(session: Session, wanted: Filters) -> list[Condition]:
    needed: list[Condition] = []
    low, high = wanted.price_min_fen, wanted.price_max_fen
    if wanted.publishers:
        needed.append(BookRow.publisher.in_(wanted.publishers))
    if low is not None or high is not None:
        needed.append(BookRow.price_fen.between(low or 0, _DEAREST if high is None else high))
    if wanted.year_min is not None or wanted.year_max is not None:
        needed.append(_came_out(wanted.year_min, wanted.year_max))
    out = [_has_book(session, condition) for condition in needed]
    if low is not None:
        # The price of an item is that of its cheapest book.
        out.append(~_some_book(BookRow.price_fen < low))
    return out


def _has_book(session: Session, condition: Condition) -> Condition:
    """Few such books: look their items up. Many: ask item by item, the limit ends it soon."""
    books = select(BookRow.id).where(condition)
    if len(session.scalars(books.limit(_FEW_BOOKS + 1)).all()) > _FEW_BOOKS:
        return _some_book(condition)
    return ItemRow.id.in_(select(ItemBookRow.item_id).where(ItemBookRow.book_id.in_(books)))


def _some_book(condition: Condition) -> Condition:
    return exists(
        select(ItemBookRow.book_id)
        .join(BookRow, BookRow.id == ItemBookRow.book_id)
        .where(ItemBookRow.item_id == ItemRow.id, condition)
        .correlate(ItemRow)
    )


def _came_out(low: int | None, high: int | None) -> Condition:
    year = func.substr(BookRow.published_on, 1, 4)
    bounds = (0 if low is None else low, 9999 if high is None else high)
    first, last = (f"{min(max(bound, 1), 9999):04}" for bound in bounds)
    return and_(year >= first, year <= last)


def _items_with_isbn(codes: Sequence[str]) -> Select[Any]:
    return (
        select(ItemBookRow.item_id)
        .join(BookRow, BookRow.id == ItemBookRow.book_id)
        .where(BookRow.isbn.in_(codes))
    )


def _older(mark: Mark | None) -> list[Condition]:
    if mark is None:
        return []
    undated = ItemRow.published_at.is_(None)
    if mark.value is None:
        return [undated, ItemRow.id < mark.id]
    moment = _EPOCH + timedelta(microseconds=mark.value)
    same = and_(ItemRow.published_at == moment, ItemRow.id < mark.id)
    return [or_(ItemRow.published_at < moment, same, undated)]


def _microseconds(moment: datetime | None) -> int | None:
    return None if moment is None else (moment - _EPOCH) // timedelta(microseconds=1)


def _priced(session: Session, ids: Sequence[int], order: Order | None) -> list[Mark]:
    """By the price of the cheapest book; without one last."""
    prices: dict[int, int | None] = {}
    for start in range(0, len(ids), _CHUNK):
        query = (
            select(ItemBookRow.item_id, func.min(BookRow.price_fen))
            .join(BookRow, BookRow.id == ItemBookRow.book_id)
            .where(ItemBookRow.item_id.in_(ids[start : start + _CHUNK]))
            .group_by(ItemBookRow.item_id)
        )
        prices.update((row[0], row[1]) for row in session.execute(query))
    marks = [Mark(prices.get(one), one) for one in ids]
    return sorted(marks, key=lambda mark: _place(mark, order))


def _place(mark: Mark, order: Order | None) -> tuple[bool, int, int]:
    turn = -1 if order is Order.DEAREST else 1
    return mark.value is None, turn * (mark.value or 0), turn * mark.id


def _behind(marks: Sequence[Mark], after: Mark | None, order: Order) -> list[Mark]:
    if after is None:
        return list(marks)
    return [one for one in marks if _place(one, order) > _place(after, order)]
