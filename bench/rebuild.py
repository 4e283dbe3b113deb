"""A new generation is built and switched to while readers search.

    python -m bench rebuild [--items 200000] [--readers 20] [--engine embedded|elastic]

The documents of the new generation have other ids than those of the old one, so that every
answer tells where it comes from: it must be of one generation, whole. Readers are threads in
several processes; each asks words, neighbours (also filtered), sorted pages and counts in
turn, without a pause. Vectors are random unit vectors of 384 dimensions, all from seeds.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any

import numpy as np

from contentcenter.domain.errors import ContentCenterError
from contentcenter.embedding.ports import ModelIdentity, Vectors
from contentcenter.search.build import build_index
from contentcenter.search.elastic import ElasticOptions
from contentcenter.search.guarded import GuardedIndex
from contentcenter.search.ports import (
    Clause,
    Filters,
    IndexDocument,
    LexicalQuery,
    SearchIndex,
    TextField,
)
from tests.elasticsearch.node import ElasticNode

DIMENSION = 384
BATCH = 1000
LIMIT = 20
WORDS = 5_000
TITLE_WORDS = 8
START = datetime(2025, 1, 1, tzinfo=UTC)
MODEL = ModelIdentity("bench-rebuild", "1", "float32", DIMENSION)
IndexFactory = Callable[[], SearchIndex]
# A generation: what it is called and its first id.
OLD, NEW = ("old", 1), ("new", 1_000_000_001)


@dataclass(frozen=True)
class Answer:
    """`generations` are those its hits belong to; `error` names what went wrong."""

    at: float
    ms: float
    generations: frozenset[str]
    hits: int
    error: str = ""


def documents(generation: tuple[str, int], items: int) -> Iterator[list[IndexDocument]]:
    name, first = generation
    for start in range(0, items, BATCH):
        rng = np.random.default_rng((first, start))
        size = min(BATCH, items - start)
        vectors = _unit(rng.standard_normal((size, DIMENSION)))
        words = rng.integers(0, WORDS, (size, TITLE_WORDS))
        yield [
            IndexDocument(
                id=first + start + row,
                revision=1,
                text={TextField.TITLE: " ".join(["共同", *(f"w{w}" for w in words[row])])},
                vector=vectors[row],
                kind=("pgc", "ugc", "supplier")[row % 3],
                state="published",
                category=f"c{row % 20}",
                source=name,
                published_at=START + timedelta(minutes=start + row),
            )
            for row in range(size)
        ]


def _unit(values: Any) -> Vectors:
    rows: Vectors = values.astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return rows


def build(index: SearchIndex, generation: tuple[str, int], items: int) -> float:
    """Seconds of filling and switching, without making the documents."""
    spent = 0.0
    with index.rebuild(MODEL) as target:
        for batch in documents(generation, items):
            began = time.perf_counter()
            target.put(batch)
            spent += time.perf_counter() - began
        began = time.perf_counter()
        target.commit()
    return spent + time.perf_counter() - began


def read(factory: IndexFactory, threads: int, seed: int, stop: Event, tell: Any) -> None:
    """A process of readers; tells all its answers at the end."""
    index = factory()
    answers: list[Answer] = []
    readers = [
        threading.Thread(target=_ask_on, args=(index, seed + one, stop, answers))
        for one in range(threads)
    ]
    for reader in readers:
        reader.start()
    tell.put("ready")
    for reader in readers:
        reader.join()
    tell.put(answers)


def _ask_on(index: SearchIndex, seed: int, stop: Event, answers: list[Answer]) -> None:
    rng = np.random.default_rng(seed)
    while not stop.is_set():
        for question in _questions(index, rng):
            answers.append(_answer(question))


def _questions(index: SearchIndex, rng: np.random.Generator) -> list[Callable[[], list[str]]]:
    """Each gives the generation of every hit."""
    vector = _unit(rng.standard_normal((1, DIMENSION)))
    tokens = ("共同", *(f"w{w}" for w in rng.integers(0, WORDS, 3)))
    words = LexicalQuery(should=(Clause(TextField.TITLE, tokens),))
    some = Filters(categories=(f"c{rng.integers(0, 20)}",))

    def of(ids: Sequence[int]) -> list[str]:
        return [NEW[0] if one >= NEW[1] else OLD[0] for one in ids]

    return [
        lambda: of([hit.id for hit in index.lexical(words, Filters(), LIMIT)]),
        lambda: of([hit.id for hit in index.nearest(vector, Filters(), LIMIT)[0]]),
        lambda: of([hit.id for hit in index.nearest(vector, some, LIMIT)[0]]),
        lambda: of(index.select(some, LIMIT)),
        lambda: of(index.page(Filters(), LIMIT).ids),
        lambda: [label for label, _ in index.facets(None, some, ["source"])["source"]],
    ]


def _answer(question: Callable[[], list[str]]) -> Answer:
    at, began = time.time(), time.perf_counter()
    try:
        found, error = question(), ""
    except ContentCenterError as problem:
        found, error = [], f"{problem.code}: {problem.message}"
    ms = (time.perf_counter() - began) * 1e3
    return Answer(at, ms, frozenset(found), len(found), error)


def run(factory: IndexFactory, *, items: int, readers: int, processes: int) -> dict[str, Any]:
    """Build the old generation, then the new one under readers; returns the figures."""
    index = factory()
    built = build(index, OLD, items)
    context = multiprocessing.get_context("spawn")
    stop, tell = context.Event(), context.Queue()
    crew = [
        context.Process(target=read, args=(factory, readers // processes, 100 * n, stop, tell))
        for n in range(processes)
    ]
    for one in crew:
        one.start()
    try:
        for _ in crew:
            tell.get(timeout=120)
        time.sleep(1.0)  # some answers before, for comparison
        began = time.time()
        rebuilt = build(index, NEW, items)
        ended = time.time()
        time.sleep(1.0)
    finally:
        stop.set()
        answers = [answer for _ in crew for answer in tell.get(timeout=120)]
        for one in crew:
            one.join(timeout=60)
    during = [one for one in answers if began <= one.at <= ended]
    return {
        "items": items,
        "readers": readers,
        "build_alone_s": round(built, 1),
        "rebuild_under_readers_s": round(rebuilt, 1),
        "rebuild_from_begin_to_end_s": round(ended - began, 1),
        "answers_during": len(during),
        **_counts(answers),
        "before_ms": _percentiles([one.ms for one in answers if one.at < began]),
        "during_ms": _percentiles([one.ms for one in during]),
        "after_ms": _percentiles([one.ms for one in answers if one.at > ended]),
        "documents_at_the_end": index.stats().documents,
    }


def _counts(answers: Sequence[Answer]) -> dict[str, Any]:
    kinds = Counter("+".join(sorted(one.generations)) for one in answers if one.generations)
    return {
        "answers": len(answers),
        "errors": sum(bool(one.error) for one in answers),
        "error_kinds": dict(Counter(one.error for one in answers if one.error)),
        "empty": sum(not one.hits and not one.error for one in answers),
        "mixed": sum(len(one.generations) > 1 for one in answers),
        "of_the_old": kinds["old"],
        "of_the_new": kinds["new"],
    }


def _percentiles(ms: Sequence[float]) -> dict[str, float]:
    if not ms:
        return {}
    p50, p95, p99 = np.percentile(ms, [50, 95, 99]).round(2).tolist()
    return {"p50": p50, "p95": p95, "p99": p99, "max": round(max(ms), 1)}


def guarded(engine: str, folder: Path, options: ElasticOptions | None) -> SearchIndex:
    return GuardedIndex(build_index(engine, folder, options))


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench rebuild", description=__doc__)
    parser.add_argument("--items", type=int, default=200_000)
    parser.add_argument("--readers", type=int, default=20)
    parser.add_argument("--processes", type=int, default=2, help="the readers are spread over")
    parser.add_argument("--engine", choices=["embedded", "elastic"], default="embedded")
    parser.add_argument("--heap-mb", type=int, default=2048, help="of the Elasticsearch node")
    chosen = parser.parse_args(arguments)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        options, version = None, ""
        if chosen.engine == "elastic":
            node = ElasticNode(folder / "node", heap_mb=chosen.heap_mb)
            node.start()
            stack.callback(node.kill)
            version = node.version
            options = ElasticOptions(node.url, timeout_seconds=30.0)
        factory = partial(guarded, chosen.engine, folder / "index", options)
        found = run(factory, items=chosen.items, readers=chosen.readers, processes=chosen.processes)
    print(json.dumps({"engine": chosen.engine, "server": version, **found}, indent=1))
    return 0
