"""Two texts compared as a reader would: by paragraph, then by character inside changed ones."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import zip_longest

# Above this many character pairs a paragraph is shown as replaced: comparing is quadratic.
MOST_PAIRS = 4_000_000
CONTEXT = 1


@dataclass(frozen=True)
class Piece:
    """`kind`: same, added or removed."""

    kind: str
    text: str


@dataclass(frozen=True)
class Paragraph:
    """`kind`: same, added, removed, changed, or gap (`count` unchanged paragraphs left out)."""

    kind: str
    pieces: tuple[Piece, ...] = ()
    count: int = 0


def compare(old: str, new: str) -> list[Paragraph]:
    """Paragraphs in reading order; long unchanged stretches become gaps."""
    before, after = _paragraphs(old), _paragraphs(new)
    found: list[Paragraph] = []
    matcher = SequenceMatcher(None, before, after, autojunk=False)
    for tag, old_from, old_to, new_from, new_to in matcher.get_opcodes():
        if tag == "equal":
            found += [Paragraph("same", (Piece("same", text),)) for text in before[old_from:old_to]]
        else:
            found += _replaced(before[old_from:old_to], after[new_from:new_to])
    return list(_with_gaps(found))


def _paragraphs(text: str) -> list[str]:
    return [line for line in text.replace("\r\n", "\n").split("\n") if line.strip()]


def _replaced(before: list[str], after: list[str]) -> list[Paragraph]:
    out = []
    for old, new in zip_longest(before, after):
        if old is None:
            out.append(Paragraph("added", (Piece("added", new),)))
        elif new is None:
            out.append(Paragraph("removed", (Piece("removed", old),)))
        else:
            out.append(Paragraph("changed", tuple(_characters(old, new))))
    return out


def _characters(old: str, new: str) -> Iterator[Piece]:
    if len(old) * len(new) > MOST_PAIRS:
        yield Piece("removed", old)
        yield Piece("added", new)
        return
    for tag, old_from, old_to, new_from, new_to in SequenceMatcher(
        None, old, new, autojunk=False
    ).get_opcodes():
        if tag == "equal":
            yield Piece("same", old[old_from:old_to])
            continue
        if old_to > old_from:
            yield Piece("removed", old[old_from:old_to])
        if new_to > new_from:
            yield Piece("added", new[new_from:new_to])


def _with_gaps(paragraphs: list[Paragraph]) -> Iterator[Paragraph]:
    """Keep `CONTEXT` unchanged paragraphs around every change."""
    changed = [index for index, paragraph in enumerate(paragraphs) if paragraph.kind != "same"]
    kept = {index + step for index in changed for step in range(-CONTEXT, CONTEXT + 1)}
    skipped = 0
    for index, paragraph in enumerate(paragraphs):
        if index not in kept:
            skipped += 1
            continue
        if skipped:
            yield Paragraph("gap", count=skipped)
            skipped = 0
        yield paragraph
    if skipped:
        yield Paragraph("gap", count=skipped)
