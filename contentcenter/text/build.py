"""The analyser as the rest of the house gets it."""

from __future__ import annotations

from collections.abc import Iterable

from contentcenter.text.analysis import Analyser
from contentcenter.text.words import Segmenter


def build_analyser(words: Iterable[str] = ()) -> Analyser:
    """An analyser with the built-in dictionary and the shop's own `words`."""
    return Analyser(Segmenter(words))
