"""Other questions for somebody who knows the field, not the book. Pure.

What stands in the top answers far more often than in the whole corpus (lift) says what the
question is about: tags, authors, works and shelves, each a question of its own.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import log

from contentcenter.domain.categories import category_label
from contentcenter.store.cards import ItemCard
from contentcenter.text.synonyms import key_of
from recommend.search.known_texts import Counts, display_names

TOP = 10
MOST = 8
MOST_OF_A_KIND = 3
MIN_LIFT = 1.5
# Of so many answers two must agree; a lone one proves nothing.
_ENOUGH_TO_AGREE = 6
_KINDS = ("tag", "author", "book", "category")


@dataclass(frozen=True)
class Related:
    """`text` is the question to ask; `kind`: tag, author, book or category."""

    text: str
    kind: str


def related_questions(
    question: str, cards: Sequence[ItemCard], counts: Counts, limit: int = MOST
) -> list[Related]:
    """Up to `limit` questions, the most telling first, at most three of a kind; none of them
    stands in the question already. [] when the answers have nothing in common."""
    top = cards[:TOP]
    if not top or not counts.total:
        return []
    asked = key_of(question)
    least = 2 if len(top) >= _ENOUGH_TO_AGREE else 1
    scored = [
        (
            _worth(found, len(top), _in_corpus(counts, kind).get(text, found), counts.total),
            kind,
            text,
        )
        for kind in _KINDS
        for text, found in _found(top, kind).items()
        if found >= least
    ]
    scored.sort(key=lambda one: (-one[0], _KINDS.index(one[1]), one[2]))
    return list(_chosen(scored, asked, limit))


def _chosen(scored: Iterable[tuple[float, str, str]], asked: str, limit: int) -> Iterator[Related]:
    seen: set[str] = set()
    taken: Counter[str] = Counter()
    for worth, kind, text in scored:
        shown = category_label(text) if kind == "category" else text
        key = key_of(shown)
        if worth <= 0 or not key or key in asked or key in seen or taken[kind] >= MOST_OF_A_KIND:
            continue
        seen.add(key)
        taken[kind] += 1
        yield Related(shown, kind)
        if len(seen) == limit:
            return


def _worth(found: int, of: int, everywhere: int, total: int) -> float:
    """Share among the answers times the logarithm of its lift; 0 below the least lift."""
    lift = (found / of) / (max(everywhere, found) / max(total, of))
    return found / of * log(lift) if lift >= MIN_LIFT else 0.0


def _found(cards: Sequence[ItemCard], kind: str) -> dict[str, int]:
    counted: dict[str, int] = defaultdict(int)
    for card in cards:
        for value in set(_values(card, kind)):
            counted[value] += 1
    return counted


def _values(card: ItemCard, kind: str) -> Sequence[str]:
    if kind == "tag":
        return card.tag_names
    if kind == "book":
        return [book.title for book in card.books]
    if kind == "category":
        return [card.category] if card.category != "other" else []
    lines = [book.author for book in card.books] or [card.author]
    return [name for line in lines for name in display_names(line)]


def _in_corpus(counts: Counts, kind: str) -> Mapping[str, int]:
    return {
        "tag": counts.tags,
        "author": counts.authors,
        "book": counts.books,
        "category": counts.categories,
    }[kind]
