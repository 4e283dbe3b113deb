"""Books and works in the store: found, created and updated from supplier records."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from contentcenter.domain.content import INDEXED_STATES
from contentcenter.domain.facts import ItemChanged
from contentcenter.store import outbox
from contentcenter.store.tables import BookRow, ItemBookRow, ItemRow, SourceRow, WorkRow
from ingest.faults import Fault
from ingest.records import BookRecord, record_hash
from ingest.tables import WorkTitleRow
from ingest.titles import mention_keys, work_key

# Facts of a book that an item shows: when one moves, the items' index rows are stale.
_SHOWN = ("title", "author", "translator", "publisher", "price_fen", "stock", "category", "isbn")
_FILLED = (
    "title", "subtitle", "author", "translator", "publisher", "published_on", "price_fen", "stock",
    "category", "intro", "cover", "isbn",
)  # fmt: skip
# What another supplier of the same edition may move; the rest it only fills in.
_SHARED = ("price_fen", "stock")


@dataclass
class BookShelf:
    """The books that one chunk of records can touch, loaded at once."""

    session: Session
    source: SourceRow
    now: datetime
    by_ref: dict[str, BookRow] = field(default_factory=dict)
    by_isbn: dict[str, BookRow] = field(default_factory=dict)
    works: dict[str, WorkRow] = field(default_factory=dict)
    titles: set[tuple[str, int]] = field(default_factory=set)

    def load(self, records: Sequence[BookRecord]) -> None:
        refs = [record.ref for record in records]
        isbns = [record.isbn for record in records if record.isbn]
        keys = [work_key(record.title, record.author) for record in records]
        mine = select(BookRow).where(BookRow.source_id == self.source.id)
        for book in self.session.scalars(mine.where(BookRow.source_ref.in_(refs))):
            self._know(book)
        for book in self.session.scalars(select(BookRow).where(BookRow.isbn.in_(isbns))):
            self._know(book)
        for work in self.session.scalars(select(WorkRow).where(WorkRow.key.in_(keys))):
            self.works[work.key] = work
        ids = [work.id for work in self.works.values()]
        known = select(WorkTitleRow).where(WorkTitleRow.work_id.in_(ids))
        self.titles = {(row.title_key, row.work_id) for row in self.session.scalars(known)}

    def _know(self, book: BookRow) -> None:
        if book.source_id == self.source.id:
            self.by_ref[book.source_ref] = book
        if book.isbn:
            self.by_isbn[book.isbn] = book

    def find(self, record: BookRecord) -> BookRow | None:
        """The stored edition: by this supplier's reference first, else by ISBN."""
        return self.by_ref.get(record.ref) or self.by_isbn.get(record.isbn or "")

    def clash(self, record: BookRecord) -> Fault | None:
        """A record whose reference is one book and whose ISBN another cannot be taken."""
        mine, same = self.by_ref.get(record.ref), self.by_isbn.get(record.isbn or "")
        if mine is None or same is None or mine is same:
            return None
        reason = f"这个 ISBN 已属于《{same.title[:40]}》，与编号 {record.ref[:40]} 不符"
        return Fault("ISBN", record.isbn or "", reason, "核对编号和 ISBN，一个编号只对一个版本")

    def create(self, record: BookRecord) -> BookRow:
        values = {name: getattr(record, name) for name in _FILLED}
        values["category"] = record.category or "other"
        book = BookRow(
            work_id=self.work(record).id, source_id=self.source.id, source_ref=record.ref,
            record_hash=record_hash(record), created_at=self.now, updated_at=self.now, **values,
        )  # fmt: skip
        self.session.add(book)
        self.session.flush()
        self._know(book)
        return book

    def work(self, record: BookRecord) -> WorkRow:
        key = work_key(record.title, record.author)
        found = self.works.get(key)
        if found is None:
            found = WorkRow(key=key, title=record.title, author=record.author)
            self.session.add(found)
            self.session.flush()
            self.works[key] = found
        for title_key in mention_keys(record.title):
            if (title_key, found.id) not in self.titles:
                self.session.add(WorkTitleRow(title_key=title_key, work_id=found.id))
                self.titles.add((title_key, found.id))
        return found

    def update(self, book: BookRow, record: BookRecord) -> bool:
        """Write what the record says anew; what it leaves empty stays. True when anything
        moved. Items that show the book are told when what they show moved."""
        own = book.source_id == self.source.id
        changed = self._fill(book, record, own)
        if {"title", "author"} & changed:
            book.work_id = self.work(record).id
        if own:
            book.record_hash = record_hash(record)
        if changed:
            book.updated_at = self.now
            self._know(book)
        if changed.intersection(_SHOWN):
            tell_items(self.session, [book.id], self.now)
        return bool(changed)

    def _fill(self, book: BookRow, record: BookRecord, own: bool) -> set[str]:
        changed: set[str] = set()
        for name in _FILLED:
            new, old = getattr(record, name), getattr(book, name)
            silent = new is None or new == ""
            may = own or name in _SHARED or _is_gap(name, old)
            if not silent and may and new != old:
                setattr(book, name, new)
                changed.add(name)
        return changed


def _is_gap(name: str, value: Any) -> bool:
    return value is None or value == "" or (name == "category" and value == "other")


def tell_items(session: Session, book_ids: Iterable[int], now: datetime) -> None:
    """Raise the version of the indexed items that show these books, and tell the rooms."""
    showing = select(ItemBookRow.item_id).where(ItemBookRow.book_id.in_(list(book_ids)))
    query = select(ItemRow).where(ItemRow.id.in_(showing), ItemRow.state.in_(INDEXED_STATES))
    for item in session.scalars(query):
        item.version += 1
        item.updated_at = now
        outbox.record(session, ItemChanged(item.id), now)
