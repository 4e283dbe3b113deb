"""The lower layer: pairs of neighbouring characters and the words inside words.

Pairs make every part of a title findable, whatever the segmenter decided, and pairs in their
order make a quoted phrase exact.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from contentcenter.text.normalise import is_han
from contentcenter.text.volumes import MARK

# Stands between parts that are not neighbours. No question ever asks for it.
GAP = "|"
# Stands before letters: no word of a text begins with it.
LETTER = "^"

_RUN = re.compile(rf"{MARK}\w+|[\u3400-\u4dbf\u4e00-\u9fff\U00020000-\U000323af\u3007]+")
_OTHER = re.compile(r"[\w+#]+")
_LATIN = re.compile("[a-z0-9]+")
_LETTERS = 3


def pairs(text: str) -> list[str]:
    """Pairs of each run of Chinese characters (a lone one stands for itself) and the other
    words, in the order of normalised, volume-marked text."""
    found: list[str] = []
    position = 0
    for run in _RUN.finditer(text):
        found.extend(_OTHER.findall(text[position : run.start()]))
        found.extend(_pairs_of(run.group()))
        position = run.end()
    found.extend(_OTHER.findall(text[position:]))
    return found


def single_characters(text: str) -> list[str]:
    """Each Chinese character once, so that a question of one character finds a title."""
    return list(dict.fromkeys(filter(is_han, text)))


def rare_characters(text: str) -> list[str]:
    """Characters beyond the everyday 6,763 of GB 2312 (龘, 镕, 㐂), each once: whoever asks for
    one of them alone means it."""
    return [one for one in single_characters(text) if _is_rare(one)]


def _is_rare(character: str) -> bool:
    try:
        character.encode("gb2312")
    except UnicodeEncodeError:
        return True
    return False


def letters(text: str) -> list[str]:
    """Every Chinese character and every three neighbouring letters or digits of longer Latin
    words, each with a sign before it, so that only `also` clauses and misspelt words ask."""
    found = [LETTER + character for character in text if is_han(character)]
    return found + latin_letters(text)


def latin_letters(text: str) -> list[str]:
    """Three neighbouring letters or digits of Latin words of four and more."""
    return [
        LETTER + run[at : at + _LETTERS]
        for run in _LATIN.findall(text)
        for at in range(len(run) - _LETTERS + 1)
        # Numbers are not misspelt: a wrong digit is another number.
        if len(run) > _LETTERS and not run.isdigit()
    ]


def layer(*parts: Iterable[str]) -> str:
    """The field's text: the parts kept apart, so that no phrase crosses from one to the next."""
    return f" {GAP} ".join(" ".join(part) for part in parts if part)


def _pairs_of(run: str) -> list[str]:
    if run.startswith(MARK) or len(run) == 1:
        return [run]
    return [run[i : i + 2] for i in range(len(run) - 1)]
