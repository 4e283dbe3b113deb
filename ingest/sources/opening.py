"""From an uploaded file to its reader: by what the bytes say first, by the name second."""

from __future__ import annotations

import zipfile
from pathlib import Path

from contentcenter.domain.errors import InvalidInput
from ingest.sources.archive import Limits, opened
from ingest.sources.base import Reader
from ingest.sources.csv_file import CsvReader
from ingest.sources.encoding import inspect_text
from ingest.sources.excel_file import OLE_MAGIC, ExcelReader
from ingest.sources.json_lines import JsonLinesReader
from ingest.sources.markdown_files import MarkdownReader, MarkdownZipReader

_WORKBOOK_PARTS = {"xl/workbook.xml", "xl/workbook.bin"}
SUFFIXES = (
    ".csv", ".tsv", ".txt", ".xlsx", ".xlsm", ".xls", ".jsonl", ".ndjson", ".json", ".md",
    ".markdown", ".zip",
)  # fmt: skip


def open_reader(path: Path, filename: str) -> Reader:
    """A reader for the file, already found readable as a whole.

    Raises `InvalidInput` with a reason the supplier can act on.
    """
    suffix = Path(filename).suffix.lower()
    with path.open("rb") as file:
        magic = file.read(8)
    if not magic:
        raise InvalidInput("文件是空的", bytes=0)
    if magic.startswith(OLE_MAGIC):
        return ExcelReader(path)
    if magic.startswith(b"PK"):
        return ExcelReader(path) if _is_workbook(path) else MarkdownZipReader(path)
    if suffix in {".xlsx", ".xlsm", ".xls", ".zip"} and not _looks_like_text(magic):
        raise InvalidInput("文件损坏，或扩展名与内容不符；请重新导出后上传")
    if suffix in {".md", ".markdown"}:
        return MarkdownReader(path, filename)
    if suffix not in SUFFIXES:
        shown = suffix or "没有扩展名"
        raise InvalidInput(f"不支持的文件类型：{shown}。支持：{'、'.join(SUFFIXES)}", suffix=suffix)
    if suffix in {".jsonl", ".ndjson", ".json"}:
        return JsonLinesReader(inspect_text(path))
    return CsvReader(inspect_text(path))


def _looks_like_text(magic: bytes) -> bool:
    """Some shops name their CSV or HTML exports .xls; the text reader has words for both."""
    return all(byte >= 0x20 or byte in b"\t\r\n" for byte in magic)


def _is_workbook(path: Path) -> bool:
    try:
        with opened(path, Limits(total_bytes=2**40, entry_bytes=2**40, ratio=2**40)) as archive:
            return bool(_WORKBOOK_PARTS & set(archive.namelist()))
    except zipfile.BadZipFile as error:
        raise InvalidInput("压缩文件损坏或不完整，请重新保存后上传") from error
