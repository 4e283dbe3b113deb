"""Titles, authors, tags and books of what is published, with how often each stands there:
the stuff of completions, corrections and related questions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from contentcenter.domain.content import ItemState
from contentcenter.store.tables import BookRow, ItemBookRow, ItemRow, ItemTagRow, TagRow
from contentcenter.text.names import name_parts
from contentcenter.text.normalise import normalise

# About 100 MB of indexes in each web process; beyond, the newest titles and the most used
# names, tags and books.
MOST_TEXTS = 100_000


@dataclass(frozen=True, slots=True)
class KnownText:
    """`kind`: title, author, tag or book; `weight`: how many published items it stands for."""

    text: str
    kind: str
    weight: int


@dataclass(frozen=True)
class Counts:
    """How many of `total` published items have each value."""

    total: int = 0
    tags: Mapping[str, int] = field(default_factory=dict)
    authors: Mapping[str, int] = field(default_factory=dict)
    books: Mapping[str, int] = field(default_factory=dict)
    categories: Mapping[str, int] = field(default_factory=dict)


def display_names(author: str) -> list[str]:
    """The people of an author line as one would type them: without country and role."""
    return [name for name in name_parts(author.strip()) if normalise(name)]


def load_texts(
    session: Session, most: int = MOST_TEXTS, since: datetime | None = None
) -> list[KnownText]:
    """Texts of the published items, or only of those changed `since`; at most `most`."""
    found: Counter[tuple[str, str]] = Counter()
    for kind, query in _queries(since):
        for text, count in session.execute(query.limit(most)):
            names = display_names(text) if kind == "author" else [text.strip()]
            for name in names:
                key = (name, kind)
                found[key] = max(found[key], int(count)) if kind == "title" else found[key] + count
    return [KnownText(text, kind, n) for (text, kind), n in found.most_common(most) if text]


def load_counts(session: Session, texts: Iterable[KnownText]) -> Counts:
    """Counts of the whole corpus from its texts."""
    published = ItemRow.state == ItemState.PUBLISHED.value
    by_kind: dict[str, dict[str, int]] = {"tag": {}, "author": {}, "book": {}}
    for one in texts:
        if one.kind in by_kind:
            by_kind[one.kind][one.text] = one.weight
    query = select(ItemRow.category, func.count()).where(published).group_by(ItemRow.category)
    categories: dict[str, int] = {row[0]: row[1] for row in session.execute(query)}
    return Counts(
        total=sum(categories.values()),
        tags=by_kind["tag"],
        authors=by_kind["author"],
        books=by_kind["book"],
        categories=categories,
    )


def _queries(since: datetime | None) -> list[tuple[str, Select[Any]]]:
    """(kind, query of text and count), newest or most used first."""
    wanted = [ItemRow.state == ItemState.PUBLISHED.value]
    if since is not None:
        wanted.append(ItemRow.updated_at >= since)
    newest = (ItemRow.published_at.desc(), ItemRow.id.desc())
    count = func.count()
    titles = select(ItemRow.title, func.length(ItemRow.title) * 0 + 1).where(*wanted)
    authors = select(ItemRow.author, count).where(*wanted, ItemRow.author != "")
    tags = (
        select(TagRow.name, count)
        .join(ItemTagRow, ItemTagRow.tag_id == TagRow.id)
        .join(ItemRow, ItemRow.id == ItemTagRow.item_id)
        .where(*wanted)
    )
    books = (
        select(BookRow.title, count)
        .join(ItemBookRow, ItemBookRow.book_id == BookRow.id)
        .join(ItemRow, ItemRow.id == ItemBookRow.item_id)
        .where(*wanted)
    )
    writers = (
        select(BookRow.author, count)
        .join(ItemBookRow, ItemBookRow.book_id == BookRow.id)
        .join(ItemRow, ItemRow.id == ItemBookRow.item_id)
        .where(*wanted, BookRow.author != "")
    )
    return [
        ("title", titles.order_by(*newest)),
        ("author", authors.group_by(ItemRow.author).order_by(count.desc())),
        ("tag", tags.group_by(TagRow.name).order_by(count.desc())),
        ("book", books.group_by(BookRow.title).order_by(count.desc())),
        ("author", writers.group_by(BookRow.author).order_by(count.desc())),
    ]
