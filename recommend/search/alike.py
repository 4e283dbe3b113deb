"""Questions for books like another one: 像《活着》一样的书, 类似三体的小说, books like Dune.

The words of such a question say which book is meant, not what is wanted. What is wanted has
that book's tags and lies near it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from contentcenter.embedding.ports import Vectors
from contentcenter.search.ports import Filters, LexicalQuery, SearchIndex, TextField
from contentcenter.text.analysis import Analyser
from recommend.search.ranking import ItemFacts, Ranked, Wanted, exactness, squeezed

_LONGEST_NAME = 60
# Beside a title in brackets any of these words is enough, in a short question.
_LONGEST_REST = 24
_BRACKETS = re.compile(rf"《([^《》]{{1,{_LONGEST_NAME}}})》")
_LIKENESS = re.compile(
    r"像|类似|相似|相近|近似|差不多|一样的|同类|同题材|同风格|之类|"
    r"喜欢.*[读看]|[读看]完.*还|\blike\b|\bsimilar\b",
    re.IGNORECASE,
)
_THING = r"(?:书籍?|小说|作品|故事|读物|漫画|绘本|文章|内容)"
_NAME = rf"(.{{1,{_LONGEST_NAME}}}?)"
_PLAIN = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        rf"(?:像|和|跟|与|同){_NAME}(?:一样|那样|这样|类似|相似|相近|差不多|同类|同类型)(?:.{{0,4}}的)?{_THING}",
        rf"(?:类似于?|近似于?){_NAME}的?{_THING}",
        rf"(?:books?|novels?|stories|something)\s+(?:like|similar\s+to)\s+{_NAME}",
    )
)
_SEEDS = 5
_LOOKED_AT = 20
_TAGS = 40


def named_in(question: str) -> str | None:
    """The title whose like is asked for; None for any other question."""
    text = question.strip().strip("?？!！。. ")
    bracketed = _BRACKETS.search(text)
    if bracketed is None:
        found = (pattern.fullmatch(text) for pattern in _PLAIN)
        return next((match[1].strip() for match in found if match), None)
    rest = text[: bracketed.start()] + text[bracketed.end() :]
    wanted = len(rest) <= _LONGEST_REST and _LIKENESS.search(rest)
    return bracketed[1].strip() if wanted else None


@dataclass(frozen=True)
class Alike:
    """What to ask for instead: the tags of the items meant, and their mean vector (dimension),
    None when they have none. What is named so is no answer."""

    title: str
    ids: tuple[int, ...]
    query: LexicalQuery
    vector: Vectors | None

    @property
    def name(self) -> Wanted:
        return Wanted(squeezed(self.title))


class FactsSource(Protocol):
    """Where facts of items come from: `FactsService`, or what an evaluation holds."""

    def facts(self, ids: Sequence[int]) -> Mapping[int, ItemFacts]: ...


def find_alike(
    name: str, index: SearchIndex, analyser: Analyser, facts: FactsSource
) -> Alike | None:
    """None when nothing has that title. Raises `EngineUnavailable`."""
    hits = index.lexical(analyser.query(name), Filters(), _LOOKED_AT)
    wanted = Wanted(squeezed(name))
    known = facts.facts([hit.id for hit in hits])
    worth = {one: exactness(item, wanted) for one, item in known.items()}
    best = max(worth.values(), default=0.0)
    seeds = [hit.id for hit in hits if best and worth.get(hit.id) == best][:_SEEDS]
    if not seeds:
        return None
    stored = index.vectors(seeds)
    vector = np.mean(list(stored.values()), axis=0) if stored else None
    return Alike(name, tuple(seeds), _tags(seeds, index, analyser), vector)


def _tags(seeds: Sequence[int], index: SearchIndex, analyser: Analyser) -> LexicalQuery:
    counted = index.facets(seeds, Filters(), ("tag",), _TAGS)["tag"]
    clauses = analyser.query(" ".join(label for label, _ in counted)).should
    return LexicalQuery(tuple(one for one in clauses if one.field is TextField.TAGS))


def without_named(
    ranked: Iterable[Ranked], facts: Mapping[int, ItemFacts], name: Wanted
) -> Iterator[Ranked]:
    """The ranking without other editions of the book named."""
    for one in ranked:
        item = facts.get(one.id)
        if item is None or not exactness(item, name):
            yield one
