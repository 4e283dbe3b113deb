"""Long texts in pieces a model can read, and one vector for the whole. Pure.

A model reads 512 tokens, about 700 Chinese characters, and blurs what it reads; pieces of
some 400 characters are both safe and sharp enough to pick sentences from.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from contentcenter.domain.errors import InvalidInput
from contentcenter.embedding.ports import Vectors
from contentcenter.embedding.texts import strip_blank
from contentcenter.embedding.vectors import unit_rows

PASSAGE_LIMIT = 420

_TITLE_WEIGHT = 2.0
_CLOSERS = "”’」』）》〉】\")'"
_PARAGRAPH = re.compile(r"[^\n]*\n+|[^\n]+\Z")
_SENTENCE = re.compile(
    rf".+?(?:[。！？；…!?;]+[{_CLOSERS}]*|\.[{_CLOSERS}]*(?=\s)|\Z)\s*", re.DOTALL
)
_CLAUSE = re.compile(r".+?(?:[，、：,:]+|\s+|\Z)", re.DOTALL)


@dataclass(frozen=True)
class Passage:
    """A piece of a text: `source[start:end]`, without white space at its ends."""

    text: str
    start: int
    end: int


def split_passages(text: str, limit: int = PASSAGE_LIMIT) -> list[Passage]:
    """Cuts at borders of paragraphs, else of sentences, else of clauses, else anywhere.

    Every passage has 1 to `limit` characters; together they hold every character of `text`
    that is not white space, in order. A blank text has no passages.
    """
    trimmed = (_trimmed(text, span) for span in _packed(_units(text, limit), limit))
    return [passage for passage in trimmed if passage.text]


def item_vector(vectors: Vectors, lengths: Sequence[int], title: Vectors | None = None) -> Vectors:
    """One unit vector, shape (dimension,), for a whole item.

    `vectors` has a row for each passage, `lengths` their characters: the longest passage
    counts 1, shorter ones in proportion, the title's vector 2. Raises `InvalidInput` when
    there is nothing to average.
    """
    if len(vectors) != len(lengths):
        raise InvalidInput(f"{len(vectors)} vectors came with {len(lengths)} lengths.")
    rows = [*vectors] if title is None else [*vectors, title]
    if not rows:
        raise InvalidInput("An item needs a title or a passage to have a vector.")
    longest = max(lengths, default=1)
    weights = [length / longest for length in lengths]
    weights += [] if title is None else [_TITLE_WEIGHT]
    return unit_rows(np.average(np.stack(rows), axis=0, weights=weights))


Span = tuple[int, int]


def _units(text: str, limit: int) -> Iterator[Span]:
    """Paragraphs, the too long ones broken into smaller and smaller parts."""
    for paragraph in _PARAGRAPH.finditer(text):
        yield from _broken(text, paragraph.span(), limit, (_SENTENCE, _CLAUSE))


def _broken(
    text: str, span: Span, limit: int, borders: tuple[re.Pattern[str], ...]
) -> Iterator[Span]:
    start, end = span
    if end - start <= limit:
        yield span
    elif borders:
        for part in borders[0].finditer(text, start, end):
            yield from _broken(text, part.span(), limit, borders[1:])
    else:
        for cut in range(start, end, limit):
            yield cut, min(cut + limit, end)


def _packed(units: Iterable[Span], limit: int) -> Iterator[Span]:
    """Neighbouring units joined as long as they fit."""
    open_span: Span | None = None
    for start, end in units:
        if open_span and end - open_span[0] <= limit:
            open_span = (open_span[0], end)
            continue
        if open_span:
            yield open_span
        open_span = (start, end)
    if open_span:
        yield open_span


def _trimmed(text: str, span: Span) -> Passage:
    piece = text[slice(*span)]
    kept = strip_blank(piece)
    start = span[0] + piece.index(kept)
    return Passage(kept, start, start + len(kept))
