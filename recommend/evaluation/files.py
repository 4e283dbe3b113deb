"""The files of a search evaluation: corpus, questions and judgements, plain or gzip.

Every fault names file and line; nothing is guessed and nothing skipped without a word.
"""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from contentcenter.domain.errors import InvalidInput

_GZIP = b"\x1f\x8b"
_HIGHEST_GRADE = 30.0
_QRELS = ("query_id", "doc_id", "grade")


@dataclass(frozen=True)
class BookEntry:
    """A book that a document is about, as an item is linked to its books."""

    title: str
    author: str = ""
    translator: str = ""
    publisher: str = ""
    isbn: str = ""


@dataclass(frozen=True)
class Document:
    """`people`, `tags`, `isbns` and `books` are optional in the file."""

    id: str
    title: str
    text: str = ""
    people: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    isbns: tuple[str, ...] = ()
    books: tuple[BookEntry, ...] = ()


@dataclass(frozen=True)
class JudgedSet:
    """`judged`: grades by document id, by question id. Ids are strings throughout."""

    documents: Mapping[str, Document]
    queries: Mapping[str, str]
    judged: Mapping[str, Mapping[str, float]]

    @property
    def blank(self) -> int:
        """Judged questions without a text."""
        return sum(not self.queries[one] for one in self.judged)

    @property
    def strangers(self) -> int:
        """Judgements of documents that the corpus lacks: answers nobody can find."""
        known = self.documents
        return sum(one not in known for grades in self.judged.values() for one in grades)


def read_set(corpus: Path, queries: Path, qrels: Path) -> JudgedSet:
    """All three files. Raises `InvalidInput` with file and line."""
    documents = read_corpus(corpus)
    questions = read_queries(queries)
    judged = read_qrels(qrels, questions)
    if not judged:
        raise InvalidInput(f"{qrels}: no line judges a question of {queries}")
    return JudgedSet(documents, questions, judged)


def read_corpus(path: Path) -> dict[str, Document]:
    """jsonl {id, title, text?, people?, tags?, isbns?, books?} in the order of the file."""
    return _unique(path, json_lines(path), _document)


def read_queries(path: Path) -> dict[str, str]:
    """jsonl {id, query}. Real logs hold blank questions: they are kept and find nothing."""

    def parse(row: Mapping[str, Any], where: str) -> tuple[str, str]:
        if "query" not in row:
            raise InvalidInput(f"{where}: `query` is missing")
        return identifier_of(row, where), text_of(row, "query", where)

    return _unique(path, json_lines(path), parse)


def read_qrels(path: Path, queries: Mapping[str, str]) -> dict[str, dict[str, float]]:
    """tsv `query_id doc_id grade` with a header line. A question that nobody asks is a fault:
    its answers would silently not count."""
    judged: dict[str, dict[str, float]] = {}
    for number, line in numbered_lines(path):
        where = f"{path}, line {number}"
        cells = [cell.strip() for cell in line.split("\t")]
        if number == 1 and tuple(cell.lower() for cell in cells) == _QRELS:
            continue
        if len(cells) != len(_QRELS):
            raise InvalidInput(f"{where}: {len(cells)} columns instead of {' '.join(_QRELS)}")
        query, document, grade = cells[0], cells[1], _grade(cells[2], where)
        if query not in queries:
            raise InvalidInput(f"{where}: no question has the id {query!r}")
        judged.setdefault(query, {})[document] = grade
    return judged


Parsed = TypeVar("Parsed")
Row = tuple[int, Mapping[str, Any]]


def _unique(
    path: Path,
    rows: Iterator[Row],
    parse: Callable[[Mapping[str, Any], str], tuple[str, Parsed]],
) -> dict[str, Parsed]:
    found: dict[str, Parsed] = {}
    for number, row in rows:
        where = f"{path}, line {number}"
        identifier, value = parse(row, where)
        if identifier in found:
            raise InvalidInput(f"{where}: the id {identifier!r} is there twice")
        found[identifier] = value
    if not found:
        raise InvalidInput(f"{path}: nothing in it")
    return found


def _document(row: Mapping[str, Any], where: str) -> tuple[str, Document]:
    identifier = identifier_of(row, where)
    title, text = text_of(row, "title", where), text_of(row, "text", where)
    if not title and not text:
        raise InvalidInput(f"{where}: neither `title` nor `text`")
    return identifier, Document(
        id=identifier,
        title=title,
        text=text,
        people=texts_of(row, "people", where),
        tags=texts_of(row, "tags", where),
        isbns=texts_of(row, "isbns", where),
        books=tuple(_book(one, where) for one in _list(row, "books", where)),
    )


def _book(value: object, where: str) -> BookEntry:
    if not isinstance(value, dict) or not text_of(value, "title", where):
        raise InvalidInput(f"{where}: each of `books` needs a title")
    names = ("title", "author", "translator", "publisher", "isbn")
    return BookEntry(**{name: text_of(value, name, where) for name in names})


def identifier_of(row: Mapping[str, Any], where: str) -> str:
    """The `id` of a row, a text or a whole number, as text. `InvalidInput` with `where` (file
    and line) when it is missing."""
    value = row.get("id")
    if isinstance(value, bool) or not isinstance(value, (str, int)) or not str(value).strip():
        raise InvalidInput(f"{where}: `id` is missing")
    return str(value).strip()


def text_of(row: Mapping[str, Any], name: str, where: str) -> str:
    """A field of text, stripped; empty when it is missing. `InvalidInput` for anything else."""
    value = row.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise InvalidInput(f"{where}: `{name}` is no text")
    return value.strip()


def texts_of(row: Mapping[str, Any], name: str, where: str) -> tuple[str, ...]:
    """A field of several texts, stripped, without blank ones; empty when it is missing.
    `InvalidInput` for anything else."""
    values = _list(row, name, where)
    if not all(isinstance(value, str) for value in values):
        raise InvalidInput(f"{where}: `{name}` is no list of texts")
    return tuple(value.strip() for value in values if value.strip())


def _list(row: Mapping[str, Any], name: str, where: str) -> list[Any]:
    value = row.get(name)
    if value is None:
        return []
    if not isinstance(value, list):
        raise InvalidInput(f"{where}: `{name}` is no list")
    return value


def _grade(text: str, where: str) -> float:
    try:
        grade = float(text)
    except ValueError:
        grade = -1.0
    # The comparison is false for nan too.
    if not 0.0 <= grade <= _HIGHEST_GRADE:
        raise InvalidInput(f"{where}: {text!r} is no grade (0 to {_HIGHEST_GRADE:.0f})")
    return grade


def json_lines(path: Path) -> Iterator[Row]:
    """The objects of a jsonl file, plain or gzip, each with the number of its line.
    `InvalidInput` names file and line of what is no JSON object."""
    for number, line in numbered_lines(path):
        try:
            value = json.loads(line)
        except ValueError as error:
            raise InvalidInput(f"{path}, line {number}: no JSON ({error})") from error
        if not isinstance(value, dict):
            raise InvalidInput(f"{path}, line {number}: no JSON object")
        yield number, value


def numbered_lines(path: Path) -> Iterator[tuple[int, str]]:
    """The lines of a UTF-8 file, plain or gzip, with their numbers from 1, without the blank
    ones. Only line feeds part lines: titles hold others. `InvalidInput` for a file that cannot
    be read, unpacked or decoded."""
    text = _decoded(path, _content(path))
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            yield number, line.rstrip("\r")


def _decoded(path: Path, raw: bytes) -> str:
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise InvalidInput(f"{path}, line {line}: not UTF-8") from error


def _content(path: Path) -> bytes:
    try:
        raw = path.read_bytes()
        return gzip.decompress(raw) if raw.startswith(_GZIP) else raw
    except (OSError, EOFError, zlib.error) as error:
        raise InvalidInput(f"{path}: cannot be read ({error})") from error
