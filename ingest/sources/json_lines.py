"""JSON Lines: one object a line; a line that cannot be read costs that line."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Mapping
from typing import NoReturn, TextIO

from contentcenter.domain.errors import InvalidInput
from ingest.faults import Fault, shorten
from ingest.headers import FIELDS, check_required, field_of
from ingest.sources.base import ROW_CHARS_MAX, RawRow
from ingest.sources.encoding import TextFile

_LINE = "整行"
_LINES_LOOKED_AT = 20
Scalar = str | int | float | bool | None


class JsonLinesReader:
    """Rows of a JSON Lines file, keyed by the same names as a table's columns."""

    format = "jsonl"

    def __init__(self, file: TextFile) -> None:
        self._file = file
        self.encoding = file.encoding
        self.notes: tuple[Fault, ...] = ()
        self._check_shape()

    def _open(self) -> TextIO:
        raw = self._file.path.open("rb")
        raw.seek(self._file.skip)
        return io.TextIOWrapper(raw, encoding=self._file.encoding, newline="\n")

    def _check_shape(self) -> None:
        """A file that is no JSON Lines at all gets one message instead of one a line."""
        seen: set[str] = set()
        objects = lines = 0
        with self._open() as text:
            for _, line in _lines(text):
                if not lines and line is not None and line.lstrip().startswith("["):
                    raise InvalidInput("这是一个 JSON 数组；请改成 JSON Lines，每行一个对象")
                lines += 1
                value = _peek(line)
                objects += value is not None
                seen.update(value or ())
                if lines >= _LINES_LOOKED_AT and objects:
                    break
        if objects:
            check_required({name for key in seen if (name := field_of(key))}, sorted(seen))
        elif not lines:
            raise InvalidInput("文件里没有内容")

    def rows(self) -> Iterator[RawRow]:
        with self._open() as text:
            for number, line in _lines(text):
                yield _row(number, line)


def _lines(text: TextIO) -> Iterator[tuple[int, str | None]]:
    """Numbered lines without blank ones; None stands for one that is too long."""
    number = 0
    while line := text.readline(ROW_CHARS_MAX):
        number += 1
        too_long = len(line) == ROW_CHARS_MAX and not line.endswith("\n")
        while too_long and line and not line.endswith("\n"):
            line = text.readline(ROW_CHARS_MAX)
        if too_long:
            yield number, None
        elif line.strip():
            yield number, line


def _peek(line: str | None) -> dict[str, object] | None:
    try:
        return parse_object(line) if line is not None else None
    except _BadLine:
        return None


class _BadLine(Exception):
    def __init__(self, reason: str, mend: str) -> None:
        super().__init__(reason)
        self.fault = (reason, mend)


def parse_object(line: str) -> dict[str, object]:
    """The object on one line; NaN and Infinity, which are not JSON, are refused."""
    try:
        value = json.loads(line, parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        raise _BadLine(f"不是合法的 JSON（第 {error.colno} 个字符）", "检查引号和逗号") from error
    except RecursionError as error:
        raise _BadLine("嵌套太深", "只用一层：字段名和文字、数字或文字列表") from error
    except ValueError as error:
        raise _BadLine(str(error), "用普通的数字，或留空") from error
    if not isinstance(value, dict):
        raise _BadLine("这一行不是 JSON 对象", '写成 {"title": "…", "isbn": "…"}')
    return value


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} 不是 JSON 数字")


def _row(number: int, line: str | None) -> RawRow:
    if line is None:
        reason = f"这一行超过 {ROW_CHARS_MAX} 个字"
        return RawRow(number, {}, (Fault(_LINE, "", reason, "检查是否少了换行"),))
    try:
        value = parse_object(line)
    except _BadLine as bad:
        return RawRow(number, {}, (Fault(_LINE, shorten(line), *bad.fault),))
    return fields_of(number, value)


def fields_of(number: int, value: Mapping[str, object]) -> RawRow:
    """Known keys as text; lists of plain values are joined; nested values are faults."""
    values: dict[str, str] = {}
    faults: list[Fault] = []
    for key, content in value.items():
        name = FIELDS.get(key.strip().casefold()) or field_of(key)
        if name is None or (values.get(name) and not _plain(content)):
            continue
        text = _plain(content)
        if text is None:
            reason, mend = "这里要文字、数字或文字列表", "不要在里面再放对象"
            faults.append(Fault(name, shorten(str(content)), reason, mend, fatal=name == "title"))
        elif not values.get(name):
            values[name] = text
    return RawRow(number, values, tuple(faults))


def _plain(content: object) -> str | None:
    if content is None:
        return ""
    if isinstance(content, str):
        return content
    if isinstance(content, bool):
        return None
    if isinstance(content, int | float):
        whole = isinstance(content, float) and content.is_integer()
        return str(int(content)) if whole else repr(content)
    if isinstance(content, list):
        parts = [_plain(part) for part in content if not isinstance(part, list)]
        known = [part for part in parts if part is not None]
        return "、".join(known) if len(known) == len(content) else None
    return None
