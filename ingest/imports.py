"""Imports: a file taken in at once, read row by row, interrupted and resumed without a trace.

The upload is streamed to disk and stored with its fact; a job reads it in chunks. A chunk's
books, items, faults, counts and the next row number are one transaction, so that a run
killed anywhere goes on where it was and doubles nothing.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO

import structlog
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from contentcenter.clock import Clock
from contentcenter.domain.content import ItemKind
from contentcenter.domain.errors import Conflict, InvalidInput, NotFound
from contentcenter.domain.facts import ImportUploaded
from contentcenter.settings import Settings
from contentcenter.store import audit, outbox
from contentcenter.store.database import Database
from contentcenter.store.tables import SourceRow
from ingest.chunks import ChunkCounts, ReadRow, Seen, read_rows, store_chunk
from ingest.faults import Fault
from ingest.origins import ensure_source
from ingest.sources.base import RawRow, Reader
from ingest.sources.opening import open_reader
from ingest.tables import ImportErrorRow, ImportRow
from ingest.views import read_cursor
from ingest.writing import ItemWriter

log = structlog.get_logger()
CHUNK_ROWS = 200
CHUNK_PICTURE_BYTES = 32 * 1024 * 1024
FILE_NAME_MAX = 200
HEADER_ROW = 0
ERRORS_PAGE_MAX = 200
_COPY = 1024 * 1024
UPLOADED, RUNNING, DONE, FAILED = "uploaded", "running", "done", "failed"
STATES = (UPLOADED, RUNNING, DONE, FAILED)


@dataclass(frozen=True)
class ImportView:
    """An import as its supplier sees it. `done_rows` of `total_rows` records are handled."""

    id: int
    source: str
    filename: str
    bytes: int
    format: str
    encoding: str
    state: str
    next_row: int
    done_rows: int
    total_rows: int | None
    created: int
    updated: int
    unchanged: int
    rejected: int
    faults: int
    failure: str
    actor: str
    created_at: datetime
    updated_at: datetime
    finished_at: datetime | None


@dataclass(frozen=True)
class FaultLine:
    id: int
    row: int
    field: str
    value: str
    reason: str
    mend: str
    fatal: bool


@dataclass(frozen=True)
class FaultPage:
    items: tuple[FaultLine, ...]
    next_cursor: str | None


@dataclass(frozen=True)
class ImportPage:
    items: tuple[ImportView, ...]
    next_cursor: str | None


@dataclass(frozen=True)
class _Upload:
    """A file on disk, complete. `path` is below the upload folder."""

    path: str
    name: str
    sha256: str
    bytes: int


class ImportService:
    """`receive` at the door, `run` in the job, the rest for looking."""

    def __init__(self, db: Database, clock: Clock, settings: Settings) -> None:
        self._db = db
        self._clock = clock
        self._upload_dir = settings.upload_dir
        self._media_dir = settings.media_dir
        self._limit = settings.upload_max_mb * 1024 * 1024

    def receive(
        self,
        stream: IO[bytes],
        filename: str,
        source_name: str,
        actor: str,
        kind: str = ItemKind.SUPPLIER,
    ) -> int:
        """Store an upload and its fact; returns the import's id. The same file for the same
        source gives the same id; one that had failed is tried again."""
        upload = self._copy(stream, _plain_name(filename))
        try:
            return self._register(upload, source_name, kind, actor)
        except Conflict:
            # The same upload was stored between our look and our insert: now it is found.
            return self._register(upload, source_name, kind, actor)

    def _copy(self, stream: IO[bytes], name: str) -> _Upload:
        """The bytes on disk under their own hash, complete or not at all."""
        self._upload_dir.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=self._upload_dir, suffix=".part")
        digest, size = hashlib.sha256(), 0
        try:
            with os.fdopen(handle, "wb") as file:
                while block := stream.read(_COPY):
                    size += len(block)
                    if size > self._limit:
                        limit = f"{self._limit // 1024 // 1024} MB"
                        raise InvalidInput(f"文件超过 {limit}，请拆分后上传", limit=self._limit)
                    digest.update(block)
                    file.write(block)
                file.flush()
                os.fsync(file.fileno())
            if not size:
                raise InvalidInput("文件是空的", bytes=0)
            path = self._upload_dir / digest.hexdigest()
            Path(temporary).replace(path)
        finally:
            Path(temporary).unlink(missing_ok=True)
        return _Upload(path.name, name, digest.hexdigest(), size)

    def _register(self, upload: _Upload, source: str, kind: str, actor: str) -> int:
        with self._db.transaction() as session:
            now = self._clock.now()
            owner = ensure_source(session, source, kind, now)
            known = session.scalar(
                select(ImportRow).where(
                    ImportRow.source_id == owner.id, ImportRow.sha256 == upload.sha256
                )
            )
            if known is not None:
                return self._again(session, known, actor, now)
            row = ImportRow(
                source_id=owner.id, filename=upload.name, path=upload.path,
                sha256=upload.sha256, bytes=upload.bytes, state=UPLOADED, actor=actor,
                created_at=now, updated_at=now,
            )  # fmt: skip
            session.add(row)
            session.flush()
            outbox.record(session, ImportUploaded(row.id), now)
            audit.log(session, now, actor, "uploaded", ("import", row.id), filename=upload.name)
            return row.id

    def _again(self, session: Session, row: ImportRow, actor: str, now: datetime) -> int:
        if row.state == FAILED:
            row.state, row.failure, row.updated_at = UPLOADED, "", now
            outbox.record(session, ImportUploaded(row.id), now)
            audit.log(session, now, actor, "uploaded_again", ("import", row.id))
        return row.id

    def run(self, import_id: int, progress: Callable[[ImportView], None] | None = None) -> None:
        """Read the file from where it was left to its end. Repeating is harmless.

        A file that cannot be read at all makes the import `failed` with the reason; a bad row
        is noted and the rest goes on. Raises `EngineUnavailable` when the store is away.
        """
        view = self.get(import_id)
        if view.state == DONE:
            return
        try:
            reader = open_reader(self._path(import_id), view.filename)
            if view.total_rows is None:
                self._begin(import_id, reader)
            self._read_on(import_id, reader, progress)
        except InvalidInput as error:
            self._fail(import_id, error.message)

    def _path(self, import_id: int) -> Path:
        with self._db.reading() as session:
            path = self._upload_dir / session.get_one(ImportRow, import_id).path
        if not path.is_file():
            raise InvalidInput("上传的文件已不在，请重新上传")
        return path

    def _begin(self, import_id: int, reader: Reader) -> None:
        """A first pass reads the whole file: it counts rows, and an unreadable end is found
        before anything is stored."""
        total = sum(1 for _ in reader.rows())
        with self._db.transaction() as session:
            row = session.get_one(ImportRow, import_id, with_for_update=True)
            row.state, row.format, row.encoding = RUNNING, reader.format, reader.encoding
            row.total_rows, row.updated_at = total, self._clock.now()
            note_faults(session, import_id, HEADER_ROW, reader.notes)

    def _read_on(
        self,
        import_id: int,
        reader: Reader,
        progress: Callable[[ImportView], None] | None,
    ) -> None:
        seen: Seen = {}
        next_row = self.get(import_id).next_row
        for chunk in in_chunks(reader.rows()):
            rows = read_rows(chunk, seen, self._media_dir, next_row)
            if rows and not self._store(import_id, rows):
                return
            if rows and progress is not None:
                progress(self.get(import_id))
        self._finish(import_id)

    def _store(self, import_id: int, rows: Sequence[ReadRow]) -> bool:
        """One chunk, one transaction; rows that another run stored meanwhile are left out.
        False when another run has finished this import."""
        with self._db.transaction() as session:
            now = self._clock.now()
            row = session.get_one(ImportRow, import_id, with_for_update=True)
            if row.state == DONE:
                return False
            fresh = [one for one in rows if one.number >= row.next_row]
            counts = store_chunk(
                ItemWriter(session, row.actor, now),
                session.get_one(SourceRow, row.source_id),
                fresh,
                lambda number, faults: note_faults(session, import_id, number, faults),
            )
            _add_counts(row, counts)
            row.state, row.updated_at = RUNNING, now
            row.next_row = max(row.next_row, rows[-1].number + 1)
        return True

    def _finish(self, import_id: int) -> None:
        with self._db.transaction() as session:
            now = self._clock.now()
            row = session.get_one(ImportRow, import_id, with_for_update=True)
            if row.state == DONE:
                return
            row.state, row.finished_at, row.updated_at = DONE, now, now
            audit.log(
                session, now, row.actor, "imported", ("import", row.id),
                created=row.created, updated=row.updated, unchanged=row.unchanged,
                rejected=row.rejected,
            )  # fmt: skip

    def _fail(self, import_id: int, reason: str) -> None:
        with self._db.transaction() as session:
            now = self._clock.now()
            row = session.get_one(ImportRow, import_id, with_for_update=True)
            row.state, row.failure, row.finished_at, row.updated_at = FAILED, reason, now, now
            audit.log(session, now, row.actor, "import_failed", ("import", row.id), reason=reason)

    def get(self, import_id: int) -> ImportView:
        """One import with its progress. Raises `NotFound`."""
        with self._db.reading() as session:
            row = session.get(ImportRow, import_id)
            if row is None:
                raise NotFound(f"没有编号为 {import_id} 的导入", import_id=import_id)
            return _view(session, row)

    def list(self, size: int = 20, cursor: str | None = None) -> ImportPage:
        """Imports newest first."""
        with self._db.reading() as session:
            query = select(ImportRow).order_by(ImportRow.id.desc()).limit(_page(size) + 1)
            if cursor is not None:
                query = query.where(ImportRow.id < read_cursor(cursor))
            rows = list(session.scalars(query))
            views = tuple(_view(session, row) for row in rows[:size])
        return ImportPage(views, str(views[-1].id) if len(rows) > size else None)

    def faults(self, import_id: int, size: int = 50, cursor: str | None = None) -> FaultPage:
        """The row report, in file order as it was found."""
        with self._db.reading() as session:
            query = select(ImportErrorRow).where(ImportErrorRow.import_id == import_id)
            if cursor is not None:
                query = query.where(ImportErrorRow.id > read_cursor(cursor))
            rows = list(session.scalars(query.order_by(ImportErrorRow.id).limit(_page(size) + 1)))
        lines = tuple(
            FaultLine(r.id, r.row, r.field, r.value, r.reason, r.mend, r.fatal) for r in rows[:size]
        )
        return FaultPage(lines, str(lines[-1].id) if len(rows) > size else None)

    def all_faults(self, import_id: int) -> Iterator[FaultLine]:
        """Every line of the row report."""
        cursor: str | None = None
        while True:
            page = self.faults(import_id, ERRORS_PAGE_MAX, cursor)
            yield from page.items
            cursor = page.next_cursor
            if cursor is None:
                return


def in_chunks(rows: Iterator[RawRow]) -> Iterator[list[RawRow]]:
    """Chunks of at most 200 rows and some 32 MiB of pictures."""
    chunk: list[RawRow] = []
    held = 0
    for row in rows:
        chunk.append(row)
        held += sum(map(len, row.pictures.values()))
        if len(chunk) == CHUNK_ROWS or held > CHUNK_PICTURE_BYTES:
            yield chunk
            chunk, held = [], 0
    if chunk:
        yield chunk


def note_faults(session: Session, import_id: int, number: int, faults: Sequence[Fault]) -> None:
    """Write down the faults of one row; of several for one field the first is kept."""
    first: dict[str, Fault] = {}
    for fault in faults:
        first.setdefault(fault.field[:64], fault)
    session.add_all(
        ImportErrorRow(
            import_id=import_id, row=number, field=name, value=fault.value, reason=fault.reason,
            mend=fault.mend, fatal=fault.fatal,
        )
        for name, fault in first.items()
    )  # fmt: skip


def _add_counts(row: ImportRow, counts: ChunkCounts) -> None:
    row.created += counts.created
    row.updated += counts.updated
    row.unchanged += counts.unchanged
    row.rejected += counts.rejected


def _view(session: Session, row: ImportRow) -> ImportView:
    source = session.get_one(SourceRow, row.source_id)
    faults = session.scalar(
        select(func.count()).select_from(ImportErrorRow).where(ImportErrorRow.import_id == row.id)
    )
    return ImportView(
        id=row.id, source=source.name, filename=row.filename, bytes=row.bytes, format=row.format,
        encoding=row.encoding, state=row.state, next_row=row.next_row,
        done_rows=row.created + row.updated + row.unchanged + row.rejected,
        total_rows=row.total_rows, created=row.created, updated=row.updated,
        unchanged=row.unchanged, rejected=row.rejected, faults=faults or 0, failure=row.failure,
        actor=row.actor, created_at=row.created_at, updated_at=row.updated_at,
        finished_at=row.finished_at,
    )  # fmt: skip


def _page(size: int) -> int:
    if not 1 <= size <= ERRORS_PAGE_MAX:
        raise InvalidInput(f"size 要在 1 到 {ERRORS_PAGE_MAX} 之间", fields={"size": str(size)})
    return size


def _plain_name(filename: str) -> str:
    """The last part of what the browser called the file; never a path of ours."""
    name = filename.replace("\\", "/").rsplit("/", 1)[-1].replace("\x00", "").strip()
    return name[-FILE_NAME_MAX:] or "upload"
