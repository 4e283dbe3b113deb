"""The real books behind the size benchmark, and the rules that make a million items of them.

Titles, authors, publishers, prices and tags come from the evaluation catalogue
(`douban_catalog`: books.jsonl.gz and long_tail.tsv.gz), never from this repository.
"""

from __future__ import annotations

import csv
import gzip
import hashlib
import json
import math
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

QUERIES = 300
# One of so many well described rows is held back from the index and only asked for.
_HELD_EVERY = 100
_MOST_TAGS = 8


@dataclass(frozen=True)
class Book:
    """One catalogue row. Empty strings, no tags and None where the catalogue is silent."""

    title: str
    author: str = ""
    publisher: str = ""
    price_fen: int | None = None
    tags: tuple[str, ...] = ()
    kind: str = ""
    rating: float = 0.0

    @property
    def text(self) -> str:
        """What is embedded: the title and what readers say it is about."""
        return f"{self.title} {' '.join(self.tags[:3])}".strip()


@dataclass(frozen=True)
class Catalogue:
    """`shown` go into the index, `held` are only asked for."""

    shown: list[Book]
    held: list[Book]

    def mark(self) -> str:
        """Tells one catalogue from another, so that cached vectors fit their books."""
        texts = "\n".join(book.text for book in (*self.shown, *self.held))
        return hashlib.sha256(texts.encode()).hexdigest()[:16]


def data_folder() -> Path:
    """Raises FileNotFoundError when the evaluation data is not there."""
    given = os.environ.get("CONTENTCENTER_TEST_DATA")
    folder = Path(given) if given else Path(__file__).resolve().parents[2] / "shared" / "data"
    if not (folder / "douban_catalog" / "books.jsonl.gz").exists():
        raise FileNotFoundError(f"no douban_catalog in {folder}; set CONTENTCENTER_TEST_DATA")
    return folder / "douban_catalog"


def load_catalogue(folder: Path | None = None) -> Catalogue:
    """Well described books first, then the long tail; every 100th of the first is held back
    until there are enough to ask 300 questions about."""
    folder = folder or data_folder()
    shown: list[Book] = []
    held: list[Book] = []
    for place, book in enumerate(_books(folder / "books.jsonl.gz")):
        asked = book.author and book.tags and place % _HELD_EVERY == 0
        if asked and len(held) < QUERIES:
            held.append(book)
        else:
            shown.append(book)
    shown.extend(_long_tail(folder / "long_tail.tsv.gz"))
    return Catalogue(shown, held)


def _books(path: Path) -> Iterator[Book]:
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for line in lines:
            row = json.loads(line)
            price = row.get("price_cny")
            yield Book(
                title=row["title"],
                author=row.get("author", ""),
                publisher=row.get("publisher", ""),
                price_fen=None if price is None else round(price * 100),
                tags=tuple(row.get("tags", ())[:_MOST_TAGS]),
                kind=(row.get("kinds") or [""])[0],
                rating=_rating(row.get("rating")),
            )


def _long_tail(path: Path) -> Iterator[Book]:
    with gzip.open(path, "rt", encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines, delimiter="\t"):
            tags = tuple(tag for tag in (row["tags"] or "").split("|") if tag)
            yield Book(row["title"], tags=tags[:_MOST_TAGS], rating=_rating(row["rating"]))


def _rating(value: object) -> float:
    """0 where the catalogue has none; it says NaN here and there."""
    rating = float(str(value or 0))
    return rating if math.isfinite(rating) else 0.0
