"""Chinese words, by a dictionary that learns the shop's own titles, authors and tags."""

from __future__ import annotations

import re
from collections.abc import Iterable
from threading import Lock
from typing import Any

from contentcenter.text.normalise import has_han, normalise
from contentcenter.text.volumes import MARK

# Longer entries are sentences, not words: they would swallow the words inside them.
_LONGEST_WORD = 10
_PIECE = re.compile(rf"{MARK}\w+|[^\s{MARK}]+")
_LETTER_OR_DIGIT = re.compile(r"\w")
# Marks that belong to a word: c++, c#, .net, at&t, o'reilly, wi-fi.
_LATIN_WORD = re.compile(r"\.?[a-z0-9](?:[a-z0-9_]|[+#]|[.&'\-](?=[a-z0-9]))*", re.ASCII)


class Segmenter:
    """Cuts normalised text into words. Safe for threads: words are learnt into a new
    dictionary, which then takes the old one's place in one step."""

    def __init__(self, words: Iterable[str] = ()) -> None:
        self._learning = Lock()
        self._learnt: frozenset[str] = frozenset()
        # Made at the first use: a process that never cuts text need not hold a dictionary.
        self._made: Any = None
        self.add_words(words)

    @property
    def size(self) -> int:
        """How many words were learnt beyond the built-in dictionary."""
        return len(self._learnt)

    def add_words(self, words: Iterable[str]) -> int:
        """Learn titles, names and tags; returns how many were new."""
        wanted = {word for raw in words if _is_word(word := normalise(raw))}
        with self._learning:
            fresh = wanted - self._learnt
            if not fresh:
                return 0
            learnt = self._learnt | fresh
            self._made = _dictionary(learnt)
            self._learnt = learnt
            return len(fresh)

    @property
    def _jieba(self) -> Any:
        if self._made is None:
            with self._learning:
                self._made = self._made or _dictionary(self._learnt)
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

    def inner_words(self, word: str) -> list[str]:
        """Dictionary words inside a longer word, the word itself left out."""
        found: list[str] = self._jieba.cut_for_search(word)
        return [one for one in found if one != word and len(one) > 1]


def _dictionary(words: Iterable[str]) -> Any:
    from rjieba import Jieba

    jieba = Jieba()
    for word in words:
        # Anything below the suggested frequency leaves the word cut as before.
        jieba.add_word(word, max(jieba.suggest_freq(word), 1), "nz")
    return jieba


def _is_word(text: str) -> bool:
    return 1 < len(text) <= _LONGEST_WORD and has_han(text) and " " not in text


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
