"""The embedded engine against the contract."""

from __future__ import annotations

from functools import partial

import pytest

from contentcenter.search.embedded import EmbeddedIndex
from tests.contract.search_index_suite import IndexFactory, SearchIndexContract


class TestEmbeddedIndex(SearchIndexContract):
    @pytest.fixture
    def index_factory(self, tmp_path) -> IndexFactory:
        return partial(EmbeddedIndex, tmp_path / "index")
