"""One chunk of an import in one transaction: books, works, introductions, articles, faults."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from contentcenter.domain.content import ItemForm, ItemKind, TagOrigin
from contentcenter.domain.errors import InvalidInput
from contentcenter.store.tables import BookRow, ItemRow, SourceRow
from ingest.books import BookShelf
from ingest.drafts import ItemChanges, ItemDraft, check_changes, check_draft, content_hash
from ingest.faults import BadValue, Fault
from ingest.media import Picture, record_picture, store_picture
from ingest.records import (
    ITEM_AUTHOR_MAX,
    ArticleRecord,
    BookRecord,
    Parsed,
    parse_row,
    record_hash,
)
from ingest.sources.base import RawRow
from ingest.sources.markdown_files import PICTURE
from ingest.writing import ItemWriter

# Above this many records a file's repeats are no longer looked for (memory of a run).
SEEN_MAX = 500_000
NoteFaults = Callable[[int, Sequence[Fault]], None]


@dataclass
class ChunkCounts:
    """What became of the rows of a chunk."""

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    rejected: int = 0


@dataclass(frozen=True)
class ReadRow:
    """A row parsed, its pictures checked and kept, before any transaction is open."""

    number: int
    parsed: Parsed
    pictures: Mapping[str, Picture]
    faults: tuple[Fault, ...]


Seen = dict[str, tuple[int, str]]


def read_rows(rows: Sequence[RawRow], seen: Seen, media_dir: Path, next_row: int) -> list[ReadRow]:
    """The rows from `next_row` on, parsed; earlier ones were stored by an earlier run and
    only teach `seen`: row and hash of every reference of the file so far."""
    fresh: list[ReadRow] = []
    for row in rows:
        parsed = _once(row.number, parse_row(row), seen)
        if row.number < next_row:
            continue
        pictures, faults = _keep_pictures(parsed.record, media_dir)
        fresh.append(ReadRow(row.number, parsed, pictures, (*parsed.faults, *faults)))
    return fresh


@dataclass
class _Items:
    """The source's items that the chunk can meet, loaded at once."""

    by_ref: dict[str, ItemRow] = field(default_factory=dict)
    hashes: set[str] = field(default_factory=set)

    def load(self, session: Session, source: SourceRow, rows: Sequence[ReadRow]) -> None:
        records = [row.parsed.record for row in rows]
        refs = [_item_ref(r) if isinstance(r, BookRecord) else r.ref for r in records if r]
        hashes = [content_hash(r.title, "", r.intro) for r in records if isinstance(r, BookRecord)]
        mine = select(ItemRow).where(ItemRow.source_id == source.id)
        for row in session.scalars(mine.where(ItemRow.source_ref.in_(filter(None, refs)))):
            self.know(row)
        for row in session.scalars(mine.where(ItemRow.content_hash.in_(hashes))):
            self.know(row)

    def know(self, row: ItemRow) -> None:
        self.hashes.add(row.content_hash)
        if row.source_ref:
            self.by_ref[row.source_ref] = row


@dataclass
class _Chunk:
    session: Session
    source: SourceRow
    writer: ItemWriter
    shelf: BookShelf
    items: _Items
    counts: ChunkCounts = field(default_factory=ChunkCounts)


def store_chunk(
    writer: ItemWriter, source: SourceRow, rows: Sequence[ReadRow], note: NoteFaults
) -> ChunkCounts:
    """Store rows in the writer's transaction; faults go to `note`."""
    shelf = BookShelf(writer.session, source, writer.now)
    items = _Items()
    items.load(writer.session, source, rows)
    chunk = _Chunk(writer.session, source, writer, shelf, items)
    records = [row.parsed.record for row in rows]
    shelf.load([record for record in records if isinstance(record, BookRecord)])
    for row in rows:
        faults = [*row.faults, *_store(chunk, row)]
        if faults:
            note(row.number, faults)
    return chunk.counts


def _once(number: int, parsed: Parsed, seen: Seen) -> Parsed:
    """The first row of a reference counts; a later one that says otherwise is refused."""
    record = parsed.record
    if not isinstance(record, BookRecord):
        return parsed
    hashed = record_hash(record)
    names = [f"ref:{record.ref}"] + ([f"isbn:{record.isbn}"] if record.isbn else [])
    first = next((seen[name] for name in names if name in seen), None)
    if first is not None and first[0] != number and first[1] != hashed:
        fault = Fault(
            "书号", record.isbn or record.ref, f"第 {first[0]} 行已有这个书号，内容不同",
            "一个版本只留一行",
        )  # fmt: skip
        return Parsed(None, (*parsed.faults, fault))
    if first is None and len(seen) < SEEN_MAX:
        seen.update(dict.fromkeys(names, (number, hashed)))
    return parsed


def _store(chunk: _Chunk, row: ReadRow) -> Sequence[Fault]:
    """Store one record; returns faults found while storing."""
    record = row.parsed.record
    if record is None:
        chunk.counts.rejected += 1
        return ()
    if isinstance(record, ArticleRecord):
        return _store_article(chunk, record, row.pictures)
    clash = chunk.shelf.clash(record)
    if clash is not None:
        chunk.counts.rejected += 1
        return (clash,)
    _store_book(chunk, record)
    return ()


def _store_book(chunk: _Chunk, record: BookRecord) -> None:
    book = chunk.shelf.find(record)
    if book is None:
        book = chunk.shelf.create(record)
        _store_introduction(chunk, book, record)
        chunk.counts.created += 1
        return
    own = book.source_id == chunk.source.id
    if own and book.record_hash == record_hash(record):
        chunk.counts.unchanged += 1
        return
    moved = chunk.shelf.update(book, record)
    told = _store_introduction(chunk, book, record)
    if moved or told:
        chunk.counts.updated += 1
    else:
        chunk.counts.unchanged += 1


def _store_introduction(chunk: _Chunk, book: BookRow, record: BookRecord) -> bool:
    """The supplier's words about a book are an item of their own; two editions with one
    title and one introduction share it."""
    if not record.intro:
        return False
    known = chunk.items.by_ref.get(_item_ref(record))
    if known is not None:
        changes = ItemChanges(title=record.title, body=record.intro)
        return chunk.writer.change(known, check_changes(changes), TagOrigin.SUPPLIER)
    draft = check_draft(
        ItemDraft(
            title=record.title,
            body=record.intro,
            source=chunk.source.name,
            kind=ItemKind.SUPPLIER,
            form=ItemForm.INTRODUCTION,
            author=record.author[:ITEM_AUTHOR_MAX],
            category=record.category,
            tags=record.tags,
            source_ref=_item_ref(record),
            origin=TagOrigin.SUPPLIER,
        )
    )
    hashed = content_hash(draft.title, draft.summary, draft.body)
    if hashed in chunk.items.hashes:
        return False
    row = chunk.writer.insert(chunk.source, draft, hashed)
    chunk.items.know(row)
    chunk.writer.link_book(row, book.id, TagOrigin.SUPPLIER)
    return True


def _item_ref(record: BookRecord) -> str:
    return f"book:{record.ref}"


def _store_article(
    chunk: _Chunk, record: ArticleRecord, pictures: Mapping[str, Picture]
) -> Sequence[Fault]:
    for name, picture in pictures.items():
        record_picture(chunk.session, picture, name, chunk.writer.now)
    addresses = {name: picture.address for name, picture in pictures.items()}
    try:
        outcome = _put_article(chunk, record, addresses)
    except InvalidInput as error:
        chunk.counts.rejected += 1
        return (Fault("正文", record.title[:200], error.message, "修正后重新上传"),)
    setattr(chunk.counts, outcome, getattr(chunk.counts, outcome) + 1)
    return ()


def _put_article(chunk: _Chunk, record: ArticleRecord, addresses: Mapping[str, str]) -> str:
    """Create or change the article; returns the name of what happened to it."""
    body = PICTURE.sub(lambda m: f"{m[1]}{addresses.get(m[2], m[2])}{m[3]}", record.body)
    cover = addresses.get(record.cover, "")
    known = chunk.items.by_ref.get(record.ref) if record.ref else None
    if known is not None:
        changes = ItemChanges(
            title=record.title, summary=record.summary, body=body, author=record.author,
            category=record.category, cover=cover or None,
        )  # fmt: skip
        changed = chunk.writer.change(known, check_changes(changes), TagOrigin.AUTHOR)
        return "updated" if changed else "unchanged"
    kind = chunk.source.kind
    draft = ItemDraft(
        title=record.title, summary=record.summary, body=body, author=record.author, kind=kind,
        source=chunk.source.name, form=record.form, category=record.category, tags=record.tags,
        books=record.isbns, source_ref=record.ref, cover=cover, origin=TagOrigin.AUTHOR,
    )  # fmt: skip
    receipt = chunk.writer.create(check_draft(draft))
    if receipt.created:
        chunk.items.know(chunk.session.get_one(ItemRow, receipt.item_id))
    return "created" if receipt.created else "unchanged"


def _keep_pictures(
    record: BookRecord | ArticleRecord | None, media_dir: Path
) -> tuple[dict[str, Picture], list[Fault]]:
    """Good pictures as files; bad ones as faults that leave the article standing."""
    done: dict[str, Picture] = {}
    faults: list[Fault] = []
    if not isinstance(record, ArticleRecord):
        return done, faults
    for name, data in record.pictures.items():
        try:
            done[name] = store_picture(media_dir, data)
        except BadValue as bad:
            faults.append(Fault.of(f"图片 {name}"[:64], name, bad, fatal=False))
    return done, faults
