"""Texts on their way to a model: cleaned, in simplified characters, refused when blank, laid
into batches. Pure.

One script for all: models put a title in traditional characters nearer to other traditional
titles than to itself in simplified ones (docs/decisions/0012).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from contentcenter.domain.errors import InvalidInput
from contentcenter.text.normalise import simplified

# str.strip() leaves these, yet a text of nothing else says nothing.
_INVISIBLE = "\u200b\u200c\u200d\u200e\u200f\u2060\ufeff"


@dataclass(frozen=True)
class BatchLimits:
    """How much goes through the model at once. A single longer text still goes, alone."""

    texts: int
    characters: int


def clean_texts(texts: Sequence[str]) -> list[str]:
    """The texts stripped and simplified; half characters (lone surrogates) become U+FFFD.

    Raises `InvalidInput` with the positions of blank texts in `details["positions"]`.
    """
    cleaned = [_clean(text) for text in texts]
    blank = [position for position, text in enumerate(cleaned) if not text]
    if blank:
        raise InvalidInput("Blank texts cannot be embedded.", positions=blank)
    return cleaned


def strip_blank(text: str) -> str:
    """Without white space and invisible characters at both ends."""
    kept = text.strip()
    while kept and (kept[0] in _INVISIBLE or kept[-1] in _INVISIBLE):
        kept = kept.strip(_INVISIBLE).strip()
    return kept


def _clean(text: str) -> str:
    whole = strip_blank(text).encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return simplified(whole)


def plan_batches(lengths: Sequence[int], limits: BatchLimits) -> Iterator[list[int]]:
    """Positions in batches of texts of like length, longest first.

    Sorting keeps padding small: on mixed Chinese texts it is worth a factor of four on a CPU.
    Longest first, so that memory peaks at once and not at the end of a long run.
    """
    batch: list[int] = []
    room = 0
    for position in sorted(range(len(lengths)), key=lambda p: -lengths[p]):
        if batch and (len(batch) >= limits.texts or lengths[position] > room):
            yield batch
            batch = []
        if not batch:
            room = limits.characters
        batch.append(position)
        room -= lengths[position]
    if batch:
        yield batch
