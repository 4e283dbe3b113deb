"""Pinyin, the lowest layer: only a question in Latin letters ever asks for it.

Chinese questions never become pinyin, so words that merely sound alike do not meet.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import pairwise

from contentcenter.text.normalise import has_han

_LONGEST_SYLLABLE = 6
_LONGEST_INITIALS = 8
_LETTERS = re.compile(r"[a-z]+")


def pinyin_tokens(words: Sequence[str]) -> list[str]:
    """For the Chinese words of a title or name: syllables, neighbouring syllables joined,
    the initials of each word, of neighbouring words and of the whole."""
    chinese = [word for word in words if has_han(word)]
    if not chinese:
        return []
    spelt = [_syllables(word) for word in chinese]
    flat = [syllable for word in spelt for syllable in word]
    initials = ["".join(s[0] for s in word) for word in spelt if word]
    tokens = [*flat, *(a + b for a, b in pairwise(flat)), *_initials(initials)]
    return list(dict.fromkeys(tokens))


def question_tokens(text: str) -> list[str]:
    """Tokens for a question of Latin letters only, and nothing for any other question."""
    pieces = text.replace("'", " ").split()
    if not pieces or not all(_LETTERS.fullmatch(piece) for piece in pieces):
        return []
    split = [split_syllables(piece) for piece in pieces]
    joined = "".join(pieces)
    tokens = [joined] if 2 <= len(joined) <= _LONGEST_INITIALS else []
    if all(split):
        syllables = [syllable for piece in split for syllable in piece]
        tokens += [a + b for a, b in pairwise(syllables)] or syllables
    return list(dict.fromkeys(tokens))


def is_spelt(text: str) -> bool:
    """Whether a text is two or more syllables of pinyin and nothing else."""
    pieces = text.replace("'", " ").split()
    split = [split_syllables(piece) for piece in pieces if _LETTERS.fullmatch(piece)]
    return len(split) == len(pieces) and all(split) and sum(map(len, split)) > 1


def split_syllables(letters: str) -> list[str]:
    """Cut letters into pinyin syllables, as few as possible; [] when it is not pinyin."""
    best: list[list[str] | None] = [[]] + [None] * len(letters)
    for end in range(1, len(letters) + 1):
        for start in range(max(0, end - _LONGEST_SYLLABLE), end):
            before = best[start]
            if before is None or letters[start:end] not in all_syllables():
                continue
            current = best[end]
            if current is None or len(before) + 1 < len(current):
                best[end] = [*before, letters[start:end]]
    return best[-1] or []


@cache
def all_syllables() -> frozenset[str]:
    """Every syllable the pinyin dictionary knows, without tones, ü written as v."""
    from pypinyin.constants import PINYIN_DICT
    from pypinyin.contrib.tone_convert import to_normal

    # 40,000 characters share 1,500 readings; stripping tones is the slow part.
    readings = {one for value in PINYIN_DICT.values() for one in value.split(",")}
    spelt = {to_normal(reading) for reading in readings}
    # Interjections such as m, n, ng, hm would make almost any letters look like pinyin.
    return frozenset(s for s in spelt if re.search("[aeiouv]", s) and s.isascii())


def _syllables(word: str) -> list[str]:
    from pypinyin import Style, lazy_pinyin

    return [s for s in lazy_pinyin([word], style=Style.NORMAL, errors="ignore") if s]


def _initials(words: Sequence[str]) -> Iterator[str]:
    yield from (word for word in words if len(word) > 1)
    yield from (a + b for a, b in pairwise(words))
    whole = "".join(words)
    if 2 <= len(whole) <= _LONGEST_INITIALS:
        yield whole
