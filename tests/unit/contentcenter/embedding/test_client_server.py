"""Client and server over real HTTP, with the hashing embedder in the model's place."""

from __future__ import annotations

import http.client
import json
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import numpy as np
import pytest

from contentcenter.domain.errors import EngineUnavailable, InvalidInput, ModelMismatch
from contentcenter.embedding.client import RemoteEmbedder
from contentcenter.embedding.hashing import HashingEmbedder
from contentcenter.embedding.server import EmbeddingServer
from tests.fixtures.valkey import free_port


@contextmanager
def serving(embedder, port=0, *, ready=True):
    server = EmbeddingServer(("127.0.0.1", port), embedder)
    if ready:
        server.warm_up()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.stop(5)
        thread.join(5)
        server.server_close()


@contextmanager
def client_of(port, timeout=10.0):
    embedder = RemoteEmbedder(f"http://127.0.0.1:{port}", timeout)
    try:
        yield embedder
    finally:
        embedder.close()


@pytest.fixture
def server():
    with serving(HashingEmbedder(64)) as server:
        yield server


@pytest.fixture
def client(server):
    with client_of(server.server_port) as client:
        yield client


def ask(server, method, path, body=None, headers=None):
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=10)
    try:
        connection.request(method, path, body, headers or {})
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


TEXTS = [f"第{i}篇：{'山河' * (i % 40)}" for i in range(300)]


def test_vectors_are_the_embedders_own(client):
    own = HashingEmbedder(64)
    np.testing.assert_array_equal(client.encode_passages(TEXTS), own.encode_passages(TEXTS))
    np.testing.assert_array_equal(client.encode_queries(TEXTS[:1]), own.encode_queries(TEXTS[:1]))
    assert client.identity() == own.identity()


def test_no_texts_are_no_rows(client):
    assert client.encode_passages([]).shape == (0, 64)


def test_blank_texts_are_refused(client):
    with pytest.raises(InvalidInput) as caught:
        client.encode_queries(["山", " "])
    assert caught.value.details["positions"] == [1]


def test_one_connection_serves_many_requests(server, client):
    client.encode_passages(TEXTS)
    client.encode_queries(["山"])
    assert len(client._connections._idle) == 1


def test_many_threads_share_one_client(client):
    own = HashingEmbedder(64)
    with ThreadPoolExecutor(12) as pool:
        found = list(pool.map(lambda text: client.encode_queries([text])[0], TEXTS))
    np.testing.assert_array_equal(np.stack(found), own.encode_queries(TEXTS))


def test_a_forked_child_uses_its_own_connection(client):
    expected = client.encode_queries(["山"])
    child = os.fork()
    if child == 0:
        same = np.array_equal(client.encode_queries(["山"]), expected)
        os._exit(0 if same else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    np.testing.assert_array_equal(client.encode_queries(["山"]), expected)


def test_a_server_that_is_away_and_comes_back():
    port = free_port()
    with client_of(port) as client:
        with pytest.raises(EngineUnavailable, match="does not answer"):
            client.encode_queries(["山"])
        with serving(HashingEmbedder(64), port):
            first = client.encode_queries(["山"])
        with pytest.raises(EngineUnavailable):
            client.encode_queries(["山"])
        with serving(HashingEmbedder(64), port):
            np.testing.assert_array_equal(client.encode_queries(["山"]), first)


def test_a_restart_between_two_calls_goes_unnoticed():
    port = free_port()
    with client_of(port) as client:
        with serving(HashingEmbedder(64), port):
            first = client.encode_queries(["山"])
        with serving(HashingEmbedder(64), port):
            np.testing.assert_array_equal(client.encode_queries(["山"]), first)


def test_another_model_is_told_once_and_then_known():
    port = free_port()
    with client_of(port) as client:
        with serving(HashingEmbedder(64), port):
            client.encode_queries(["山"])
        with serving(HashingEmbedder(128), port):
            with pytest.raises(ModelMismatch, match="re-embed"):
                client.encode_queries(["山"])
            assert client.identity().dimension == 128
            assert client.encode_queries(["山"]).shape == (1, 128)


def test_while_the_model_loads_callers_are_told_to_wait():
    with (
        serving(HashingEmbedder(64), ready=False) as server,
        client_of(server.server_port) as client,
    ):
        assert ask(server, "GET", "/healthz")[0] == 503
        with pytest.raises(EngineUnavailable, match="loading") as caught:
            client.encode_queries(["山"])
        assert caught.value.after_seconds == 5
        server.warm_up()
        assert ask(server, "GET", "/healthz")[0] == 200
        assert client.encode_queries(["山"]).shape == (1, 64)


class BlockingEmbedder(HashingEmbedder):
    """Holds every passage call until released; queries pass."""

    encode_queries = HashingEmbedder.encode_passages

    def __init__(self) -> None:
        super().__init__(64)
        self.entered = threading.Event()
        self.release = threading.Event()

    def encode_passages(self, texts):
        self.entered.set()
        assert self.release.wait(10)
        return super().encode_passages(texts)


def test_a_stop_lets_the_running_request_finish():
    embedder = BlockingEmbedder()
    with (
        serving(embedder) as server,
        client_of(server.server_port) as client,
        ThreadPoolExecutor(2) as pool,
    ):
        call = pool.submit(client.encode_passages, ["山"])
        assert embedder.entered.wait(10)
        stop = pool.submit(server.stop, 10)
        assert server.stopping.wait(10)
        embedder.release.set()
        assert call.result(10).shape == (1, 64)
        assert stop.result(10) is True


def test_a_server_that_is_too_slow_is_unavailable():
    embedder = BlockingEmbedder()
    with serving(embedder) as server, client_of(server.server_port, timeout=0.2) as client:
        with pytest.raises(EngineUnavailable, match=r"0\.2 seconds"):
            client.encode_passages(["山"])
        embedder.release.set()


class BrokenEmbedder(HashingEmbedder):
    encode_queries = HashingEmbedder.encode_passages

    def encode_passages(self, texts):
        raise RuntimeError(f"out of memory for {len(texts)} texts")


def test_a_failure_inside_is_unavailable_and_the_server_lives_on():
    with serving(BrokenEmbedder(64)) as server, client_of(server.server_port) as client:
        with pytest.raises(EngineUnavailable, match="log"):
            client.encode_passages(["山"])
        assert client.encode_queries(["山"]).shape == (1, 64)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"not json",
        b"[]",
        b'{"kind": "query"}',
        b'{"kind": "other", "texts": []}',
        b'{"kind": "query", "texts": "abc"}',
        b'{"kind": "query", "texts": [1]}',
        json.dumps({"kind": "query", "texts": ["a"] * 2000}).encode(),
    ],
)
def test_malformed_requests_are_refused(server, body):
    status, content = ask(server, "POST", "/encode", body)
    assert status == 422
    assert json.loads(content)["error"]["code"] == "invalid_input"


def test_an_unbearable_body_is_refused_unread(server):
    status, _ = ask(server, "POST", "/encode", headers={"Content-Length": "99999999999"})
    assert status == 422


def test_unknown_paths(server):
    assert ask(server, "GET", "/nothing")[0] == 404
    assert ask(server, "POST", "/nothing", b"{}")[0] == 404


def test_the_identity_can_be_asked(server):
    status, content = ask(server, "GET", "/identity")
    assert status == 200
    assert json.loads(content)["name"] == "hashing"
