"""Measuring and cutting text to a platform's limits, at borders a reader does not stumble over."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

_SENTENCE_END = re.compile(r"[。！？!?；;…\n][”’」』）)]*")
_CLAUSE_END = re.compile(r"[，、,：: ]")
ELLIPSIS = "…"
_JOINER = "\u200d"


@dataclass(frozen=True)
class Limit:
    """Largest size in characters, in UTF-8 bytes, or both.

    Characters are counted as UTF-16 units: where a platform counts an emoji as two, counting
    it as one would be refused, and the other way round costs a single letter.
    """

    characters: int | None = None
    bytes: int | None = None

    def fits(self, text: str) -> bool:
        if self.characters is not None and _units(text) > self.characters:
            return False
        return self.bytes is None or len(text.encode()) <= self.bytes

    def less(self, text: str) -> Limit:
        """What is left beside `text`, never below zero."""
        return Limit(
            None if self.characters is None else max(0, self.characters - _units(text)),
            None if self.bytes is None else max(0, self.bytes - len(text.encode())),
        )


def _units(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


def cut(text: str, limit: Limit) -> str:
    """`text` if it fits, else its longest good beginning: whole sentences where possible, a
    clause or a piece with an ellipsis otherwise; never half a character or half a 《title》."""
    text = text.strip()
    if limit.fits(text):
        return text
    room = limit.less(ELLIPSIS)
    prefix = _whole_characters(text, _longest_prefix(text, room))
    for pattern, least, tail in ((_SENTENCE_END, 0.4, ""), (_CLAUSE_END, 0.6, ELLIPSIS)):
        end = _last_border(pattern, prefix)
        if end >= least * len(prefix) and end > 0 and not _open_title(prefix[:end]):
            return prefix[:end].rstrip("，、,：: \n") + tail
    return _hard_cut(prefix, limit)


def _hard_cut(prefix: str, limit: Limit) -> str:
    """A piece with an ellipsis. A title it would break is left out, or, where the text begins
    with it, shortened inside its brackets."""
    if _open_title(prefix):
        before = prefix[: prefix.rfind("《")].rstrip()
        if not before:
            return _short_title(prefix, limit)
        prefix = before
    out = prefix.rstrip() + ELLIPSIS
    return out if prefix and limit.fits(out) else ""


def _short_title(prefix: str, limit: Limit) -> str:
    room = limit.less(ELLIPSIS + "》")
    short = _whole_characters(prefix, _longest_prefix(prefix, room))
    return short + ELLIPSIS + "》" if len(short) > 1 else ""


def _longest_prefix(text: str, limit: Limit) -> int:
    low, high = 0, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        if limit.fits(text[:middle]):
            low = middle
        else:
            high = middle - 1
    return low


def _whole_characters(text: str, end: int) -> str:
    """The beginning up to `end`, moved back to where no visible character is split."""
    while 0 < end < len(text) and (_belongs_before(text[end]) or text[end - 1] == _JOINER):
        end -= 1
    return text[:end]


def _belongs_before(character: str) -> bool:
    """Marks, variation selectors, skin tones and joiners hang on the character before."""
    return (
        unicodedata.category(character) in {"Mn", "Me", "Mc"}
        or character == _JOINER
        or "\U0001f3fb" <= character <= "\U0001f3ff"
    )


def _last_border(pattern: re.Pattern[str], text: str) -> int:
    end = 0
    for match in pattern.finditer(text):
        if not _open_title(text[: match.end()]):
            end = match.end()
    return end


def _open_title(text: str) -> bool:
    return text.rfind("《") > text.rfind("》")
