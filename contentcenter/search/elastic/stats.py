"""What the live generation is and holds."""

from __future__ import annotations

from functools import partial
from typing import Any

from elasticsearch import Elasticsearch

from contentcenter.domain.errors import EngineUnavailable
from contentcenter.search.elastic.connection import Connection, IndexGone
from contentcenter.search.elastic.layout import Json
from contentcenter.search.elastic.state import State, States
from contentcenter.search.ports import IndexStats


def read_stats(connection: Connection, states: States) -> IndexStats:
    """Raises `EngineUnavailable`."""
    for _ in range(3):
        state = states.renew()
        try:
            counts = connection.ask(partial(_counts, state=state))
        except IndexGone:
            continue
        return IndexStats(
            documents=counts["documents"],
            vectors=counts["vectors"],
            disk_bytes=counts["bytes"],
            model=state.model,
            details={
                "engine": "elastic",
                "server": connection.server_version(),
                "health": counts["health"],
                "index": state.index,
                "shards": counts["shards"],
                "dimension": state.dimension,
                "rebuilding": state.rebuilding,
            },
        )
    raise EngineUnavailable("The search index is being replaced; ask again.")


def _counts(client: Elasticsearch, state: State) -> Json:
    index = state.index
    disk: Any = client.indices.stats(index=index, metric="store").body
    health: Any = client.cluster.health(index=index).body
    return {
        "documents": int(client.count(index=index)["count"]),
        "vectors": int(client.count(index=index, query={"term": {"has_vector": True}})["count"]),
        "bytes": int(disk["_all"]["primaries"]["store"]["size_in_bytes"]),
        "health": str(health["status"]),
        "shards": int(health["active_primary_shards"]),
    }
