"""Search relevance on real judged sets, both engines in one run, as a table in Markdown.

    python -m bench relevance              up to 1,500 questions of each set
    python -m bench.relevance 0            all of them
    python -m bench.relevance 1500 own     some sets

Sets: tests/relevance (data from CONTENTCENTER_TEST_DATA or shared/data beside the checkout).
Elasticsearch: CONTENTCENTER_TEST_ELASTICSEARCH_URL, or a node of the tests' own where Java and
Maven are there. Vectors are kept in the cache folder; only the first run embeds.
"""

from __future__ import annotations

import os
import sys
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import redis

from contentcenter.clock import SystemClock
from contentcenter.embedding.build import build_embedder
from contentcenter.floor import Floor
from contentcenter.jobs.rq_queue import RqQueue
from contentcenter.search.build import build_index
from contentcenter.settings import Settings, load_settings
from contentcenter.store.database import Database
from contentcenter.text.build import build_analyser
from recommend.evaluation.command import measure
from recommend.evaluation.files import JudgedSet
from tests.elasticsearch.node import NodeUnavailable, temporary_node
from tests.relevance.data import data_folder
from tests.relevance.own_set import own_set
from tests.relevance.public_sets import SETS as PUBLIC

MOST = 1_500
METHODS = ("bm25", "lexical", "vector", "hybrid")
MEASURES = ("ndcg@10", "mrr@10", "recall@100")
SETS = {**PUBLIC, "own": own_set}
Results = dict[str, dict[str, Any]]


def run(most: int = MOST, names: Sequence[str] = tuple(SETS)) -> dict[str, Any]:
    """Metrics by set and engine."""
    folder = data_folder()
    if folder is None:
        print("no evaluation data; set CONTENTCENTER_TEST_DATA")
        return {}
    found: Results = {}
    with engines() as settings_of:
        for name in names:
            judged = some(SETS[name](folder), most)
            for engine, settings in settings_of.items():
                print(f"{name}, {engine} ...", file=sys.stderr, flush=True)
                found.setdefault(name, {})[engine] = measure(
                    _floor(settings), judged, engine, _tell
                )
    print("\n" + "\n".join(table(found)))
    return found


def some(judged: JudgedSet, most: int) -> JudgedSet:
    """Up to `most` questions, the same ones every time, over the whole corpus; 0 = all."""
    if not most or len(judged.judged) <= most:
        return judged
    ordered = sorted(judged.judged, key=lambda one: (zlib.crc32(one.encode()), one))
    kept = {one: judged.judged[one] for one in ordered[:most]}
    return replace(judged, judged=kept, queries={one: judged.queries[one] for one in kept})


@contextmanager
def engines() -> Iterator[dict[str, Settings]]:
    """Settings by engine; without elastic where no node can be had."""
    settings = load_settings()
    given = os.environ.get("CONTENTCENTER_TEST_ELASTICSEARCH_URL", "")
    if given:
        yield {"embedded": settings, "elastic": replace(settings, search_url=given)}
        return
    try:
        with temporary_node() as node:
            yield {"embedded": settings, "elastic": replace(settings, search_url=node.url)}
    except NodeUnavailable as error:
        print(f"embedded only, no Elasticsearch: {error}")
        yield {"embedded": settings}


def table(found: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    yield (
        "| set (documents, questions) | method | "
        + " | ".join(f"{engine}: nDCG@10 / MRR@10 / R@100 (ms)" for engine in _engines(found))
        + " |"
    )
    yield "| --- | --- |" + " --- |" * len(_engines(found))
    for name, by_engine in found.items():
        first = next(iter(by_engine.values()))
        for method in METHODS:
            head = (
                f"{name} ({first['documents']:,}, {first['queries']:,})" if method == "bm25" else ""
            )
            cells = [_cell(by_engine[engine][method]) for engine in _engines(found)]
            yield f"| {head} | {method} | " + " | ".join(cells) + " |"


def _engines(found: Mapping[str, Mapping[str, Any]]) -> list[str]:
    return list(next(iter(found.values()), {}))


def _cell(measured: Mapping[str, float]) -> str:
    values = " / ".join(f"{measured[name]:.4f}" for name in MEASURES)
    return f"{values} ({measured['ms_per_query']:.1f})"


def _floor(settings: Settings) -> Floor:
    """What an evaluation needs of the product; store, queue and index are not touched."""
    clock = SystemClock(0.0)
    connection = redis.Redis.from_url(settings.redis_url)
    return Floor(
        settings=settings,
        clock=clock,
        db=Database("sqlite://"),
        index=build_index("embedded", settings.data_dir / "bench-index", None),
        embedder=_EMBEDDERS.setdefault(
            settings.embedding_model,
            build_embedder(
                settings.embedding_url or None,
                settings.embedding_model,
                Path(settings.effective_cache_dir),
                settings.embedding_device or None,
                settings.embedding_precision,
            ),
        ),
        analyser=build_analyser(),
        queue=RqQueue(connection),
        redis=connection,
    )


# One model for all sets and engines.
_EMBEDDERS: dict[str, Any] = {}


def _tell(line: str) -> None:
    print(f"  {line}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    chosen = sys.argv[2:] or list(SETS)
    run(int(sys.argv[1]) if len(sys.argv) > 1 else MOST, chosen)
