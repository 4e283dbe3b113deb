"""Analysed text: the fields of a document and the clauses of a question."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class TextField(StrEnum):
    """Analysed text fields, strongest first. Values are space-separated tokens.

    `title` and `people` (authors, translators) and `body` hold words; `inner` holds words
    inside words and bigrams of title and body; `codes` holds ISBNs and a mark of
    traditional print; `pinyin` is the separate
    lowest layer (syllables and initials of title and people) and is never mixed with words.
    """

    TITLE = "title"
    PEOPLE = "people"
    TAGS = "tags"
    CODES = "codes"
    BODY = "body"
    INNER = "inner"
    PINYIN = "pinyin"


@dataclass(frozen=True)
class Clause:
    """Tokens looked for in one field. OR semantics; `boost` multiplies the BM25 score.

    Phrases of the same `group` are alternatives: one phrase asked for in several fields.
    """

    field: TextField
    tokens: tuple[str, ...]
    boost: float = 1.0
    group: int | None = None


@dataclass(frozen=True)
class LexicalQuery:
    """`should` clauses score (at least one must match); `must` clauses are required in full
    (every token, in any order); `phrases` must appear in order in their field; `must_not`
    excludes documents with any of the tokens, `not_phrases` those with any of the phrases.
    `also` clauses add to the score of what the others found and find nothing by themselves.
    A query without `should`, `must` and `phrases` is empty: excluding alone finds nothing."""

    should: tuple[Clause, ...] = ()
    must: tuple[Clause, ...] = ()
    phrases: tuple[Clause, ...] = ()
    must_not: tuple[Clause, ...] = ()
    not_phrases: tuple[Clause, ...] = ()
    also: tuple[Clause, ...] = ()
