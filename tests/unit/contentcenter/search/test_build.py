from __future__ import annotations

import pytest

from contentcenter.domain.errors import InvalidInput
from contentcenter.search.build import build_index
from contentcenter.search.embedded import EmbeddedIndex


def test_embedded_is_here(tmp_path):
    assert isinstance(build_index("embedded", tmp_path / "index", None), EmbeddedIndex)


def test_elastic_names_the_next_release(tmp_path):
    with pytest.raises(InvalidInput, match="next release"):
        build_index("elastic", tmp_path, "http://localhost:9200")


def test_an_unknown_engine_is_refused(tmp_path):
    with pytest.raises(InvalidInput, match="no search engine"):
        build_index("other", tmp_path, None)
