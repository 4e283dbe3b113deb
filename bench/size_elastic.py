"""Elasticsearch at size: build, memory of the node, `_search` with ready-made bodies."""

from __future__ import annotations

import http.client
import json
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

from bench.size_embedded import fill
from bench.size_measure import (
    LIMIT,
    Questions,
    bare_calls,
    load_questions,
    memory_of,
    recalls,
    summary,
    timed,
)
from bench.size_vectors import FOLDER, say
from contentcenter.search.elastic import ElasticIndex, ElasticOptions
from contentcenter.search.ports import Filters, IndexStats
from tests.elasticsearch.node import ElasticNode

HEAP_MB = 4096
# Longer than this the words-only build would take; there the vectors' share is not measured.
_PARTS_UP_TO = 200_000
_URL, _PID = "BENCH_ELASTIC_URL", "BENCH_ELASTIC_PID"


@contextmanager
def node() -> Iterator[Mapping[str, str]]:
    """A fresh node with its data under var/bench; yields what the phases find it by."""
    running = ElasticNode(FOLDER / "elasticsearch", heap_mb=HEAP_MB)
    running.erase()
    running.start()
    say(f"Elasticsearch {running.version}, heap {HEAP_MB} MB")
    try:
        yield {_URL: running.url, _PID: str(running.pid)}
    finally:
        running.kill()
        running.erase()


def index_of(size: int, *, vectors: bool = True) -> ElasticIndex:
    name = f"size-{size}" if vectors else f"size-{size}-words"
    options = ElasticOptions(
        os.environ[_URL], name, timeout_seconds=60.0, write_timeout_seconds=600.0
    )
    return ElasticIndex(options)


def build(size: int) -> dict[str, Any]:
    """Build, and wait until the server has merged in the background what it wants to merge."""
    figures: dict[str, Any] = {}
    if size <= _PARTS_UP_TO:
        words = index_of(size, vectors=False)
        figures["text_and_columns_s"] = fill(words, size, vectors=False)["build_s"]
    index = index_of(size)
    figures |= fill(index, size)
    if "text_and_columns_s" in figures:
        figures["vectors_s"] = round(figures["build_s"] - figures["text_and_columns_s"], 1)
    figures["merges_after_s"] = _wait_for_merges()
    stats: IndexStats = index.stats()
    figures["disk_mb"] = round(stats.disk_bytes / 1e6, 1)
    return figures


def _wait_for_merges() -> float:
    started, quiet = time.monotonic(), 0
    while quiet < 3:
        busy = _get("/_nodes/stats/indices/merge")["nodes"].values()
        idle = all(one["indices"]["merges"]["current"] == 0 for one in busy)
        quiet = quiet + 1 if idle else 0
        time.sleep(1)
    return round(time.monotonic() - started - 3, 1)


def measure(size: int) -> dict[str, Any]:
    questions, items, _ = load_questions()
    index = index_of(size)
    bare = BareEngine(index, questions, f"size-{size}")
    calls = questions.calls(index) | bare_calls(bare)
    figures = summary(timed(calls, len(questions.words)))
    figures |= _memory()
    return figures | recalls(index, questions, items, size)


def _memory() -> dict[str, Any]:
    jvm = next(iter(_get("/_nodes/stats/jvm")["nodes"].values()))["jvm"]["mem"]
    resident = memory_of(int(os.environ[_PID]))
    return {
        "private_mb": resident["private_mb"],
        "shared_mb": resident["files_mb"],
        "heap_used_mb": round(jvm["heap_used_in_bytes"] / 1e6, 1),
        "heap_max_mb": round(jvm["heap_max_in_bytes"] / 1e6, 1),
    }


def _get(path: str) -> Any:
    connection = _connect()
    connection.request("GET", path)
    return json.loads(connection.getresponse().read())


def _connect() -> http.client.HTTPConnection:
    where = urlsplit(os.environ[_URL])
    return http.client.HTTPConnection(str(where.hostname), where.port, timeout=60)


class BareEngine:
    """The requests of our adapter, made once and sent again as bytes over one open
    connection; the answers are parsed, because nobody can use them otherwise."""

    def __init__(self, index: ElasticIndex, questions: Questions, alias: str) -> None:
        self._connection = _connect()
        self._path = f"/{alias}/_search"
        self._bodies: dict[tuple[str, int, int], bytes] = {}
        for limit in (LIMIT, 3 * LIMIT):
            for at in range(len(questions.words)):
                with _recorded(index) as seen:
                    index.lexical(questions.words[at], Filters(), limit)
                    index.nearest(questions.vectors[at : at + 1], Filters(), limit)
                for kind, body in zip(("lexical", "nearest"), seen, strict=True):
                    self._bodies[kind, at, limit] = json.dumps(body).encode()

    def lexical(self, place: int, limit: int) -> object:
        return self._search(self._bodies["lexical", place, limit])

    def nearest(self, place: int, limit: int) -> object:
        return self._search(self._bodies["nearest", place, limit])

    def _search(self, body: bytes) -> object:
        headers = {"Content-Type": "application/json"}
        self._connection.request("POST", self._path, body, headers)
        return json.loads(self._connection.getresponse().read())["hits"]["hits"]


@contextmanager
def _recorded(index: ElasticIndex) -> Iterator[list[Any]]:
    """The bodies of the searches made meanwhile."""
    seen: list[Any] = []
    searching = index._searching
    ask = searching.ask

    def record(body: Any) -> Any:
        seen.append(body)
        return ask(body)

    searching.ask = record  # type: ignore[method-assign]
    try:
        yield seen
    finally:
        del searching.ask
