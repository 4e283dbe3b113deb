"""The guard changes nothing that an engine promises: the contract, through it."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from contentcenter.search.embedded import EmbeddedIndex
from contentcenter.search.guarded import GuardedIndex
from tests.contract.search_index_building import IndexFactory
from tests.contract.search_index_suite import SearchIndexContract


def guarded(folder: Path) -> GuardedIndex:
    return GuardedIndex(EmbeddedIndex(folder))


class TestGuardedIndex(SearchIndexContract):
    @pytest.fixture
    def index_factory(self, tmp_path) -> IndexFactory:
        return partial(guarded, tmp_path / "index")

    @pytest.fixture
    def away_index(self, tmp_path, monkeypatch) -> GuardedIndex:
        monkeypatch.setattr("contentcenter.search.embedded.snapshot._PATIENCE_SECONDS", 0.02)
        index = guarded(tmp_path / "away")
        (tmp_path / "away" / "CURRENT").unlink()
        return index

    # What several processes do on disk is the engine's own affair, and takes long.
    test_a_killed_writer_loses_nothing_acknowledged = None
    test_several_writers_wait_for_each_other = None
    test_a_long_life_of_updates_stays_right = None
    test_a_write_of_another_process_is_visible = None
    test_cursors_hold_while_others_write = None
