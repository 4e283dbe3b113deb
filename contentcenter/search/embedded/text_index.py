"""The words: a tantivy index of one document an item, without stored bodies.

tantivy's odd rules that shape this file (0.27): deleting by an unsigned field deletes nothing
and says nothing, so ids are raw text; a phrase of one token panics; a writer locks every other
one out, so it lives for one batch; only a union of bare (boosted) terms gets block-max
pruning, so clauses are flattened before they reach it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import tantivy

from contentcenter.domain.errors import EngineUnavailable
from contentcenter.search.embedded.masks import EVERYTHING
from contentcenter.search.embedded.rows import microseconds
from contentcenter.search.ports import Clause, Filters, IndexDocument, LexicalQuery, TextField

_ID, _SERIAL, _FILTER = "id", "serial", "filter"
_PRICE, _PUBLISHED, _YEAR = "price", "published", "year"
# The document that carries the sequence number of the commit, in its serial.
_MARKER = "@commit"
# Memory for one batch of new documents; tantivy refuses less than 15 MB a thread.
LIVE_HEAP = 32_000_000
BUILD_HEAP = 128_000_000
# Longer lists of ids are left to the mask alone: the term set would cost more than it saves.
_MANY_IDS = 2000

_Must, _MustNot, _Should = tantivy.Occur.Must, tantivy.Occur.MustNot, tantivy.Occur.Should
Query = Any  # tantivy.Query
Clauses = list[tuple[Any, Query]]


def _schema() -> Any:
    builder = tantivy.SchemaBuilder()
    builder.add_text_field(_ID, tokenizer_name="raw", index_option="basic")
    builder.add_unsigned_field(_SERIAL, fast=True)
    builder.add_text_field(_FILTER, tokenizer_name="raw", index_option="basic")
    builder.add_integer_field(_PRICE, fast=True)
    builder.add_integer_field(_PUBLISHED, fast=True)
    builder.add_integer_field(_YEAR, fast=True)
    for field in TextField:
        builder.add_text_field(
            str(field), tokenizer_name="whitespace", index_option=_index_option(field)
        )
    return builder.build()


def _index_option(field: TextField) -> str:
    return "freq" if field in {TextField.CODES, TextField.PINYIN} else "position"


@dataclass(frozen=True)
class Found:
    """Serials and BM25 scores, best first. `complete`: nothing was cut off."""

    serials: npt.NDArray[np.int64]
    scores: npt.NDArray[np.float64]
    complete: bool


class TextSnapshot:
    """One commit of the text index. Safe for threads; later commits do not touch it."""

    def __init__(self, searcher: Any, schema: Any) -> None:
        self._searcher = searcher
        self._schema = schema
        self.documents = int(searcher.num_docs) - 1
        self.sequence = self._read_sequence()

    def search(self, query: LexicalQuery, filters: Filters, limit: int) -> Found:
        """The best `limit` matches. Filters that tantivy can apply are applied; whoever asks
        checks the hits against the mask, which knows all of them."""
        built = _build_query(self._schema, query, filters)
        if built is None:
            return Found(np.empty(0, np.int64), np.empty(0), True)
        hits = self._searcher.search(built, limit, count=False).hits
        serials = self._searcher.fast_field_values(_SERIAL, [address for _, address in hits])
        return Found(
            np.array(serials, dtype=np.int64),
            np.array([score for score, _ in hits], dtype=np.float64),
            len(hits) < limit,
        )

    def _read_sequence(self) -> int:
        query = tantivy.Query.term_query(self._schema, _ID, _MARKER, index_option="basic")
        hits = self._searcher.search(query, 1, count=False).hits
        if not hits:
            raise EngineUnavailable("The text index has no commit marker; rebuild the index.")
        return int(self._searcher.fast_field_values(_SERIAL, [hits[0][1]])[0])


class TextReader:
    """An open text index for reading; `snapshot()` sees the newest commit."""

    def __init__(self, folder: Path) -> None:
        self._index = tantivy.Index.open(str(folder))
        # The automatic policy starts a watcher thread, which no fork survives.
        self._index.config_reader(reload_policy="manual")

    def snapshot(self) -> TextSnapshot:
        self._index.reload()
        return TextSnapshot(self._index.searcher(), self._index.schema)


class TextWriter:
    """Adds and deletes documents; nothing counts before `commit`."""

    def __init__(self, folder: Path, *, heap: int = LIVE_HEAP, threads: int = 1) -> None:
        index = tantivy.Index.open(str(folder))
        self._writer = index.writer(heap, threads)

    @classmethod
    def create(cls, folder: Path) -> None:
        """Make an empty index that says sequence 0."""
        folder.mkdir(parents=True)
        tantivy.Index(_schema(), path=str(folder))
        writer = cls(folder)
        writer.commit(0)
        writer.close()

    def delete(self, ids: Sequence[int]) -> None:
        for one in ids:
            self._writer.delete_documents_by_term(_ID, str(one))

    def add(self, document: IndexDocument, serial: int) -> None:
        self._writer.add_document(_tantivy_document(document, serial))

    def commit(self, sequence: int) -> None:
        self._writer.delete_documents_by_term(_ID, _MARKER)
        marker = tantivy.Document()
        marker.add_text(_ID, _MARKER)
        marker.add_unsigned(_SERIAL, sequence)
        self._writer.add_document(marker)
        self._writer.commit()

    def close(self) -> None:
        """Drop what was not committed and let go of tantivy's lock."""
        self._writer.wait_merging_threads()


def _tantivy_document(document: IndexDocument, serial: int) -> Any:
    result = tantivy.Document()
    result.add_text(_ID, str(document.id))
    result.add_unsigned(_SERIAL, serial)
    for field, text in document.text.items():
        if text:
            result.add_text(str(field), text)
    for term in _filter_terms(document):
        result.add_text(_FILTER, term)
    if document.price_fen is not None:
        result.add_integer(_PRICE, document.price_fen)
    if document.published_at is not None:
        result.add_integer(_PUBLISHED, microseconds(document.published_at))
    for year in document.years:
        result.add_integer(_YEAR, year)
    return result


def _filter_terms(document: IndexDocument) -> Iterator[str]:
    yield _term("kind", document.kind)
    yield _term("state", document.state)
    yield _term("category", document.category)
    yield _term("source", document.source)
    yield _term("stock", document.in_stock)
    yield from (_term("tag", tag) for tag in document.tags)
    yield from (_term("publisher", publisher) for publisher in document.publishers)
    yield from (_term("work", work) for work in document.works)


def _term(name: str, value: object) -> str:
    return f"{name}={value}"


def _build_query(schema: Any, query: LexicalQuery, filters: Filters) -> Query | None:
    should = [(_Should, term) for clause in query.should for term in _terms(schema, clause)]
    required = [(_Must, term) for clause in query.must for term in _terms(schema, clause)]
    required += [(_Must, group) for group in _phrase_groups(schema, query.phrases)]
    if not should and not required:
        return None
    kept = [] if filters == EVERYTHING else _filter_queries(schema, filters)
    refused = [(_MustNot, t) for clause in query.must_not for t in _terms(schema, clause)]
    refused += [(_MustNot, phrase) for phrase in _phrases(schema, query.not_phrases)]
    also = [(_Should, term) for clause in query.also for term in _terms(schema, clause)]
    if not required and not kept and not refused and not also:
        return tantivy.Query.boolean_query(should)
    parts = required + [(_Must, _without_score(one)) for one in kept] + refused
    if should:
        parts.append((_Must, tantivy.Query.boolean_query(should)))
    # Beside what must match, these only add to the score.
    return tantivy.Query.boolean_query(parts + also)


def _without_score(query: Query) -> Query:
    return tantivy.Query.const_score_query(query, 0.0)


def _terms(schema: Any, clause: Clause) -> Iterator[Query]:
    for token in dict.fromkeys(clause.tokens):
        yield _boosted(_one_term(schema, clause.field, token), clause.boost)


def _one_term(schema: Any, field: TextField, token: str) -> Query:
    return tantivy.Query.term_query(schema, str(field), token, index_option="freq")


def _boosted(query: Query, boost: float) -> Query:
    return query if boost == 1.0 else tantivy.Query.boost_query(query, boost)


def _phrases(schema: Any, clauses: Sequence[Clause]) -> Iterator[Query]:
    for clause in clauses:
        if len(clause.tokens) == 1:
            yield _boosted(_one_term(schema, clause.field, clause.tokens[0]), clause.boost)
        elif clause.tokens:
            phrase = tantivy.Query.phrase_query(schema, str(clause.field), list(clause.tokens))
            yield _boosted(phrase, clause.boost)


def _phrase_groups(schema: Any, clauses: Sequence[Clause]) -> Iterator[Query]:
    """Each group is required; inside one any clause will do."""
    groups: dict[int, list[Clause]] = {}
    for position, clause in enumerate(clauses):
        key = -1 - position if clause.group is None else clause.group
        groups.setdefault(key, []).append(clause)
    for group in groups.values():
        phrases = list(_phrases(schema, group))
        if phrases:
            yield tantivy.Query.boolean_query([(_Should, one) for one in phrases])


def _filter_queries(schema: Any, filters: Filters) -> list[Query]:
    """The conditions that tantivy can check cheaply. None may refuse what the mask allows."""
    queries = [_any_of(schema, name, values) for name, values in _named_values(filters) if values]
    queries += [_any_of(schema, "tag", (tag,)) for tag in filters.tags_all]
    if filters.ids is not None and len(filters.ids) <= _MANY_IDS:
        ids = [str(one) for one in filters.ids]
        queries.append(tantivy.Query.term_set_query(schema, _ID, ids))
    for field, low, high in (
        (_PRICE, filters.price_min_fen, filters.price_max_fen),
        (_YEAR, filters.year_min, filters.year_max),
    ):
        if low is not None or high is not None:
            queries.append(_between(schema, field, low, high))
    if filters.published_after is not None:
        moment = microseconds(filters.published_after)
        queries.append(_between(schema, _PUBLISHED, moment, None))
    return queries


def _named_values(filters: Filters) -> tuple[tuple[str, Sequence[object]], ...]:
    return (
        ("kind", filters.kinds),
        ("state", filters.states),
        ("category", filters.categories),
        ("source", filters.sources),
        ("tag", filters.tags),
        ("publisher", filters.publishers),
        ("work", filters.works),
        ("stock", () if filters.in_stock is None else (filters.in_stock,)),
    )


def _any_of(schema: Any, name: str, values: Sequence[object]) -> Query:
    terms = [_term(name, value) for value in values]
    if len(terms) == 1:
        return tantivy.Query.term_query(schema, _FILTER, terms[0], index_option="basic")
    return tantivy.Query.term_set_query(schema, _FILTER, terms)


def _between(schema: Any, field: str, low: int | None, high: int | None) -> Query:
    return tantivy.Query.range_query(schema, field, tantivy.FieldType.Integer, low, high)
