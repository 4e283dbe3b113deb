"""Imports: the file, how far it is, and every row that could not be taken. Near-duplicate
bands of items, and the titles under which works are mentioned."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from contentcenter.store.base import BigId, Table


class ImportRow(Table):
    """One uploaded file. `next_row` is where a resumed run goes on; counts are of rows.

    States: uploaded, running, done, failed. `done` may still have bad rows.
    """

    __tablename__ = "imports"
    __table_args__ = (Index("uq_imports_file", "source_id", "sha256", unique=True),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    source_id: Mapped[int] = mapped_column(ForeignKey("sources.id"), index=True)
    filename: Mapped[str] = mapped_column(String(200))
    path: Mapped[str] = mapped_column(String(300))  # below the upload folder
    sha256: Mapped[str] = mapped_column(String(64))
    bytes: Mapped[int]
    format: Mapped[str] = mapped_column(String(16), default="")
    encoding: Mapped[str] = mapped_column(String(32), default="")
    state: Mapped[str] = mapped_column(String(16))
    next_row: Mapped[int] = mapped_column(default=1)
    total_rows: Mapped[int | None]
    created: Mapped[int] = mapped_column(default=0)
    updated: Mapped[int] = mapped_column(default=0)
    unchanged: Mapped[int] = mapped_column(default=0)
    rejected: Mapped[int] = mapped_column(default=0)
    failure: Mapped[str] = mapped_column(Text, default="")
    actor: Mapped[str] = mapped_column(String(120))
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]


class ImportErrorRow(Table):
    """One fault in one row: where, what, and how to mend it."""

    __tablename__ = "import_errors"
    __table_args__ = (UniqueConstraint("import_id", "row", "field"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    import_id: Mapped[int] = mapped_column(ForeignKey("imports.id", ondelete="CASCADE"))
    row: Mapped[int]
    field: Mapped[str] = mapped_column(String(64))
    value: Mapped[str] = mapped_column(String(200), default="")
    reason: Mapped[str] = mapped_column(Text)
    mend: Mapped[str] = mapped_column(Text)
    fatal: Mapped[bool] = mapped_column(default=True)  # False: the row was kept, with a gap


class SignatureBandRow(Table):
    """One band of an item's near-duplicate signature: items that share a band are compared."""

    __tablename__ = "item_signature_bands"
    __table_args__ = {"sqlite_with_rowid": False}  # noqa: RUF012

    band: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    item_id: Mapped[int] = mapped_column(
        ForeignKey("items.id", ondelete="CASCADE"), primary_key=True, index=True
    )


class WorkTitleRow(Table):
    """A normalised title under which a work is mentioned: its full one, and the short one
    without the subtitle."""

    __tablename__ = "work_titles"
    __table_args__ = {"sqlite_with_rowid": False}  # noqa: RUF012

    title_key: Mapped[str] = mapped_column(String(200), primary_key=True)
    work_id: Mapped[int] = mapped_column(
        ForeignKey("works.id", ondelete="CASCADE"), primary_key=True, index=True
    )
