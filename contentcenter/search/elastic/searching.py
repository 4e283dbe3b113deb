"""Asking the live generation, whichever it is at the moment."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np
from elasticsearch import Elasticsearch

from contentcenter.domain.errors import EngineUnavailable
from contentcenter.embedding.ports import Vectors
from contentcenter.search.elastic.connection import Connection, IndexGone
from contentcenter.search.elastic.layout import VECTOR, WINDOW, Json
from contentcenter.search.elastic.queries import of_ids
from contentcenter.search.elastic.state import States

T = TypeVar("T")

# A generation may be replaced between the look at the alias and the search in it.
_LOOKS = 4
_PAUSE = 0.05
_VECTORS_AT_ONCE = 1000


class Searching:
    def __init__(self, connection: Connection, states: States) -> None:
        self._connection = connection
        self._states = states
        self._alias = states.names.read

    def ask(self, body: Json) -> Json:
        """The answer of one search."""

        def search(client: Elasticsearch) -> Json:
            answer: Json = client.search(index=self._alias, **self._complete(body)).body
            return answer

        return self._settled(search)

    def ask_many(self, bodies: Sequence[Json]) -> list[Json]:
        """The answers of several searches in one request."""
        lines = [line for body in bodies for line in ({}, body)]

        def search(client: Elasticsearch) -> list[Json]:
            answer: Any = client.msearch(index=self._alias, searches=lines).body
            responses: list[Json] = answer["responses"]
            for one in responses:
                _check(one)
            return responses

        return self._settled(search)

    def sorted(
        self, query: Json, sort: list[Json], limit: int, after: list[Any] | None = None
    ) -> list[list[Any]]:
        """Sort values of up to `limit` hits, the last one the id."""
        values: list[list[Any]] = []
        while len(values) < limit:
            size = min(limit - len(values), WINDOW)
            body = {"query": query, "sort": sort, "size": size, **ONLY_SORT_VALUES}
            if after is not None:
                body["search_after"] = after
            hits = self.ask(body)["hits"]["hits"]
            values += [hit["sort"] for hit in hits]
            if len(hits) < size:
                break
            after = values[-1]
        return values

    def vectors(self, ids: Sequence[int]) -> Mapping[int, Vectors]:
        found: dict[int, Vectors] = {}
        for start in range(0, len(ids), _VECTORS_AT_ONCE):
            part = ids[start : start + _VECTORS_AT_ONCE]
            answer = self.ask({
                "query": of_ids(part),
                "size": len(part),
                "source": False,
                "fields": ["id", VECTOR],
            })  # fmt: skip
            fields = [hit["fields"] for hit in answer["hits"]["hits"]]
            found |= {int(one["id"][0]): _row(one[VECTOR]) for one in fields if VECTOR in one}
        return found

    def _complete(self, body: Json) -> Json:
        # The same word must weigh the same in every shard.
        by_words = self._connection.options.shards > 1 and "sort" in body and "knn" not in body
        kind = {"search_type": "dfs_query_then_fetch"} if by_words else {}
        return {"allow_partial_search_results": False, **body, **kind}

    def _settled(self, search: Callable[[Elasticsearch], T]) -> T:
        for look in range(_LOOKS):
            try:
                return self._connection.ask(search)
            except IndexGone:
                time.sleep(_PAUSE * look)
                self._states.renew()
        raise EngineUnavailable("The search index is being replaced; ask again.")


ONLY_SORT_VALUES: Json = {"stored_fields": "_none_", "track_total_hits": False}


def _check(response: Json) -> None:
    """A part of a joint answer fails by itself."""
    error = response.get("error")
    if error is None:
        return
    if response.get("status") == 404:
        raise IndexGone(str(error))
    raise EngineUnavailable("Elasticsearch refused the question.", cause=str(error)[:2000])


def _row(values: list[float]) -> Vectors:
    return np.asarray(values, dtype=np.float32)
