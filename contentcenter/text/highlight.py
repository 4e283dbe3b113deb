"""Showing why: the best part of a text, cut at sentence borders, with the matches marked."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from contentcenter.text.normalise import fold_character
from contentcenter.text.volumes import MARK, find_volumes

Segment = tuple[str, bool]

_SENTENCE_END = re.compile(r"[。！？!?；;…\n]+[”」』）)]*|\.(?=\s)")
ELLIPSIS = "…"
_DOT = ".·"
_LONGEST_INITIALS = 3


@dataclass(frozen=True)
class Span:
    """A half-open range of the raw text."""

    start: int
    end: int


def highlight(text: str, words: Sequence[str], length: int = 120) -> list[Segment]:
    """The part of `text` of about `length` characters with the most different words, as
    (raw text, is a match) segments. `words` are normalised, as the analyser gives them.

    The raw characters come back unchanged and unescaped: the caller escapes for its page. A
    part that is cut off is marked by an ellipsis. Without a match: the beginning.
    """
    matches = find_matches(text, words)
    window = _best_window(text, matches, length)
    return _segments(text, window, [span for span, _ in matches])


def find_matches(text: str, words: Iterable[str]) -> list[tuple[Span, str]]:
    """Where the words stand in the raw text and which; longer words first, none overlapping."""
    wanted = sorted(set(words), key=lambda one: (-len(one), one))
    if not wanted:
        return []
    folded, origins = _folded(text)
    taken = bytearray(len(folded))
    found: list[tuple[Span, str]] = []
    for word in wanted:
        for start, end in _places(word, folded):
            if 1 in taken[start:end]:
                continue
            taken[start:end] = b"\1" * (end - start)
            found.append((Span(origins[start], origins[end - 1] + 1), word))
    return sorted(found, key=lambda pair: pair[0].start)


def _places(word: str, folded: str) -> Iterator[tuple[int, int]]:
    if word.startswith(MARK):
        volumes = (one for one in find_volumes(folded) if one.token == word)
        yield from (_trimmed(folded, one.start, one.end) for one in volumes)
    elif word:
        yield from (match.span() for match in re.finditer(_pattern(word), folded))


def _trimmed(folded: str, start: int, end: int) -> tuple[int, int]:
    while start < end and folded[start].isspace():
        start += 1
    return start, end


def _pattern(word: str) -> str:
    escaped = re.escape(word)
    if word.isascii() and word.isalpha() and len(word) <= _LONGEST_INITIALS:
        escaped = rf"(?:[{_DOT}]\s?)?".join(word)  # jk stands for J.K. too
    # `art` is no match inside `party`; Chinese has no such borders.
    if word[0].isascii() and word[0].isalnum():
        escaped = r"(?<![a-z0-9])" + escaped
    if word[-1].isascii() and word[-1].isalnum():
        escaped += r"(?![a-z0-9])"
    return escaped


def _folded(text: str) -> tuple[str, Sequence[int]]:
    """The comparable text and, for each of its characters, the raw one it came from."""
    pieces = list(map(fold_character, text))
    folded = "".join(pieces)
    if len(folded) == len(text) and "" not in pieces:  # the usual text: one for one
        return folded, range(len(text))
    return folded, [position for position, piece in enumerate(pieces) for _ in piece]


def _best_window(text: str, matches: Sequence[tuple[Span, str]], length: int) -> Span:
    if len(text) <= length:
        return Span(0, len(text))
    starts = _sentence_starts(text)
    candidates = {_sentence_before(starts, span.start) for span, _ in matches} or {0}
    start = max(sorted(candidates), key=lambda at: _worth(matches, at, length))
    first = next((s.start for s, _ in matches if s.start >= start), start)
    if first >= start + length:  # a sentence longer than the window
        start = max(0, first - length // 4)
    return Span(start, _end(starts, text, start, length))


def _worth(matches: Sequence[tuple[Span, str]], start: int, length: int) -> tuple[int, int]:
    """Different words in the window, then matches."""
    first = bisect_left(matches, start, key=lambda pair: pair[0].start)
    last = bisect_left(matches, start + length, key=lambda pair: pair[0].start)
    inside = [word for span, word in matches[first:last] if span.end <= start + length]
    return len(set(inside)), len(inside)


def _sentence_starts(text: str) -> list[int]:
    starts = [0]
    for match in _SENTENCE_END.finditer(text):
        position = match.end()
        while position < len(text) and text[position].isspace():
            position += 1
        starts.append(position)
    return starts


def _sentence_before(starts: Sequence[int], position: int) -> int:
    return starts[bisect_right(starts, position) - 1]


def _end(starts: Sequence[int], text: str, start: int, length: int) -> int:
    """The last sentence border in the window, unless that leaves less than half of it."""
    limit = min(len(text), start + length)
    if limit == len(text):
        return limit
    whole = [border for border in starts if start + length // 2 <= border <= limit]
    return whole[-1] if whole else limit


def _segments(text: str, window: Span, spans: Sequence[Span]) -> list[Segment]:
    segments: list[Segment] = []
    if window.start > 0:
        segments.append((ELLIPSIS, False))
    position = window.start
    for span in spans:
        if span.start < position or span.end > window.end:
            continue
        if span.start > position:
            segments.append((text[position : span.start], False))
        segments.append((text[span.start : span.end], True))
        position = span.end
    if position < window.end:
        segments.append((text[position : window.end], False))
    if window.end < len(text):
        segments.append((ELLIPSIS, False))
    return segments
