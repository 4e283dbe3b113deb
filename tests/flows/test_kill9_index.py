"""The indexing worker is killed at random points; store and index agree after each recovery.

`CONTENTCENTER_TEST_KILLS=50` for more rounds; `python -m bench kill9-index` prints figures.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from bench import kill9_index

pytestmark = pytest.mark.usefixtures("untraced")
KILLS = int(os.environ.get("CONTENTCENTER_TEST_KILLS", "3"))
SECONDS = 120 + 60 * KILLS


@pytest.mark.slow
@pytest.mark.timeout(SECONDS)
def test_store_and_embedded_index_agree_after_every_kill(tmp_path: Path, valkey_url: str) -> None:
    found = kill9_index.run(tmp_path, valkey_url, rounds=KILLS, items=60)
    assert (found["kills"], found["disagreements"]) == (KILLS, 0)


@pytest.mark.slow
@pytest.mark.timeout(SECONDS)
def test_store_and_elasticsearch_agree_after_every_kill(
    tmp_path: Path, valkey_url: str, elastic_url: str
) -> None:
    found = kill9_index.run(tmp_path, valkey_url, rounds=KILLS, items=60, url=elastic_url)
    assert (found["engine"], found["disagreements"]) == ("elastic", 0)
