"""A first mark for an item before any reader has seen it: named parts that sum up. Pure."""

from __future__ import annotations

import math

from contentcenter.store.cards import ItemCard

# From here on more text earns nothing: a long read is not a better one.
_FULL_LENGTH = 800
_TITLE_GOOD = range(5, 41)


def quality_parts(card: ItemCard, html: str) -> dict[str, float]:
    """Parts by name; `quality` is their sum, 0..1 (a duplicate loses points)."""
    return {
        "base": 0.1,
        "length": round(0.3 * min(1.0, math.log1p(len(card.text)) / math.log1p(_FULL_LENGTH)), 4),
        "structure": _structure(card.text, html),
        "title": 0.1 if len(card.title) in _TITLE_GOOD else 0.04,
        "author": 0.05 if card.author else 0.0,
        "picture": 0.1 if card.cover or "<img" in html else 0.0,
        "books": min(0.2, 0.15 * bool(card.books) + 0.025 * len(card.books)),
        "duplicate": -0.1 if card.duplicate_of is not None else 0.0,
    }


def quality(parts: dict[str, float]) -> float:
    return round(min(1.0, max(0.0, sum(parts.values()))), 4)


def _structure(text: str, html: str) -> float:
    """Short paragraphs read well on a phone; headings and lists help in a long text."""
    paragraphs = [line for line in text.split("\n") if line.strip()]
    if not paragraphs:
        return 0.0
    mean = sum(map(len, paragraphs)) / len(paragraphs)
    flow = 0.1 if mean <= 250 else 0.04
    guided = any(mark in html for mark in ("<h2", "<h3", "<ul", "<ol", "<blockquote"))
    return flow + (0.05 if guided or len(text) < 400 else 0.0)
