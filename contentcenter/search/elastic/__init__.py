"""Elasticsearch behind the search port."""

from contentcenter.search.elastic.engine import ElasticIndex
from contentcenter.search.elastic.options import ElasticOptions

__all__ = ["ElasticIndex", "ElasticOptions"]
