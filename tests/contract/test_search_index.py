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

    @pytest.fixture
    def away_index(self, tmp_path, monkeypatch) -> EmbeddedIndex:
        """Its folder lost the pointer to what is live."""
        monkeypatch.setattr("contentcenter.search.embedded.snapshot._PATIENCE_SECONDS", 0.02)
        index = EmbeddedIndex(tmp_path / "away")
        (tmp_path / "away" / "CURRENT").unlink()
        return index
