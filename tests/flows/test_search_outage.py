"""Elasticsearch hangs and dies in mid-traffic: nobody notices but for `degraded: true`."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench import outage
from tests.elasticsearch.node import ElasticNode
from tests.fixtures.embedding import EmbeddingProcess
from tests.fixtures.valkey import ValkeyServer, free_port


@pytest.mark.slow
@pytest.mark.timeout(600)  # it starts a node, a model and four processes
def test_a_node_that_hangs_and_dies_costs_no_answer_and_no_change(
    untraced: None,
    tmp_path: Path,
    own_elastic_node: ElasticNode,
    embedder_server: EmbeddingProcess,
) -> None:
    valkey = ValkeyServer(tmp_path / "valkey", free_port())
    product = outage.product_on(tmp_path, own_elastic_node, valkey, embedder_server)
    valkey.start()
    try:
        product.start()
        found = outage.run(product, own_elastic_node, items=24, readers=2, seconds=0.0, least=5)
    finally:
        product.stop()
        valkey.kill()
    assert found["not_200"] == 0
    # A feed or a match of what this process still holds asks the engine nothing and is whole.
    for door in ("search", "similar", "audience items"):
        assert found["dead"][door]["degraded"] == 1.0, door
        assert found["hung"][door]["degraded"] > 0.5, door
    # The promise is 300 ms for each; this machine may be busy with other tests.
    assert found["hung"]["p50_ms"] < 300
    assert found["dead"]["p50_ms"] < 300
    assert (found["lost"], found["failed_jobs"]) == (0, 0)
