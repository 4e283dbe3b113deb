"""CSV and its relatives, read so that one broken row costs one row.

The standard reader decides what a record is; we hand it lines one by one and keep them, so
that after an unbalanced quote the lines it had swallowed are read again as rows of their own.
"""

from __future__ import annotations

import csv
import io
from collections import deque
from collections.abc import Iterator
from typing import TextIO

from contentcenter.domain.errors import InvalidInput
from ingest.faults import Fault, shorten
from ingest.headers import Columns, field_of, read_header
from ingest.sources.base import ROW_CHARS_MAX, RawRow
from ingest.sources.encoding import TextFile

DELIMITERS = (",", ";", "\t", "|", "，")
RECORD_LINES_MAX = 500
_ROW = "整行"
# Stands in the queue of waiting lines for one that was too long to keep; no line is empty.
_LONG = ""


class CsvReader:
    """Rows of a delimited text file with a header line."""

    format = "csv"

    def __init__(self, file: TextFile) -> None:
        self._file = file
        self.encoding = file.encoding
        with self._open() as text:
            head = text.readline(ROW_CHARS_MAX)
            self._delimiter = sniff_delimiter(head)
        self._columns, self._header_number = self._read_header()
        self.notes = self._columns.notes

    def _open(self) -> TextIO:
        raw = self._file.path.open("rb")
        raw.seek(self._file.skip)
        return io.TextIOWrapper(raw, encoding=self._file.encoding, newline="")

    def _read_header(self) -> tuple[Columns, int]:
        with self._open() as text:
            for number, cells, fault in read_records(text, self._delimiter):
                if fault is not None:
                    raise InvalidInput(f"表头读不出来：{fault.reason}。{fault.mend}")
                if any(cell.strip() for cell in cells):
                    return read_header(cells), number
        raise InvalidInput("文件里没有内容")

    def rows(self) -> Iterator[RawRow]:
        with self._open() as text:
            for number, cells, fault in read_records(text, self._delimiter):
                if number <= self._header_number:
                    continue
                if fault is not None:
                    yield RawRow(number, {}, (fault,))
                elif any(cell.strip() for cell in cells):
                    yield row_of_cells(number, cells, self._columns)


def sniff_delimiter(head: str) -> str:
    """The delimiter under which most column names are known; by count when none is."""

    def merit(mark: str) -> tuple[int, int]:
        cells = head.replace('"', "").split(mark)
        return sum(1 for cell in cells if field_of(cell) is not None), len(cells)

    return max(DELIMITERS, key=merit)


def row_of_cells(number: int, cells: list[str], columns: Columns) -> RawRow:
    """Cells by field name. Filled cells beyond the header mean shifted columns: refused."""
    extra = [cell for cell in cells[len(columns.names) :] if cell.strip()]
    if extra:
        fault = Fault(
            _ROW, shorten(extra[0]), f"有 {len(cells)} 列，表头只有 {len(columns.names)} 列",
            "内容里有分隔符时，用英文双引号把整格括起来",
        )  # fmt: skip
        return RawRow(number, {}, (fault,))
    pairs = zip(columns.names, cells, strict=False)
    return RawRow(number, {name: cell for name, cell in pairs if name is not None})


Record = tuple[int, list[str], Fault | None]


def read_records(text: TextIO, delimiter: str) -> Iterator[Record]:
    """Numbered records from 1; a record that cannot be read comes as a fault."""
    lines = _Lines(text)
    number = 0
    while True:
        lines.begin()
        number += 1
        try:
            cells = next(csv.reader(lines, delimiter=delimiter, strict=True))
        except StopIteration:
            return
        except _TooLongLine:
            yield number, [], _too_long()
        except (_EndlessRecord, csv.Error) as error:
            first = lines.give_back_all_but_first()
            yield number, [], _quote_fault(first, error)
        else:
            yield number, cells, None


def _too_long() -> Fault:
    mend = "检查是否少了换行，或把长文另存为 Markdown 上传"
    return Fault(_ROW, "", f"这一行超过 {ROW_CHARS_MAX} 个字", mend)


def _quote_fault(first: str, error: Exception) -> Fault:
    reason = "英文双引号没有配对"
    if "field limit" in str(error):
        # The standard reader's own bound (csv.field_size_limit), which we leave alone.
        reason = "有一格超过 131072 个字，可能是双引号没有配对"
    return Fault(_ROW, shorten(first), reason, '格里的双引号写成两个（""），并用双引号把整格括起来')


class _TooLongLine(Exception):
    pass


class _EndlessRecord(Exception):
    pass


class _Lines:
    """Physical lines for one record at a time, remembered until the record is read."""

    def __init__(self, text: TextIO) -> None:
        self._text = text
        self._waiting: deque[str] = deque()
        self._used: list[str] = []

    def begin(self) -> None:
        self._used = []

    def give_back_all_but_first(self) -> str:
        self._waiting.extendleft(reversed(self._used[1:]))
        return self._used[0] if self._used else ""

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        if self._waiting:
            line = self._waiting.popleft()
            if line == _LONG:
                raise _TooLongLine
        else:
            line = self._read()
        if not line:
            raise StopIteration
        self._used.append(line)
        held = sum(len(used) for used in self._used)
        if len(self._used) > RECORD_LINES_MAX or held > ROW_CHARS_MAX:
            raise _EndlessRecord
        return line

    def _read(self) -> str:
        line = self._text.readline(ROW_CHARS_MAX)
        if len(line) < ROW_CHARS_MAX or line.endswith(("\n", "\r")):
            return line
        while line and not line.endswith(("\n", "\r")):
            line = self._text.readline(ROW_CHARS_MAX)
        if self._used:
            # It belongs to the rows after the broken one: report it when its turn comes.
            self._waiting.append(_LONG)
            raise _EndlessRecord
        raise _TooLongLine
