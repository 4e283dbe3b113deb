"""Which engine answers the search port."""

from __future__ import annotations

from pathlib import Path

from contentcenter.domain.errors import InvalidInput
from contentcenter.search.ports import SearchIndex


def build_index(engine: str, path: Path, url: str | None) -> SearchIndex:
    """The engine by its settings name. `path` is the folder of an embedded index, `url` the
    address of a server. Raises `InvalidInput` for an engine this release does not have."""
    if engine == "embedded":
        from contentcenter.search.embedded import EmbeddedIndex

        return EmbeddedIndex(path)
    if engine == "elastic":
        raise InvalidInput(
            "The Elasticsearch engine comes with the next release; "
            "set CONTENTCENTER_SEARCH_ENGINE=embedded.",
            engine=engine,
            url=url,
        )
    raise InvalidInput(f"There is no search engine called {engine}.", engine=engine)
