"""The search port. Text arrives analysed: an engine splits on white space, nothing else.

SQL is the truth; an index is a copy that can be thrown away and rebuilt. Every adapter
passes tests/contract/search_index_suite.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from contentcenter.embedding.ports import ModelIdentity, Vectors

# Analysis makes fields and queries, engines read them: they lie with the text, below.
from contentcenter.text.query import Clause, LexicalQuery, TextField

__all__ = [
    "Clause",
    "Filters",
    "Hit",
    "IndexDocument",
    "IndexRebuild",
    "IndexStats",
    "LexicalQuery",
    "Mark",
    "Order",
    "Page",
    "SearchIndex",
    "TextField",
]


@dataclass(frozen=True)
class IndexDocument:
    """One item as an engine sees it. `price_fen` is the lowest price of its linked books."""

    id: int
    revision: int
    text: Mapping[TextField, str]
    vector: Vectors | None
    kind: str
    state: str
    category: str = "other"
    tags: tuple[str, ...] = ()
    publishers: tuple[str, ...] = ()
    source: str = ""
    price_fen: int | None = None
    in_stock: bool = True
    quality: float = 0.5
    published_at: datetime | None = None
    rights_until: datetime | None = None
    works: tuple[int, ...] = ()
    channel_kinds: tuple[str, ...] = ()  # empty = every channel is allowed
    years: tuple[int, ...] = ()  # when its books came out


@dataclass(frozen=True)
class Filters:
    """All given conditions must hold; inside one tuple any value is enough.

    `tags_all` is the exception: every named tag must be there. `exclude_ids` is for seen
    sets. `rights_at` keeps documents whose rights window is still open at that time. Bounds
    are inclusive; with both years given, one of a document's years must lie between them.
    """

    kinds: tuple[str, ...] = ()
    states: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    tags_all: tuple[str, ...] = ()
    publishers: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    works: tuple[int, ...] = ()
    price_min_fen: int | None = None
    price_max_fen: int | None = None
    year_min: int | None = None
    year_max: int | None = None
    published_after: datetime | None = None
    rights_at: datetime | None = None
    in_stock: bool | None = None
    channel_kind: str | None = None
    ids: tuple[int, ...] | None = None
    exclude_ids: tuple[int, ...] = ()


class Order(StrEnum):
    """How a selection is sorted; ids (ascending for OLDEST and CHEAPEST, descending for the
    others) decide among equals. Documents without a price or date come last in every order,
    except that those without a date come first in OLDEST."""

    NEWEST = "newest"
    OLDEST = "oldest"
    CHEAPEST = "cheapest"
    DEAREST = "dearest"


@dataclass(frozen=True)
class Mark:
    """A place in a sorted selection: the sort value (microseconds since 1970, or fen) and the
    id of the last document before it. Plain numbers, so that it fits into a cursor."""

    value: int | None
    id: int


@dataclass(frozen=True)
class Page:
    """`next` is None when nothing follows."""

    ids: tuple[int, ...]
    next: Mark | None


@dataclass(frozen=True)
class Hit:
    """`score` is BM25 for lexical answers and cosine similarity (-1..1) for nearest."""

    id: int
    score: float


@dataclass(frozen=True)
class IndexStats:
    documents: int
    vectors: int
    disk_bytes: int
    model: ModelIdentity | None
    details: Mapping[str, object] = field(default_factory=dict)


class IndexRebuild(Protocol):
    """A new generation being filled beside the live one. Leaving the context without
    `commit` (or by an exception) throws the half-built one away."""

    def put(self, documents: Sequence[IndexDocument]) -> None: ...

    def commit(self) -> None:
        """Switch readers to the new generation; documents that were put into or removed from
        the live index since the rebuild began are carried over."""
        ...


class SearchIndex(Protocol):
    """Search over items. Readable by many processes while one writes; a write is visible to
    every process when the call returns. Raises `EngineUnavailable` when the engine does not
    answer and `ModelMismatch` for a vector of another model or dimension."""

    def put(self, documents: Sequence[IndexDocument]) -> None:
        """Insert or replace by id, as one batch: all or nothing. An older revision than the
        stored one is ignored."""
        ...

    def remove(self, ids: Sequence[int]) -> None:
        """Remove from text and vector side; unknown ids are fine."""
        ...

    def lexical(self, query: LexicalQuery, filters: Filters, limit: int) -> list[Hit]:
        """Best BM25 matches first; ties by id ascending. An empty query gives []."""
        ...

    def nearest(self, vectors: Vectors, filters: Filters, limit: int) -> list[list[Hit]]:
        """For each row of `vectors` (n, dimension): the nearest documents by cosine, the
        filters applied inside the scan, so `limit` hits come back whenever that many match."""
        ...

    def vectors(self, ids: Sequence[int]) -> Mapping[int, Vectors]:
        """Stored vectors by id; ids without one are left out."""
        ...

    def select(self, filters: Filters, limit: int, order: Order = Order.NEWEST) -> list[int]:
        """Ids that pass the filters, sorted."""
        ...

    def page(
        self, filters: Filters, limit: int, order: Order = Order.NEWEST, after: Mark | None = None
    ) -> Page:
        """Like `select`, from behind `after` on. Stable while others write: a document that
        nobody touched comes exactly once in a chain of pages."""
        ...

    def facets(
        self, ids: Iterable[int] | None, filters: Filters, names: Sequence[str], size: int = 20
    ) -> dict[str, list[tuple[str, int]]]:
        """Counts of `kind`, `category`, `tag`, `publisher`, `source`, `year` and `price_band`
        (labels of `contentcenter.domain.prices`), over the given ids or over everything that
        passes the filters; most frequent first, equals by label."""
        ...

    def rebuild(self, model: ModelIdentity) -> AbstractContextManager[IndexRebuild]:
        """Start a new generation for this model."""
        ...

    def stats(self) -> IndexStats: ...
