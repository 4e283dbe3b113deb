"""Excel workbooks: first sheet, first row with known column names as header.

The reader library keeps a sheet as a dense table in memory, so the size is checked before:
the zip directory, every entry unpacked once with limits, and the farthest cell of each sheet
(one cell at XFD1048576 would otherwise ask for 17 thousand million cells).
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import python_calamine

from contentcenter.domain.errors import InvalidInput
from ingest.headers import Columns, field_of, read_header
from ingest.sources.archive import Limits, chunks, opened
from ingest.sources.base import RawRow
from ingest.sources.csv_file import row_of_cells

OLE_MAGIC = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
OLE_BYTES_MAX = 64 * 1024 * 1024
CELLS_MAX = 20_000_000
HEADER_ROWS_LOOKED_AT = 10
_CELL_REFERENCE = re.compile(rb'\br="([A-Z]{1,3})(\d{1,7})"')
# Long enough that no cell reference is lost between two blocks.
_OVERLAP = 24
_DAMAGED = "Excel 文件损坏或不完整，请用 Excel 打开并另存后上传"
_LOCKED = "Excel 文件有密码，请去掉密码后上传"


class ExcelReader:
    """Rows of the first sheet that has any."""

    format = "excel"
    encoding = ""

    def __init__(self, path: Path) -> None:
        check_workbook(path)
        self._rows = _load(path)
        self._columns, self._header_number = _find_header(self._rows)
        self.notes = self._columns.notes

    def rows(self) -> Iterator[RawRow]:
        width = len(self._columns.names)
        start = self._header_number
        for number, cells in enumerate(islice(self._rows, start, None), start + 1):
            texts = [cell_text(cell) for cell in cells]
            if any(text.strip() for text in texts):
                yield row_of_cells(number, texts[:width] + _filled(texts[width:]), self._columns)


def _filled(texts: list[str]) -> list[str]:
    return texts if any(text.strip() for text in texts) else []


def check_workbook(path: Path) -> None:
    """Refuse bombs, locked and damaged workbooks before the library opens them."""
    with path.open("rb") as file:
        head = file.read(OLE_BYTES_MAX + 1)
    if head.startswith(OLE_MAGIC):
        if "EncryptedPackage".encode("utf-16-le") in head:
            raise InvalidInput(_LOCKED)
        if len(head) > OLE_BYTES_MAX:
            raise InvalidInput("xls 文件超过 64 MB，请另存为 xlsx 或 CSV")
        return
    with opened(path, Limits()) as archive:
        for name in archive.namelist():
            farthest = _farthest_cell(chunks(archive, name), name)
            if farthest > CELLS_MAX:
                raise InvalidInput(
                    f"工作表 {name} 的范围有 {farthest} 格，太大；删去远处的空行空列后上传"
                )


def _farthest_cell(blocks: Iterator[bytes], name: str) -> int:
    """Rows times columns of a sheet's used range; other entries are only unpacked."""
    is_sheet = name.startswith("xl/worksheets/")
    rows = columns = 0
    tail = b""
    for block in blocks:
        if not is_sheet:
            continue
        for letters, digits in set(_CELL_REFERENCE.findall(tail + block)):
            columns = max(columns, _column_number(letters))
            rows = max(rows, int(digits))
        tail = block[-_OVERLAP:]
    return rows * columns


def _column_number(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + letter - ord("A") + 1
    return number


def _load(path: Path) -> list[list[Any]]:
    try:
        return _first_filled_sheet(path)
    except python_calamine.PasswordError as error:
        raise InvalidInput(_LOCKED) from error
    except (python_calamine.CalamineError, OSError, ValueError) as error:
        raise InvalidInput(_DAMAGED) from error
    except BaseException as error:
        # A panic inside the library derives from BaseException (PyO3 documentation,
        # "PanicException"); it is about this file only.
        if type(error).__name__ != "PanicException":
            raise
        raise InvalidInput(_DAMAGED) from error


def _first_filled_sheet(path: Path) -> list[list[Any]]:
    with python_calamine.load_workbook(path) as workbook:
        for name in workbook.sheet_names:
            sheet = workbook.get_sheet_by_name(name)
            rows: list[list[Any]] = sheet.to_python(skip_empty_area=False)
            if any(any(cell != "" for cell in row) for row in rows):
                return rows
    raise InvalidInput("工作簿里没有内容")


def _find_header(rows: Sequence[Sequence[Any]]) -> tuple[Columns, int]:
    """Suppliers like a title line above the table: the row with most known names wins."""
    head = [[cell_text(cell) for cell in row] for row in rows[:HEADER_ROWS_LOOKED_AT]]
    known = [sum(1 for cell in row if field_of(cell) is not None) for row in head]
    best = max(range(len(head)), key=lambda at: (known[at], -at))
    if known[best] == 0:
        best = next(at for at, row in enumerate(head) if any(row)) if any(map(any, head)) else 0
    cells = head[best]
    while cells and not cells[-1].strip():
        cells.pop()
    return read_header(cells), best + 1


def cell_text(cell: Any) -> str:
    """A cell as text; whole numbers without ".0", so that an ISBN stays an ISBN."""
    if isinstance(cell, float) and cell.is_integer() and abs(cell) < 1e15:
        return str(int(cell))
    if isinstance(cell, dt.datetime):
        return cell.date().isoformat()
    if isinstance(cell, dt.date):
        return cell.isoformat()
    return "" if cell is None else str(cell)
