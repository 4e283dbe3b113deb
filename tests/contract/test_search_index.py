"""Every engine against the contract."""

from __future__ import annotations

from functools import partial

import pytest
from elasticsearch import Elasticsearch

from contentcenter.search.elastic import ElasticIndex, ElasticOptions
from contentcenter.search.embedded import EmbeddedIndex
from tests.contract.search_index_building import IndexFactory, eventually
from tests.contract.search_index_suite import SearchIndexContract
from tests.elasticsearch.node import free_port


class TestEmbeddedIndex(SearchIndexContract):
    @pytest.fixture
    def index_factory(self, tmp_path) -> IndexFactory:
        return partial(EmbeddedIndex, tmp_path / "index")

    @pytest.fixture
    def away_index(self, tmp_path, monkeypatch) -> EmbeddedIndex:
        """Its folder lost the pointer to what is live."""
        monkeypatch.setattr("contentcenter.search.embedded.snapshot._PATIENCE_SECONDS", 0.02)
        index = EmbeddedIndex(tmp_path / "away")
        (tmp_path / "away" / "CURRENT").unlink()
        return index


class TestElasticIndex(SearchIndexContract):
    @pytest.fixture
    def index_factory(self, elastic_options) -> IndexFactory:
        return partial(ElasticIndex, elastic_options)

    @pytest.fixture
    def away_index(self) -> ElasticIndex:
        """Nobody listens at its address."""
        return ElasticIndex(ElasticOptions(f"http://127.0.0.1:{free_port()}"))

    def let_sent_writes_end(self, index):
        with Elasticsearch(index.options.url) as client:
            eventually(lambda: not running_writes(client))


def running_writes(client: Elasticsearch) -> object:
    headers = {"accept": "application/json"}
    path = "/_tasks?actions=indices:data/write/*"
    return client.perform_request("GET", path, headers=headers).body["nodes"]
