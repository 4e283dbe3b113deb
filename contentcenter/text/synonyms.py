"""Words that mean the same to a reader, for questions only: documents are never touched.

An expansion is one step: what a synonym's synonyms are does not matter, so circles are
harmless. Matching ignores signs, so 加西亚·马尔克斯 and 加西亚马尔克斯 are one entry.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from contentcenter.text.normalise import normalise

# How much of the original word's worth a synonym has. Two words that say the same should
# still leave a match of the very word typed in front.
WEAKER = 0.4
# More would turn a question into a list of words.
MOST_TERMS = 8
MOST_WORDS = 12
LONGEST_TERM = 40
_MOST_PARTS = 10


class WordKind(StrEnum):
    """`group`: any word stands for any other. `one_way`: the first also asks for the rest.
    `alias`: names of one person. `stop`: says nothing beside other words."""

    GROUP = "group"
    ONE_WAY = "one_way"
    ALIAS = "alias"
    STOP = "stop"


@dataclass(frozen=True)
class Expansion:
    """`term` as it stands in the question; `words` are normalised, the typed one left out."""

    term: str
    words: tuple[str, ...]
    kind: WordKind


@dataclass(frozen=True)
class SearchWords:
    """All operator-made words, ready for looking up. Immutable."""

    stop_words: frozenset[str] = frozenset()
    _by_key: Mapping[str, tuple[Expansion, ...]] = field(default_factory=dict, repr=False)

    @classmethod
    def build(
        cls,
        groups: Iterable[Sequence[str]] = (),
        one_way: Iterable[Sequence[str]] = (),
        aliases: Iterable[Sequence[str]] = (),
        stop_words: Iterable[str] = (),
    ) -> SearchWords:
        table: dict[str, list[Expansion]] = {}
        for kind, lines in ((WordKind.GROUP, groups), (WordKind.ALIAS, aliases)):
            for line in lines:
                for word in line:
                    _add(table, word, line, kind)
        for first, *rest in one_way:
            _add(table, first, rest, WordKind.ONE_WAY)
        return cls(
            frozenset(key_of(word) for word in stop_words),
            {key: tuple(found) for key, found in table.items()},
        )

    def without_stops(self, words: Sequence[str]) -> list[str]:
        """The words without stop words; one may be several words in a row (这|本书)."""
        if not self.stop_words:
            return list(words)
        kept: list[str] = []
        position = 0
        while position < len(words):
            end = self._stop_end(words, position)
            if end == position:
                kept.append(words[position])
            position = max(end, position + 1)
        return kept

    def _stop_end(self, words: Sequence[str], start: int) -> int:
        """Where the longest stop word that begins here ends; `start` when none does."""
        for end in range(min(len(words), start + _MOST_PARTS), start, -1):
            if "".join(words[start:end]) in self.stop_words:
                return end
        return start

    def expansions(self, words: Sequence[str]) -> list[Expansion]:
        """What the words of a question also ask for. A term is one or more whole words that
        follow each other; the longest terms win."""
        if not self._by_key:
            return []
        keys = [key_of(word) for word in words]
        found: list[Expansion] = []
        position = 0
        while position < len(keys) and len(found) < MOST_TERMS:
            taken = 1
            for end in range(len(keys), position, -1):
                key = "".join(keys[position:end])
                if len(key) <= LONGEST_TERM and key in self._by_key:
                    found += self._by_key[key]
                    taken = end - position
                    break
            position += taken
        return found[:MOST_TERMS]


def key_of(text: str) -> str:
    """What is compared of a term: letters, digits and + #."""
    return "".join(c for c in normalise(text) if c.isalnum() or c in "+#")


def _add(table: dict[str, list[Expansion]], word: str, line: Sequence[str], kind: WordKind) -> None:
    key = key_of(word)
    others = {key_of(other): normalise(other) for other in line if key_of(other)}
    others.pop(key, None)
    if key and others:
        words = tuple(others.values())[:MOST_WORDS]
        table.setdefault(key, []).append(Expansion(word, words, kind))
