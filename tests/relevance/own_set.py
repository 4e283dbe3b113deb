"""Our own relevance set: questions and answers made from ids and rules when the data is there.

    python -m tests.relevance.own_set FOLDER

writes it as corpus.jsonl, queries.jsonl and qrels.tsv for `evaluate search`.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from recommend.evaluation.files import BookEntry, Document, JudgedSet
from tests.relevance import rules
from tests.relevance.data import BOOKS, LISTS, data_folder, json_rows
from tests.relevance.rules import Book
from tests.relevance.writing import write_set

QUESTIONS = Path(__file__).with_name("questions.jsonl")
Made = tuple[str, dict[str, float]]


def own_set(folder: Path, kinds: frozenset[str] | None = None) -> JudgedSet:
    """The whole set, or the questions of some kinds; the corpus is always every book."""
    rows = list(json_rows(folder, BOOKS))
    shop = Shop({row["id"]: Book.of(row) for row in rows}, folder)
    queries: dict[str, str] = {}
    judged: dict[str, Mapping[str, float]] = {}
    for spec in specs():
        if kinds is None or spec["kind"] in kinds:
            text, grades = _MAKERS[spec["kind"]](shop, spec)
            queries[spec["id"]], judged[spec["id"]] = text, grades
    return JudgedSet({row["id"]: _document(row) for row in rows}, queries, judged)


def specs() -> list[dict[str, Any]]:
    """The questions as they are kept: ids, rules, and the texts that are our own."""
    lines = QUESTIONS.read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


@dataclass(frozen=True)
class Shop:
    """The books and reader lists that the rules judge by."""

    books: Mapping[str, Book]
    folder: Path = field(repr=False)

    @cached_property
    def lists(self) -> list[list[str]]:
        return [row["books"] for row in json_rows(self.folder, LISTS)]

    @cached_property
    def homophones(self) -> dict[str, str]:
        return rules.homophones_in(book.title for book in self.books.values())


def _title(shop: Shop, spec: Mapping[str, Any]) -> Made:
    book = shop.books[spec["book"]]
    return book.title, rules.same_title(shop.books.values(), book)


def _partial(shop: Shop, spec: Mapping[str, Any]) -> Made:
    book = shop.books[spec["book"]]
    part = rules.part_question(book.title, spec["form"])
    return part, rules.containing(list(shop.books.values()), part, book)


def _author(shop: Shop, spec: Mapping[str, Any]) -> Made:
    name = shop.books[spec["book"]].authors[0]
    return name, rules.of_author(shop.books.values(), name)


def _pinyin(shop: Shop, spec: Mapping[str, Any]) -> Made:
    book, form = shop.books[spec["book"]], spec["form"]
    wanted = rules.pinyin_of(book.base, form)
    close = [one for one in shop.books.values() if len(one.base) == len(book.base)]
    same = {one.id: 2.0 for one in close if rules.pinyin_of(one.base, form) == wanted}
    return wanted, rules.same_title(shop.books.values(), book) | same


def _isbn(shop: Shop, spec: Mapping[str, Any]) -> Made:
    isbn = shop.books[spec["book"]].isbn
    assert isbn is not None
    grades = {one.id: 2.0 for one in shop.books.values() if one.isbn == isbn}
    return rules.isbn_question(isbn, spec["form"]), grades


def _need(shop: Shop, spec: Mapping[str, Any]) -> Made:
    return spec["query"], rules.of_tags(shop.books.values(), spec["tags"])


def _like(shop: Shop, spec: Mapping[str, Any]) -> Made:
    book = shop.books[spec["book"]]
    return f"像《{book.title}》一样的书", rules.alike(shop.books, shop.lists, book)


def _typo(shop: Shop, spec: Mapping[str, Any]) -> Made:
    book = shop.books[spec["book"]]
    text = rules.misspelt(book.title, spec["form"], shop.homophones)
    return text, rules.same_title(shop.books.values(), book)


def _traditional(shop: Shop, spec: Mapping[str, Any]) -> Made:
    book = shop.books[spec["book"]]
    return rules.traditional(book.title), rules.same_title(shop.books.values(), book)


def _volume(shop: Shop, spec: Mapping[str, Any]) -> Made:
    book = shop.books[spec["book"]]
    text = rules.volume_question(book.title, spec["form"])
    return text, rules.of_volume(shop.books.values(), book)


_MAKERS: dict[str, Callable[[Shop, Mapping[str, Any]], Made]] = {
    "title": _title,
    "partial": _partial,
    "author": _author,
    "pinyin": _pinyin,
    "isbn": _isbn,
    "need": _need,
    "like": _like,
    "typo": _typo,
    "traditional": _traditional,
    "volume": _volume,
}
KINDS = tuple(_MAKERS)


def _document(row: Mapping[str, Any]) -> Document:
    """A supplier's item about one book, as an import makes it."""
    return Document(
        id=row["id"],
        title=row["title"].strip(),
        text=row.get("intro", ""),
        tags=tuple(row.get("tags", ())),
        books=(
            BookEntry(
                title=row["title"].strip(),
                author=row.get("author", ""),
                translator=row.get("translator", ""),
                publisher=row.get("publisher", ""),
                isbn=row.get("isbn", ""),
            ),
        ),
    )


if __name__ == "__main__":
    source = data_folder()
    if source is None:
        sys.exit("no evaluation data; set CONTENTCENTER_TEST_DATA")
    write_set(own_set(source), Path(sys.argv[1]))
