"""Which engine answers the search port."""

from __future__ import annotations

from pathlib import Path

from contentcenter.domain.errors import InvalidInput
from contentcenter.search.elastic.options import ElasticOptions
from contentcenter.search.ports import SearchIndex
from contentcenter.settings import Settings


def index_from(settings: Settings) -> SearchIndex:
    """The engine the settings name. Nothing is asked of a server yet."""
    return build_index(settings.search_engine, settings.index_dir, elastic_options(settings))


def elastic_options(settings: Settings) -> ElasticOptions:
    """The cluster the settings name."""
    return ElasticOptions(
        url=settings.search_url,
        prefix=settings.search_index,
        shards=settings.search_shards,
        replicas=settings.search_replicas,
        timeout_seconds=settings.search_timeout_seconds,
        page_timeout_seconds=settings.search_page_timeout_seconds,
        api_key=settings.search_api_key,
        user=settings.search_user,
        password=settings.search_password,
        ca_file=settings.search_ca_file,
    )


def build_index(engine: str, path: Path, server: ElasticOptions | str | None) -> SearchIndex:
    """The engine by its settings name. `path` is the folder of an embedded index, `server`
    the cluster or just its address. Raises `InvalidInput` for what cannot be built."""
    if engine == "embedded":
        from contentcenter.search.embedded import EmbeddedIndex

        return EmbeddedIndex(path)
    if engine == "elastic":
        from contentcenter.search.elastic import ElasticIndex

        options = server if isinstance(server, ElasticOptions) else ElasticOptions(server or "")
        if not options.url:
            raise InvalidInput("CONTENTCENTER_SEARCH_URL must say where Elasticsearch is.")
        return ElasticIndex(options)
    raise InvalidInput(f"There is no search engine called {engine}.", engine=engine)
