"""An empty index for the length of a measurement, thrown away afterwards."""

from __future__ import annotations

import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from contentcenter.domain.errors import InvalidInput
from contentcenter.search.build import elastic_options
from contentcenter.search.elastic.connection import Connection
from contentcenter.search.elastic.options import ElasticOptions
from contentcenter.search.ports import SearchIndex
from contentcenter.settings import Settings

# A measurement waits longer than a page: it wants every answer.
_PATIENCE_SECONDS = 120.0


@contextmanager
def temporary_index(engine: str, settings: Settings) -> Iterator[SearchIndex]:
    """An index of this engine beside the live one: in a temporary folder, or in the cluster
    of the settings under a name of its own. Raises `InvalidInput` for an unknown engine or
    one without an address."""
    if engine == "embedded":
        from contentcenter.search.embedded import EmbeddedIndex

        with tempfile.TemporaryDirectory(prefix="contentcenter-index-") as folder:
            yield EmbeddedIndex(Path(folder))
    elif engine == "elastic":
        yield from _in_cluster(settings)
    else:
        raise InvalidInput(f"There is no search engine called {engine}.", engine=engine)


def _in_cluster(settings: Settings) -> Iterator[SearchIndex]:
    from contentcenter.search.elastic import ElasticIndex

    options = replace(
        elastic_options(settings),
        prefix=f"{settings.search_index}-measure-{uuid.uuid4().hex[:8]}",
        timeout_seconds=_PATIENCE_SECONDS,
        replicas="0",
    )
    if not options.url:
        raise InvalidInput("CONTENTCENTER_SEARCH_URL must say where Elasticsearch is.")
    try:
        yield ElasticIndex(options)
    finally:
        _drop(options)


def _drop(options: ElasticOptions) -> None:
    connection = Connection(options)
    found = connection.write(
        lambda client: list(client.indices.get_alias(index=f"{options.prefix}-*").body)
    )
    if found:
        connection.write(lambda client: client.indices.delete(index=found))
