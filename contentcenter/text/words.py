"""Chinese words: those of a fixed dictionary, and beside them the shop's own names.

The dictionary alone decides how a text is cut, so every process cuts every text alike for
ever. Titles, authors and tags that a process has learnt are found besides, as more words:
whoever has not learnt one yet misses its bonus, never the text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import islice
from threading import Lock
from typing import Any

from contentcenter.text.normalise import has_han, normalise
from contentcenter.text.volumes import MARK

# Longer entries are sentences, not words.
_LONGEST_WORD = 10
# About 60 MB; a name more or less is a bonus more or less.
_MOST_NAMES = 400_000
_PIECE = re.compile(rf"{MARK}\w+|[^\s{MARK}]+")
_PART = re.compile(r"[^\W_]+")
_LETTER_OR_DIGIT = re.compile(r"\w")
# Marks that belong to a word: c++, c#, .net, at&t, o'reilly, wi-fi.
_LATIN_WORD = re.compile(r"\.?[a-z0-9](?:[a-z0-9_]|[+#]|[.&'\-](?=[a-z0-9]))*", re.ASCII)


class Segmenter:
    """Cuts normalised text into words and finds learnt names in it. Safe for threads: names
    are only ever added, readers only ask whether one is there."""

    def __init__(self, words: Iterable[str] = ()) -> None:
        self._lock = Lock()
        self._learnt: set[str] = set()
        # First two characters of the learnt names -> the longest of them.
        self._starts: dict[str, int] = {}
        # Made at the first use: a process that never cuts text need not hold a dictionary.
        self._made: Any = None
        self.add_words(words)

    @property
    def size(self) -> int:
        """How many names were learnt."""
        return len(self._learnt)

    def add_words(self, words: Iterable[str]) -> int:
        """Learn titles, names and tags and their parts; returns how many were new."""
        wanted = {part for raw in words for part in _names_of(raw)}
        with self._lock:
            room = _MOST_NAMES - len(self._learnt)
            fresh = set(islice(wanted - self._learnt, room))
            for word in fresh:
                start = word[:2]
                self._starts[start] = max(self._starts.get(start, 0), len(word))
            self._learnt |= fresh
        return len(fresh)

    @property
    def _jieba(self) -> Any:
        if self._made is None:
            with self._lock:
                self._made = self._made or _dictionary()
        return self._made

    def words(self, text: str) -> list[str]:
        """The words of normalised, volume-marked text, in order, without punctuation."""
        jieba = self._jieba
        found: list[str] = []
        for piece in _PIECE.findall(text):
            if piece.startswith(MARK):
                found.append(piece)
            elif has_han(piece):
                found.extend(_clean(jieba.cut(piece)))
            else:
                found.extend(_latin(piece))
        return found

    def names(self, text: str, words: Sequence[str]) -> list[str]:
        """Learnt names in a text that are not among its `words`, in order, repeated as often
        as they stand there. One of two characters counts only where words begin and end:
        学生 is not in 大学|生活."""
        if not self._starts:
            return []
        known, borders = set(words), _borders(text, words)
        found: list[str] = []
        for at in range(len(text) - 1):
            longest = self._starts.get(text[at : at + 2])
            if longest is None:
                continue
            for end in range(at + 2, min(at + longest, len(text)) + 1):
                word = text[at:end]
                if word not in self._learnt or word in known:
                    continue
                if len(word) > 2 or (at in borders and end in borders):
                    found.append(word)
        return found

    def inner_words(self, word: str) -> list[str]:
        """Dictionary words inside a longer word, the word itself left out."""
        found: list[str] = self._jieba.cut_for_search(word)
        return [one for one in found if one != word and len(one) > 1]


def _dictionary() -> Any:
    from rjieba import Jieba

    return Jieba()


def _names_of(raw: str) -> Iterable[str]:
    """The parts of a title, an author line or a tag that can be a name."""
    for part in _PART.findall(normalise(raw)):
        if 1 < len(part) <= _LONGEST_WORD and has_han(part):
            yield part


def _borders(text: str, words: Sequence[str]) -> set[int]:
    borders: set[int] = set()
    position = 0
    for word in words:
        at = text.find(word, position)
        if at >= 0:
            position = at + len(word)
            borders.update((at, position))
    return borders


def _clean(pieces: Iterable[str]) -> Iterable[str]:
    """Words and Latin words; punctuation, quotes and emoji fall out."""
    for piece in pieces:
        if has_han(piece):
            yield piece
        elif _LETTER_OR_DIGIT.search(piece):
            yield from _latin(piece)


def _latin(piece: str) -> list[str]:
    found = _LATIN_WORD.findall(piece)
    if found:
        return found
    # Neither Chinese nor Latin: Cyrillic, kana, Thai ... runs of letters as they are.
    return re.findall(r"\w+", piece)
