"""A million items out of some hundred thousand real titles, by stated rules.

Item `i` (from 0) is book `i % n` in round `i // n`:

* round 0 is the book as it is; later rounds are further editions and volumes of it: the title
  gets a suffix of `_SUFFIXES`, the vector moves by `spread * (a - b)` and is made unit length
  again, where `a` and `b` are the vectors of two other titles. Differences of real vectors
  keep the shape of the model's space; `spread` is set so that an edition lies as far from its
  book as the model itself places the title with the suffix (see size_vectors.calibrate);
* long-tail books have no author, publisher or price: they borrow those of a described book;
* state, kind, category, source and date follow a hash of `i`.

So the first 200,000 items of a million are the 200,000 items.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt

from bench.size_catalog import Book, Catalogue
from contentcenter.embedding.ports import Vectors
from contentcenter.search.ports import Filters, IndexDocument, TextField

Places = npt.NDArray[np.int64]
START = datetime(2024, 1, 1, tzinfo=UTC)
_SECONDS = 60_000_000
_CATEGORIES, _SOURCES = 25, 3
_KINDS = ("ugc", "pgc", "supplier")

_SUFFIXES = (
    "第二版", "修订版", "上册", "下册", "精装本", "插图本", "典藏版", "第一卷",
    "第二卷", "第三卷", "全译本", "青少版", "纪念版", "导读", "续编", "双语版",
)  # fmt: skip

ONE_PERCENT = Filters(categories=("c7",), sources=("s1",), states=("published",))


def hashed(places: Places, salt: int) -> npt.NDArray[np.uint64]:
    """A well mixed number for each place (splitmix64), so that no rule follows the order."""
    with np.errstate(over="ignore"):
        mixed = places.astype(np.uint64) + np.uint64(salt) * np.uint64(0x9E3779B97F4A7C15)
        mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return np.asarray(mixed ^ (mixed >> np.uint64(31)))


def _choice(places: Places, salt: int, size: int) -> Places:
    return np.asarray(hashed(places, salt) % np.uint64(size)).astype(np.int64)


def edition_title(book: Book, place: int, number: int) -> str:
    """The title of item `place` in round `number`."""
    return f"{book.title} {_SUFFIXES[(place + number) % len(_SUFFIXES)]}" if number else book.title


@dataclass(frozen=True)
class Item:
    """What the product's analyser gets: see `contentcenter.documents.make_document`."""

    title: str
    people: tuple[str, ...]
    tags: tuple[str, ...]
    body: str


class Items:
    """Texts, columns and vectors of any stretch of items, made when asked for."""

    def __init__(self, catalogue: Catalogue, vectors: Vectors, spread: float) -> None:
        self._books = catalogue.shown
        self._vectors = vectors
        self._spread = spread
        self._described = [book for book in self._books if book.author and book.price_fen]
        self._prices = np.array([self._owner(p).price_fen for p in range(len(self._books))])

    def _owner(self, place: int) -> Book:
        book = self._books[place]
        if book.author and book.price_fen:
            return book
        return self._described[place * 7919 % len(self._described)]

    def item(self, place: int) -> Item:
        number, at = divmod(place, len(self._books))
        book, owner = self._books[at], self._owner(at)
        title = edition_title(book, at, number)
        author = book.author or owner.author
        publisher = book.publisher or owner.publisher
        body = f"{book.title} {publisher}\n{'、'.join(book.tags)}"
        return Item(title, (author,), book.tags, body)

    def vectors(self, start: int, stop: int) -> Vectors:
        """Unit vectors of items `start` to `stop`, shape (stop - start, dimension)."""
        places = np.arange(start, stop)
        size = len(self._vectors)
        found = np.array(self._vectors[places % size])
        later = np.flatnonzero(places >= size)
        if len(later):
            moved = places[later]
            one = self._vectors[_choice(moved, 11, size)]
            other = self._vectors[_choice(moved, 12, size)]
            found[later] += self._spread * (one - other)
            found[later] /= np.linalg.norm(found[later], axis=1, keepdims=True)
        return found

    def columns(self, start: int, stop: int) -> dict[str, npt.NDArray[Any]]:
        places = np.arange(start, stop)
        return {
            "published": _choice(places, 1, 10) < 8,
            "category": _choice(places, 2, _CATEGORIES),
            "source": _choice(places, 3, _SOURCES),
            "kind": _choice(places, 4, len(_KINDS)),
            "date": _choice(places, 5, _SECONDS),
            "price": self._prices[places % len(self._books)],
        }

    def ten_percent(self) -> Filters:
        """Published and in a price band around the middle with an eighth of the books, as
        nearly as list prices allow, which crowd at round numbers."""
        prices, counts = np.unique(self._prices, return_counts=True)
        upto = np.concatenate([[0.0], np.cumsum(counts) / len(self._prices)])
        share = upto[None, 1:] - upto[:-1, None]  # of the band from one price to another
        far = np.where((upto[:-1, None] > 0.3) & (upto[:-1, None] < 0.5), share - 0.125, np.inf)
        low, high = np.unravel_index(np.argmin(np.abs(far)), far.shape)
        return Filters(
            states=("published",),
            price_min_fen=int(prices[low]),
            price_max_fen=int(prices[high]),
        )

    def passing(self, filters: Filters, start: int, stop: int) -> npt.NDArray[np.bool_]:
        """Which of the items pass one of the two benchmark filters."""
        columns = self.columns(start, stop)
        mask = np.ones(stop - start, np.bool_)
        if filters.states:
            mask &= columns["published"]
        if filters.categories:
            mask &= (columns["category"] == 7) & (columns["source"] == 1)
        if filters.price_max_fen is not None:
            mask &= columns["price"] >= (filters.price_min_fen or 0)
            mask &= columns["price"] <= filters.price_max_fen
        return mask

    def documents(
        self, start: int, texts: list[Mapping[TextField, str]], *, vectors: bool = True
    ) -> Iterator[IndexDocument]:
        """The index documents of the items from `start` on, one for each of `texts`."""
        stop = start + len(texts)
        columns = self.columns(start, stop)
        rows = self.vectors(start, stop) if vectors else None
        for at, text in enumerate(texts):
            book = self._books[(start + at) % len(self._books)]
            yield IndexDocument(
                id=start + at + 1,
                revision=1,
                text=text,
                vector=None if rows is None else rows[at],
                kind=_KINDS[columns["kind"][at]],
                state="published" if columns["published"][at] else "ready",
                category=f"c{columns['category'][at]}",
                tags=book.tags,
                publishers=(book.publisher,) if book.publisher else (),
                source=f"s{columns['source'][at]}",
                price_fen=int(columns["price"][at]),
                quality=book.rating / 10,
                published_at=START + timedelta(seconds=int(columns["date"][at])),
            )


def question(book: Book, place: int) -> str:
    """What is asked about a held-back book: half of the title, author and tag, or tags."""
    form = place % 3
    if form == 0:
        return (
            book.title[len(book.title) // 4 :][: max(2, len(book.title) // 2)].strip() or book.title
        )
    if form == 1:
        return f"{book.author.split('/')[0].strip()} {book.tags[0]}"
    return " ".join(book.tags[:2])
