"""Elasticsearch behind the search port."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager

from contentcenter.embedding.ports import ModelIdentity, Vectors
from contentcenter.search.elastic.connection import Connection
from contentcenter.search.elastic.facets import aggregations, counted
from contentcenter.search.elastic.layout import Json
from contentcenter.search.elastic.nearest import Nearest
from contentcenter.search.elastic.options import ElasticOptions
from contentcenter.search.elastic.queries import (
    both,
    filter_query,
    lexical_query,
    of_ids,
)
from contentcenter.search.elastic.rebuild import ElasticRebuild, rebuilding
from contentcenter.search.elastic.searching import Searching
from contentcenter.search.elastic.sorting import mark_of, place_of, sort_of
from contentcenter.search.elastic.state import States
from contentcenter.search.elastic.stats import read_stats
from contentcenter.search.elastic.writer import Writer
from contentcenter.search.ports import (
    Filters,
    Hit,
    IndexDocument,
    IndexStats,
    LexicalQuery,
    Mark,
    Order,
    Page,
)

_BY_SCORE: list[Json] = [{"_score": "desc"}, {"id": "asc"}]


class ElasticIndex:
    """An index on a cluster. Opening it asks nothing of the cluster; the first use makes what
    is missing. May be pickled and used on both sides of a fork."""

    def __init__(self, options: ElasticOptions) -> None:
        self.options = options
        self._connection = Connection(options)
        self._states = States(self._connection)
        self._searching = Searching(self._connection, self._states)
        self._nearest = Nearest(self._searching, self._states)
        self._writer = Writer(self._connection, self._states)

    def __reduce__(self) -> tuple[type[ElasticIndex], tuple[ElasticOptions]]:
        return ElasticIndex, (self.options,)

    def put(self, documents: Sequence[IndexDocument]) -> None:
        if documents:
            self._writer.put(documents)

    def remove(self, ids: Sequence[int]) -> None:
        if ids:
            self._writer.remove(ids)

    def lexical(self, query: LexicalQuery, filters: Filters, limit: int) -> list[Hit]:
        built = lexical_query(query, filters)
        if built is None:
            return []
        hits = self._searching.sorted(built, _BY_SCORE, limit)
        return [Hit(int(one), score) for score, one in hits]

    def nearest(self, vectors: Vectors, filters: Filters, limit: int) -> list[list[Hit]]:
        return self._nearest.find(vectors, filters, limit)

    def vectors(self, ids: Sequence[int]) -> Mapping[int, Vectors]:
        return self._searching.vectors(list(dict.fromkeys(ids)))

    def select(self, filters: Filters, limit: int, order: Order = Order.NEWEST) -> list[int]:
        return list(self.page(filters, limit, order).ids)

    def page(
        self, filters: Filters, limit: int, order: Order = Order.NEWEST, after: Mark | None = None
    ) -> Page:
        if limit <= 0:
            return Page((), None)
        place = None if after is None else place_of(after, order)
        query = both(filter_query(filters), None)
        # One more than asked for tells whether anything follows.
        hits = self._searching.sorted(query, sort_of(order), limit + 1, place)
        ids = tuple(int(one) for _, one in hits[:limit])
        return Page(ids, mark_of(hits[limit - 1], order) if len(hits) > limit else None)

    def facets(
        self, ids: Iterable[int] | None, filters: Filters, names: Sequence[str], size: int = 20
    ) -> dict[str, list[tuple[str, int]]]:
        wanted = aggregations(names, size)
        if not wanted:
            return {}
        query = both(filter_query(filters), None if ids is None else of_ids(list(ids)))
        answer = self._searching.ask({"query": query, "size": 0, "aggs": wanted})
        return {name: counted(answer["aggregations"][name], size) for name in names}

    def rebuild(self, model: ModelIdentity) -> AbstractContextManager[ElasticRebuild]:
        return rebuilding(self._connection, self._states, model)

    def stats(self) -> IndexStats:
        return read_stats(self._connection, self._states)
