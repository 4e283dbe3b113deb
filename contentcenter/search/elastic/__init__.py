"""Elasticsearch behind the search port."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from contentcenter.search.elastic.options import ElasticOptions

if TYPE_CHECKING:
    from contentcenter.search.elastic.engine import ElasticIndex

__all__ = ["ElasticIndex", "ElasticOptions"]


def __getattr__(name: str) -> Any:
    """The client takes a good part of a second to import: only for those who use it."""
    if name == "ElasticIndex":
        from contentcenter.search.elastic.engine import ElasticIndex

        return ElasticIndex
    raise AttributeError(name)
