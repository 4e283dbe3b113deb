"""Questions and filters in Elasticsearch's words. They mean what the embedded engine does."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

from contentcenter.search.elastic.documents import ANY_CHANNEL, microseconds
from contentcenter.search.elastic.layout import MOST_TERMS, Json
from contentcenter.search.ports import Clause, Filters, LexicalQuery, TextField

# A node with little memory refuses questions of about 8,000 terms. The strongest clauses of
# a question this long come first.
_MOST_CLAUSES = 4000


def filter_query(filters: Filters) -> Json | None:
    """The filters as one query without a score, None when everything passes."""
    required = list(_required(filters))
    refused = _any_of("id", filters.exclude_ids) if filters.exclude_ids else None
    if not required and refused is None:
        return None
    query: Json = {"filter": required}
    if refused is not None:
        query["must_not"] = [refused]
    return {"bool": query}


def both(first: Json | None, second: Json | None) -> Json:
    """Documents that pass both; None = everything."""
    kept = [one for one in (first, second) if one is not None]
    return {"bool": {"filter": kept}} if kept else {"match_all": {}}


def of_ids(ids: Sequence[int]) -> Json:
    return _any_of("id", ids)


def lexical_query(query: LexicalQuery, filters: Filters) -> Json | None:
    """None for a question that finds nothing."""
    should = list(islice(_terms(_strongest(query.should)), _MOST_CLAUSES))
    must = [*_terms(query.must), *_phrase_groups(query.phrases)]
    if not should and not must:
        return None
    if should:
        must.append({"bool": {"should": should, "minimum_should_match": 1}})
    parts: Json = {"must": must}
    if query.also:
        parts["should"] = list(islice(_terms(query.also), _MOST_CLAUSES))
        parts["minimum_should_match"] = 0
    refused = [*_terms(query.must_not), *_phrases(query.not_phrases)]
    if refused:
        parts["must_not"] = refused
    allowed = filter_query(filters)
    if allowed is not None:
        parts["filter"] = [allowed]
    return {"bool": parts}


def _strongest(clauses: Sequence[Clause]) -> list[Clause]:
    return sorted(clauses, key=lambda clause: -clause.boost)


def _terms(clauses: Sequence[Clause]) -> Iterator[Json]:
    for clause in clauses:
        for token in dict.fromkeys(clause.tokens):
            yield _term(clause, token)


def _term(clause: Clause, token: str) -> Json:
    return {"term": {_path(clause.field): {"value": token, "boost": clause.boost}}}


def _phrases(clauses: Sequence[Clause]) -> Iterator[Json]:
    for clause in clauses:
        if len(clause.tokens) == 1:
            yield _term(clause, clause.tokens[0])
        elif clause.tokens:
            phrase = {"query": " ".join(clause.tokens), "boost": clause.boost}
            yield {"match_phrase": {_path(clause.field): phrase}}


def _phrase_groups(clauses: Sequence[Clause]) -> Iterator[Json]:
    """Each group is required; inside one any clause will do."""
    groups: dict[int, list[Clause]] = {}
    for position, clause in enumerate(clauses):
        key = -1 - position if clause.group is None else clause.group
        groups.setdefault(key, []).append(clause)
    for group in groups.values():
        phrases = list(_phrases(group))
        if phrases:
            yield {"bool": {"should": phrases, "minimum_should_match": 1}}


def _path(field: TextField) -> str:
    return f"text.{field}"


def _required(filters: Filters) -> Iterator[Json]:
    named: tuple[tuple[str, Sequence[Any]], ...] = (
        ("kind", filters.kinds),
        ("state", filters.states),
        ("category", filters.categories),
        ("source", filters.sources),
        ("tags", filters.tags),
        ("publishers", filters.publishers),
        ("works", filters.works),
    )
    yield from (_any_of(name, values) for name, values in named if values)
    yield from ({"term": {"tags": tag}} for tag in filters.tags_all)
    yield from _ranges(filters)
    if filters.in_stock is not None:
        yield {"term": {"in_stock": filters.in_stock}}
    if filters.channel_kind is not None:
        yield _any_of("channels", (ANY_CHANNEL, filters.channel_kind))
    if filters.ids is not None:
        yield _any_of("id", filters.ids)


def _ranges(filters: Filters) -> Iterator[Json]:
    yield from _between("price", filters.price_min_fen, filters.price_max_fen)
    yield from _between("years", filters.year_min, filters.year_max)
    if filters.published_after is not None:
        yield {"range": {"published": {"gt": microseconds(filters.published_after)}}}
    if filters.rights_at is not None:
        yield {"range": {"rights": {"gte": microseconds(filters.rights_at)}}}


def _between(field: str, low: int | None, high: int | None) -> Iterator[Json]:
    bounds = {name: value for name, value in (("gte", low), ("lte", high)) if value is not None}
    if bounds:
        yield {"range": {field: bounds}}


def _any_of(field: str, values: Sequence[Any]) -> Json:
    """Long lists in several queries: one may name only so many."""
    parts = [values[i : i + MOST_TERMS] for i in range(0, len(values), MOST_TERMS)]
    queries = [{"terms": {field: list(part)}} for part in parts]
    if not queries:
        return {"match_none": {}}
    return queries[0] if len(queries) == 1 else {"bool": {"should": queries}}
