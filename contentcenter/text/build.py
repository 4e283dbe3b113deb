"""The analyser as the rest of the house gets it."""

from __future__ import annotations

from collections.abc import Iterable

from contentcenter.text.analysis import Analyser
from contentcenter.text.starter_words import STARTER
from contentcenter.text.word_lines import build_words
from contentcenter.text.words import Segmenter


def build_analyser(words: Iterable[str] = ()) -> Analyser:
    """An analyser with the built-in dictionary, the shop's own `words` and the synonyms that a
    new shop begins with."""
    analyser = Analyser(Segmenter(words))
    analyser.use(build_words(STARTER))
    return analyser
