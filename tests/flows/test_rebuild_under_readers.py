"""A rebuild while readers search: every answer is whole, of the old or of the new index.

`python -m bench rebuild` is the same with 200,000 items and 20 readers.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import pytest

from bench import rebuild
from contentcenter.search.elastic import ElasticOptions


def check(found: dict[str, Any], items: int) -> None:
    assert (found["errors"], found["empty"], found["mixed"]) == (0, 0, 0), found
    assert found["of_the_old"] > 0
    assert found["of_the_new"] > 0
    assert found["documents_at_the_end"] == items


@pytest.mark.slow
def test_answers_of_the_embedded_engine_are_of_one_generation(tmp_path: Path) -> None:
    factory = partial(rebuild.guarded, "embedded", tmp_path, None)
    check(rebuild.run(factory, items=4_000, readers=4, processes=1), 4_000)


@pytest.mark.slow
def test_answers_of_elasticsearch_are_of_one_generation(
    tmp_path: Path, elastic_options: ElasticOptions
) -> None:
    factory = partial(rebuild.guarded, "elastic", tmp_path, elastic_options)
    check(rebuild.run(factory, items=1_500, readers=4, processes=1), 1_500)
