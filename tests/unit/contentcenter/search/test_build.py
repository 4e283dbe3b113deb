from __future__ import annotations

import pytest

from contentcenter.domain.errors import InvalidInput
from contentcenter.search.build import build_index, index_from
from contentcenter.search.elastic import ElasticIndex, ElasticOptions
from contentcenter.search.embedded import EmbeddedIndex
from contentcenter.settings import Settings


def test_embedded_is_here(tmp_path):
    assert isinstance(build_index("embedded", tmp_path / "index", None), EmbeddedIndex)


def test_elastic_needs_an_address(tmp_path):
    with pytest.raises(InvalidInput, match="CONTENTCENTER_SEARCH_URL"):
        build_index("elastic", tmp_path, "")


def test_the_settings_reach_the_cluster(tmp_path):
    settings = Settings(
        data_dir=tmp_path,
        search_engine="elastic",
        search_url="http://search:9200",
        search_index="books",
        search_shards=2,
        search_replicas="1",
        search_timeout_seconds=0.5,
        search_api_key="key",
    )
    index = index_from(settings)
    assert isinstance(index, ElasticIndex)
    assert index.options == ElasticOptions(
        "http://search:9200", "books", 2, "1", timeout_seconds=0.5, api_key="key"
    )


def test_an_unknown_engine_is_refused(tmp_path):
    with pytest.raises(InvalidInput, match="no search engine"):
        build_index("other", tmp_path, None)
