"""The files of `evaluate match`: items, audiences with their items, and what is to be found."""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from contentcenter.domain.errors import InvalidInput
from recommend.evaluation.files import identifier_of, json_lines, numbered_lines, text_of, texts_of
from recommend.matching.traits import Traits, people

_YEAR = re.compile(r"(?:1[5-9]|20)\d\d")
_YUAN_MOST = 100_000.0


@dataclass(frozen=True)
class MatchBook:
    """A book of a file: what is embedded, what is compared, what it costs."""

    id: str
    title: str
    text: str
    traits: Traits
    price_fen: int | None


@dataclass(frozen=True)
class MatchAudience:
    """A reader list as an audience: a name and what it answered to."""

    id: str
    name: str
    books: tuple[str, ...]


@dataclass(frozen=True)
class MatchSet:
    """`truth`: audiences by test book. No audience holds a test book it is asked about."""

    books: Mapping[str, MatchBook]
    audiences: Sequence[MatchAudience]
    truth: Mapping[str, frozenset[str]]


def read_match_set(items: Sequence[Path], audiences: Path, test: Path) -> MatchSet:
    """All files. Raises `InvalidInput` with file and line."""
    books, lists = read_books(items), read_lists(audiences)
    truth = _truth(test, {one.id for one in lists}, books)
    return MatchSet(books, [_without(one, books, truth) for one in lists], truth)


def read_books(items: Sequence[Path]) -> dict[str, MatchBook]:
    """jsonl {id, title, author?, translator?, publisher?, pub_date?, tags?, intro?, price_cny?,
    rating? (of 10), votes?}; of an id that is there twice, the last counts."""
    books: dict[str, MatchBook] = {}
    for path in items:
        for number, row in json_lines(path):
            book = _book(row, f"{path}, line {number}")
            books[book.id] = book
    return books


def read_lists(path: Path) -> list[MatchAudience]:
    """jsonl {list_id, name, books[]}."""
    return [_audience(row, f"{path}, line {number}") for number, row in json_lines(path)]


def _without(
    audience: MatchAudience, books: Mapping[str, MatchBook], truth: Mapping[str, frozenset[str]]
) -> MatchAudience:
    """A test book is new to everyone: what a list says about it is left out."""
    kept = tuple(one for one in audience.books if one in books and one not in truth)
    return MatchAudience(audience.id, audience.name, kept)


def _truth(
    path: Path, known: set[str], books: Mapping[str, MatchBook]
) -> dict[str, frozenset[str]]:
    found: dict[str, set[str]] = {}
    for number, line in numbered_lines(path):
        cells = [cell.strip() for cell in next(csv.reader([line]))]
        if number == 1 and [cell.lower() for cell in cells] == ["book_id", "list_id"]:
            continue
        where = f"{path}, line {number}"
        if len(cells) != 2:
            raise InvalidInput(f"{where}: {len(cells)} columns instead of book_id,list_id")
        if cells[0] not in books:
            raise InvalidInput(f"{where}: no item has the id {cells[0]!r}")
        if cells[1] not in known:
            raise InvalidInput(f"{where}: no audience has the id {cells[1]!r}")
        found.setdefault(cells[0], set()).add(cells[1])
    if not found:
        raise InvalidInput(f"{path}: nothing in it")
    return {book: frozenset(lists) for book, lists in found.items()}


def _audience(row: Mapping[str, Any], where: str) -> MatchAudience:
    identifier = row.get("list_id")
    if not isinstance(identifier, (str, int)) or not str(identifier).strip():
        raise InvalidInput(f"{where}: `list_id` is missing")
    return MatchAudience(
        str(identifier).strip(), text_of(row, "name", where), texts_of(row, "books", where)
    )


def _book(row: Mapping[str, Any], where: str) -> MatchBook:
    title = text_of(row, "title", where)
    author, translator = text_of(row, "author", where), text_of(row, "translator", where)
    return MatchBook(
        id=identifier_of(row, where),
        title=title,
        text=text_of(row, "intro", where),
        traits=Traits(
            title=title,
            tags=texts_of(row, "tags", where),
            authors=tuple(dict.fromkeys((*people(author), *people(translator)))),
            publisher=text_of(row, "publisher", where),
            year=_year(text_of(row, "pub_date", where)),
            quality=_number(row, "rating", 10.0),
            reach=_number(row, "votes", 1.0),
        ),
        price_fen=_fen(row),
    )


def _number(row: Mapping[str, Any], name: str, scale: float) -> float | None:
    """None for a missing figure or a 0, which stands for "nobody said"."""
    value = row.get(name)
    return float(value) / scale if isinstance(value, (int, float)) and value > 0 else None


def _fen(row: Mapping[str, Any]) -> int | None:
    value = row.get("price_cny")
    told = isinstance(value, (int, float)) and 0 < value < _YUAN_MOST
    return round(100 * float(value)) if told and value is not None else None


def _year(text: str) -> int | None:
    found = _YEAR.search(text)
    return int(found.group()) if found else None
