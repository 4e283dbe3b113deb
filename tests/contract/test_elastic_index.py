"""What only the Elasticsearch engine promises: beyond the contract, on a real node."""

from __future__ import annotations

import json
import os
import threading
from dataclasses import replace
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from elasticsearch import Elasticsearch

from contentcenter.domain.errors import Conflict, EngineUnavailable, InvalidInput
from contentcenter.search.elastic import ElasticIndex, ElasticOptions
from contentcenter.search.elastic.bulk import send
from contentcenter.search.elastic.connection import Connection
from contentcenter.search.elastic.documents import as_json, put_operation
from contentcenter.search.elastic.state import States
from contentcenter.search.ports import Filters, Order
from tests.contract.search_index_building import (
    EVERYTHING,
    MODEL,
    document,
    eventually,
    found,
    ids,
    near,
    spawn,
    vector,
    words,
)


@pytest.fixture
def index(elastic_options):
    return ElasticIndex(elastic_options)


@pytest.fixture
def client(elastic_options):
    with Elasticsearch(elastic_options.url, request_timeout=30) as client:
        yield client


# --- writing


def test_each_item_of_a_bulk_has_its_own_error(index, elastic_options):
    index.put([document(1)])
    states = States(Connection(elastic_options))
    good = put_operation(document(2))
    bad = replace(put_operation(document(3)), source=as_json({"id": 3, "unheard_of": 1}))
    target = states.names.write(states.get().epoch)
    with pytest.raises(InvalidInput) as caught:
        send(Connection(elastic_options), target, [good, bad], refresh=True)
    (item,) = caught.value.details["items"]
    assert (item["id"], item["status"]) == (3, 400)
    assert item["kind"] == "strict_dynamic_mapping_exception"
    assert found(index, "共同") == [1, 2]


def test_what_was_removed_comes_back_with_the_same_revision(index):
    for _ in range(3):
        index.put([document(1, revision=4)])
        index.remove([1, 1])
        assert found(index, "共同") == []
    index.put([document(1, revision=4, title="回来")])
    assert found(index, "回来") == [1]
    index.put([document(1, revision=5, title="新词")])
    index.put([document(1, revision=4, title="旧词")])
    assert found(index, "新词") == [1]


def test_nobody_makes_an_index_by_writing_to_a_lost_name(index, client, elastic_options):
    index.put([document(1)])
    client.indices.delete(index=f"{elastic_options.prefix}-000001")
    index.put([document(2)])
    assert found(index, "共同") == [2]
    made = client.indices.get_mapping(index=f"{elastic_options.prefix}-*").body
    assert [about["mappings"]["dynamic"] for about in made.values()] == ["strict"]


# --- rebuilding


def test_a_process_that_has_not_heard_of_a_rebuild_loses_nothing(index, elastic_options, client):
    other = ElasticIndex(elastic_options)
    other.put([document(1)])  # it knows the state from before
    with index.rebuild(MODEL) as fresh:
        fresh.put([document(1)])
        other.put([document(2)])
        fresh.commit()
    other.put([document(3)])
    assert found(index, "共同") == found(other, "共同") == [1, 2, 3]
    aliases = client.indices.get_alias(index=f"{elastic_options.prefix}*").body
    assert list(aliases) == [f"{elastic_options.prefix}-000002"], "the old one is gone"
    assert elastic_options.prefix in aliases[f"{elastic_options.prefix}-000002"]["aliases"]


def test_only_one_rebuild_runs(index, elastic_options):
    with index.rebuild(MODEL) as fresh:
        with pytest.raises(Conflict), ElasticIndex(elastic_options).rebuild(MODEL):
            raise AssertionError("a second rebuild began")
        fresh.put([document(1)])
        fresh.commit()
    assert found(index, "共同") == [1]


def test_a_rebuild_killed_in_its_last_step_holds_nobody_up(index, elastic_options):
    index.put([document(1)])
    rebuilder = spawn(_die_in_the_switch, partial(ElasticIndex, elastic_options))
    rebuilder.join(60)
    assert rebuilder.exitcode == 7
    index.put([document(2)])
    assert found(index, "共同") == [1, 2]
    with index.rebuild(MODEL) as fresh:
        fresh.put([document(2), document(3)])
        fresh.commit()
    assert found(index, "共同") == [2, 3]


def test_a_rebuild_that_was_taken_for_dead_does_not_disturb_the_next(
    index, elastic_options, monkeypatch
):
    monkeypatch.setattr("contentcenter.search.elastic.lease._SILENCE_SECONDS", -1.0)
    with index.rebuild(MODEL) as silent:
        silent.put([document(1)])
        with ElasticIndex(elastic_options).rebuild(MODEL) as fresh:
            monkeypatch.undo()
            with pytest.raises(EngineUnavailable, match="gone"):
                silent.put([document(2)])
            with pytest.raises(Conflict, match="took over"):
                silent.commit()
            fresh.put([document(3)])
            fresh.commit()
    assert found(index, "共同") == [3]


def _die_in_the_switch(factory):
    index = factory()
    with index.rebuild(MODEL) as fresh:
        fresh.put([document(9)])
        fresh._next_epoch = lambda *_: os._exit(7)  # the writers are held up by now
        fresh.commit()


# --- asking


def test_longer_answers_than_one_request_gives(index, monkeypatch):
    index.put([document(n, price_fen=n % 3 or None) for n in range(25)])
    everything = sorted(range(25))
    for module in ("searching", "nearest"):
        monkeypatch.setattr(f"contentcenter.search.elastic.{module}.WINDOW", 7)
    assert found(index, "共同", limit=25) == everything
    assert found(index, "共同", limit=20) == everything[:20]
    assert sorted(near(index, vector(3), limit=25)) == everything
    assert sorted(index.select(EVERYTHING, 25, Order.CHEAPEST)) == everything


def test_more_ids_than_one_query_names(index):
    index.put([document(n) for n in range(1, 4)])
    many = tuple(range(3, 70_000))
    assert found(index, "共同", filters=Filters(exclude_ids=many)) == [1, 2]
    assert found(index, "共同", filters=Filters(ids=many)) == [3]
    assert index.facets(many, EVERYTHING, ["kind"]) == {"kind": [("pgc", 1)]}


def test_several_shards_rank_like_one(elastic_options):
    index = ElasticIndex(replace(elastic_options, shards=3))
    index.put([document(n, title="共同 常见" if n % 2 else "共同") for n in range(1, 41)])
    index.put([document(50, title="共同 罕见")])
    hits = index.lexical(words("罕见", "常见"), EVERYTHING, 3)
    assert ids(hits) == [50, 1, 3]
    assert hits[1].score == hits[2].score
    assert near(index, vector(17), limit=1) == [17]
    assert index.stats().details["shards"] == 3


def test_the_numbers_say_what_they_are_of(index, client):
    index.put([document(1), document(2, vector=None)])
    stats = index.stats()
    assert (stats.documents, stats.vectors) == (2, 1)
    assert stats.disk_bytes > 0
    assert stats.details["engine"] == "elastic"
    assert stats.details["health"] == "green"
    nodes = client.nodes.info(filter_path="nodes.*.version").body["nodes"]
    assert stats.details["server"] in {node["version"] for node in nodes.values()}


# --- a server that is not as it should be


class _Server(BaseHTTPRequestHandler):
    """Answers as `version` and with the statuses given; then as an empty cluster."""

    version = "9.5.3"
    statuses: tuple[int, ...] = ()
    asked = 0

    def do_GET(self) -> None:
        type(self).asked += 1
        version = self.path.startswith("/_nodes/")
        status = 200
        if not version and self.statuses:
            status, type(self).statuses = self.statuses[0], self.statuses[1:]
        body = json.dumps({"nodes": {"a": {"version": self.version}}} if version else {}).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("x-elastic-product", "Elasticsearch")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_GET  # noqa: N815 - the base class wants these names

    def log_message(self, *_: object) -> None:
        """Quiet."""


@pytest.fixture
def stand_in():
    """A server that says what a test tells it to, and its address."""
    kind = type("Server", (_Server,), {})
    server = ThreadingHTTPServer(("127.0.0.1", 0), kind)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield kind, ElasticOptions(f"http://127.0.0.1:{server.server_port}")
    server.shutdown()
    thread.join()
    server.server_close()


def test_another_major_version_is_named(stand_in):
    kind, options = stand_in
    kind.version = "8.19.21"
    with pytest.raises(EngineUnavailable, match=r"server is version 8\.19\.21.* client 9\."):
        ElasticIndex(options).stats()


def test_a_busy_server_is_asked_again(stand_in):
    kind, options = stand_in
    kind.statuses = (429, 503)
    Connection(options).write(lambda client: client.indices.get_alias(index="any"))
    assert kind.statuses == ()


def test_a_server_that_stays_busy_is_unavailable(stand_in):
    kind, options = stand_in
    kind.statuses = (503,) * 50
    with pytest.raises(EngineUnavailable, match="too busy"):
        ElasticIndex(options).select(EVERYTHING, 1)
    assert kind.asked < 8, "a question is asked twice at most"


def _answers(index):
    """A node that has just started is still opening its indices."""
    try:
        return found(index, "共同")
    except EngineUnavailable:
        return None


@pytest.mark.slow
def test_a_server_that_hangs_is_given_up(elastic_options, own_elastic_node):
    options = replace(elastic_options, url=own_elastic_node.url, timeout_seconds=10)
    ElasticIndex(options).put([document(1)])
    hasty = ElasticIndex(replace(options, timeout_seconds=0.2))
    own_elastic_node.pause()
    try:
        with pytest.raises(EngineUnavailable, match="does not answer"):
            found(hasty, "共同")
    finally:
        own_elastic_node.resume()
    own_elastic_node.kill()
    with pytest.raises(EngineUnavailable, match="does not answer"):
        found(hasty, "共同")
    own_elastic_node.start()
    again = ElasticIndex(options)
    eventually(lambda: _answers(again), 60)
    assert found(again, "共同") == [1], "the same data after a kill"
