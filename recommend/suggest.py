"""Completions while somebody types: characters, pinyin, initials; bounded and in memory."""

from __future__ import annotations

import bisect
import threading
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from contentcenter.domain.content import ItemState
from contentcenter.floor import Floor
from contentcenter.store.tables import BookRow, ItemBookRow, ItemRow, ItemTagRow, TagRow
from contentcenter.text.normalise import has_han, normalise

MOST_TEXTS = 30_000
CHECK_SECONDS = 5.0


@dataclass(frozen=True)
class Suggestion:
    """`kind`: title, author, tag or book."""

    text: str
    kind: str
    weight: int


class Completions:
    """A sorted list of keys, each pointing to a suggestion. Immutable once built."""

    def __init__(self, suggestions: Iterable[Suggestion]) -> None:
        self._all = list(suggestions)
        pairs = {
            (key, number)
            for number, one in enumerate(self._all)
            for key in completion_keys(one.text)
        }
        ordered = sorted(pairs)
        self._keys = [key for key, _ in ordered]
        self._numbers = [number for _, number in ordered]

    def complete(self, prefix: str, limit: int) -> list[Suggestion]:
        """Suggestions with a key that begins so; most used first, then shorter ones."""
        wanted = _squeezed(prefix)
        if not wanted:
            return []
        start = bisect.bisect_left(self._keys, wanted)
        end = bisect.bisect_left(self._keys, wanted + "\U0010ffff")
        found = {self._numbers[place] for place in range(start, min(end, start + 5_000))}
        ranked = sorted((self._all[number] for number in found), key=_order)
        unique = {normalise(one.text): one for one in reversed(ranked)}
        return sorted(unique.values(), key=_order)[:limit]


def completion_keys(text: str) -> set[str]:
    """What a text can be completed from: itself, its parts behind borders, its pinyin."""
    plain = normalise(text)
    keys = {_squeezed(plain)}
    keys |= {_squeezed(part) for part in plain.replace("《", " ").replace("·", " ").split()}
    if has_han(plain):
        spelt = _syllables(plain)
        keys.add("".join(spelt))
        keys.add("".join(syllable[0] for syllable in spelt if syllable))
    return {key for key in keys if key}


def _squeezed(text: str) -> str:
    return "".join(c for c in normalise(text) if c.isalnum() or c in "+#")


def _syllables(text: str) -> list[str]:
    from pypinyin import Style, lazy_pinyin

    return [
        one.lower()
        for one in lazy_pinyin(text, style=Style.NORMAL, errors=_squeezed)
        if one.isalnum()
    ]


def _order(one: Suggestion) -> tuple[int, int, str]:
    return -one.weight, len(one.text), one.text


class SuggestService:
    """Completions over what is published. Rebuilt when the published items change; the check
    is one count, at most every few seconds."""

    def __init__(self, floor: Floor) -> None:
        self._floor = floor
        self._lock = threading.Lock()
        self._checked = -CHECK_SECONDS
        self._mark: tuple[int, int] | None = None
        self._built = Completions([])

    def suggest(self, prefix: str, limit: int = 10) -> list[Suggestion]:
        with self._lock:
            self._renew()
            built = self._built
        return built.complete(prefix, min(max(limit, 1), 50))

    def _renew(self) -> None:
        if time.monotonic() - self._checked < CHECK_SECONDS:
            return
        published = ItemRow.state == ItemState.PUBLISHED.value
        with self._floor.db.reading() as session:
            query = select(func.count(), func.coalesce(func.sum(ItemRow.version), 0))
            count, versions = session.execute(query.where(published)).one()
            if (count, versions) != self._mark:
                self._built = Completions(_texts(session))
                self._mark = (count, versions)
        self._checked = time.monotonic()


def _texts(session: Session) -> list[Suggestion]:
    published = ItemRow.state == ItemState.PUBLISHED.value
    newest = (ItemRow.published_at.desc(), ItemRow.id.desc())
    titles = select(ItemRow.title, func.length(ItemRow.title) * 0 + 1)
    authors = select(ItemRow.author, func.count()).where(ItemRow.author != "")
    tags = (
        select(TagRow.name, func.count())
        .join(ItemTagRow, ItemTagRow.tag_id == TagRow.id)
        .join(ItemRow, ItemRow.id == ItemTagRow.item_id)
    )
    books = (
        select(BookRow.title, func.count())
        .join(ItemBookRow, ItemBookRow.book_id == BookRow.id)
        .join(ItemRow, ItemRow.id == ItemBookRow.item_id)
    )
    book_authors = (
        select(BookRow.author, func.count())
        .join(ItemBookRow, ItemBookRow.book_id == BookRow.id)
        .join(ItemRow, ItemRow.id == ItemBookRow.item_id)
        .where(BookRow.author != "")
    )
    most = MOST_TEXTS // 5
    queries = (
        ("title", titles.where(published).order_by(*newest).limit(most)),
        ("author", authors.where(published).group_by(ItemRow.author).limit(most)),
        ("tag", tags.where(published).group_by(TagRow.name).limit(most)),
        ("book", books.where(published).group_by(BookRow.title).limit(most)),
        ("author", book_authors.where(published).group_by(BookRow.author).limit(most)),
    )
    return _merged(
        [
            Suggestion(text, kind, int(n))
            for kind, query in queries
            for text, n in session.execute(query)
        ]
    )


def _merged(found: Sequence[Suggestion]) -> list[Suggestion]:
    best: dict[tuple[str, str], Suggestion] = {}
    for one in found:
        known = best.get((one.text, one.kind))
        if known is None or known.weight < one.weight:
            best[one.text, one.kind] = one
    return list(best.values())
