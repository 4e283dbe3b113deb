"""The little language of the search box: "exact part", -not this, and plain words."""

from __future__ import annotations

import re
from dataclasses import dataclass

# Nobody types more; a pasted page is cut here, at the last border before it.
LONGEST = 300

_BORDER = re.compile(r"[\s，。！？；：、,.!?;:]")
_QUOTED = r"“([^”]*)”|\"([^\"]*)\"|＂([^＂]*)＂|「([^」]*)」"
_EXCLUDED = re.compile(rf"(?:(?<=\s)|^)[-－](?:{_QUOTED}|([^\s\-－\"“]\S*))")
_PHRASE = re.compile(_QUOTED)
_GLUED = re.compile(rf"\w(?:{_QUOTED})|(?:{_QUOTED})\w")
_MARKS = re.compile(r"[“”\"＂「」]")
# Letters and characters outside the quotation marks that make a sentence.
_SENTENCE = 4


@dataclass(frozen=True)
class Question:
    """`text` is what is left besides the quoted and the excluded parts. All raw."""

    text: str
    phrases: tuple[str, ...] = ()
    excluded: tuple[str, ...] = ()


def parse_question(raw: str) -> Question:
    """Take a question apart. A quotation mark without a partner is a plain character, and so
    are all of them in a sentence: 「力矩」的概念是谁提出的 names a thing and requires nothing."""
    text = _cut(raw)
    excluded = _inside(_EXCLUDED, text)
    text = _EXCLUDED.sub(" ", text)
    if _is_sentence(text):
        return Question(_MARKS.sub(" ", text).strip(), (), excluded)
    phrases = _inside(_PHRASE, text)
    return Question(_PHRASE.sub(" ", text).strip(), phrases, excluded)


def _is_sentence(text: str) -> bool:
    """Whether a quotation leans on its neighbours without a space, and there are enough of
    them to be a sentence around it."""
    around = _PHRASE.sub(" ", text)
    words = sum(character.isalnum() for character in around)
    return words >= _SENTENCE and _GLUED.search(text) is not None


def _inside(pattern: re.Pattern[str], text: str) -> tuple[str, ...]:
    found = (next((g for g in match.groups() if g), "") for match in pattern.finditer(text))
    return tuple(part.strip() for part in found if part.strip())


def _cut(text: str) -> str:
    text = text.strip()
    if len(text) <= LONGEST:
        return text
    borders = [match.start() for match in _BORDER.finditer(text, 0, LONGEST)]
    # Half a question is still a question; a border right at the start is not.
    return text[: borders[-1] if borders and borders[-1] > LONGEST // 2 else LONGEST]
