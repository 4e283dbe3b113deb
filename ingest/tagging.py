"""Tags and a category for an item, suggested from evidence that can be shown. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from contentcenter.domain.categories import CATEGORIES, category_code

SUGGESTIONS_MAX = 8
TAG_CONFIDENCE_MIN = 0.35
CATEGORY_WEIGHT_MIN = 0.3
_BOOK_TAG = 0.7
_TITLE_WORD = 0.85
_BODY_WORD_FIRST = 0.4
_BODY_WORD_MORE = 0.1
_BODY_WORD_MAX = 0.75
_NEIGHBOUR_TAG = 0.5


@dataclass(frozen=True)
class BookEvidence:
    """A linked book: how sure the link is, its category and the tags on its work."""

    confidence: float
    category: str
    tags: tuple[str, ...]


@dataclass(frozen=True)
class Neighbour:
    """A near item, nearest first."""

    category: str
    tags: tuple[str, ...]


@dataclass(frozen=True)
class Evidence:
    """What is known of an item. Words are whole segmented words, normalised; `tags_by_word`
    gives the tag whose normalised name is that word."""

    title_words: Sequence[str]
    body_words: Sequence[str]
    tags_by_word: Mapping[str, str]
    books: Sequence[BookEvidence]
    neighbours: Sequence[Neighbour]
    given_tags: Sequence[str] = ()


@dataclass(frozen=True)
class Suggestion:
    name: str
    confidence: float


def suggest_tags(evidence: Evidence) -> list[Suggestion]:
    """The surest tags first. Independent hints for one tag add up as 1 - product of doubts."""
    doubt: dict[str, float] = defaultdict(lambda: 1.0)
    for name, confidence in _hints(evidence):
        doubt[name] *= 1.0 - confidence
    found = [
        Suggestion(name, round(1.0 - left, 3))
        for name, left in doubt.items()
        if 1.0 - left >= TAG_CONFIDENCE_MIN and name not in set(evidence.given_tags)
    ]
    return sorted(found, key=lambda tag: (-tag.confidence, tag.name))[:SUGGESTIONS_MAX]


def _hints(evidence: Evidence) -> Iterable[tuple[str, float]]:
    for name, sure in _book_tags(evidence.books).items():
        yield name, _BOOK_TAG * sure
    yield from _word_hints(evidence)
    for name, share in _neighbour_tags(evidence.neighbours).items():
        yield name, _NEIGHBOUR_TAG * share


def _book_tags(books: Sequence[BookEvidence]) -> dict[str, float]:
    """Each tag as sure as the surest link of a book that has it, less among many books."""
    found: dict[str, float] = {}
    for book in books:
        for name in book.tags:
            found[name] = max(found.get(name, 0.0), book.confidence)
    share = 1.0 if len(books) <= 2 else 0.8
    return {name: sure * share for name, sure in found.items()}


def _word_hints(evidence: Evidence) -> Iterable[tuple[str, float]]:
    titles = set(evidence.title_words)
    counts: dict[str, int] = defaultdict(int)
    for word in evidence.body_words:
        if word in evidence.tags_by_word:
            counts[word] += 1
    for word, tag in evidence.tags_by_word.items():
        if word in titles:
            yield tag, _TITLE_WORD
        elif counts[word]:
            more = _BODY_WORD_MORE * (counts[word] - 1)
            yield tag, min(_BODY_WORD_MAX, _BODY_WORD_FIRST + more)


def _neighbour_tags(neighbours: Sequence[Neighbour]) -> dict[str, float]:
    """Share of each tag among the neighbours; one neighbour alone proves nothing."""
    votes: dict[str, int] = defaultdict(int)
    for neighbour in neighbours:
        for name in neighbour.tags:
            votes[name] += 1
    return {name: count / len(neighbours) for name, count in votes.items() if count > 1}


def suggest_category(evidence: Evidence, tags: Iterable[str]) -> str:
    """The shelf with most weight from books, tags and neighbours; `other` when all is thin."""
    weight: dict[str, float] = defaultdict(float)
    for book in evidence.books:
        weight[book.category] += 2.0 * book.confidence
    for name in tags:
        weight[category_code(name) or "other"] += 1.0
    for rank, neighbour in enumerate(evidence.neighbours):
        weight[neighbour.category] += 0.5 / (1 + rank)
    weight.pop("other", None)
    order = {code: -at for at, code in enumerate(CATEGORIES)}
    best = max(weight, key=lambda code: (weight[code], order.get(code, 0)), default="other")
    return best if weight.get(best, 0.0) >= CATEGORY_WEIGHT_MIN else "other"
