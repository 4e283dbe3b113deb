"""The embedded search engine: times, size, and what our layer adds to the bare engines.

    python -m bench.search [documents]

Vectors are clustered and words follow Zipf's law, all from a seed. The bare engines are
tantivy on the same text index and numkong on the same vectors, called in turn with ours in
the same run, so the machine's noise hits both alike: read the ratios.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numkong
import numpy as np
import tantivy

from contentcenter.embedding.ports import ModelIdentity
from contentcenter.search.embedded import EmbeddedIndex
from contentcenter.search.fusion import reciprocal_rank
from contentcenter.search.ports import Clause, Filters, IndexDocument, LexicalQuery, TextField

DIMENSION = 384
CLUSTERS = 200
WORDS = 60_000
BODY_WORDS = 80
QUESTIONS = 200
LIMIT = 20
DEPTH = 60
BATCH = 2000
START = datetime(2025, 1, 1, tzinfo=UTC)

TEN_PERCENT = Filters(states=("published",), price_min_fen=2000, price_max_fen=3124)
ONE_PERCENT = Filters(categories=("c7",), sources=("s1",), states=("published",))


class Corpus:
    """Documents and questions from one seed."""

    def __init__(self, documents: int, seed: int = 5) -> None:
        self.size = documents
        self._rng = np.random.default_rng(seed)
        rng = self._rng
        centres = rng.standard_normal((CLUSTERS, DIMENSION)).astype(np.float32)
        self._cluster = rng.integers(0, CLUSTERS, documents + QUESTIONS)
        noise = rng.standard_normal((documents + QUESTIONS, DIMENSION)).astype(np.float32)
        vectors = centres[self._cluster] + 0.9 * noise
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        self.vectors, self.queries = vectors[:documents], vectors[documents:]
        self._weights = np.cumsum(1.0 / np.arange(1, WORDS + 1))
        self._weights /= self._weights[-1]

    def documents(self) -> Iterator[list[IndexDocument]]:
        for start in range(0, self.size, BATCH):
            yield [self._document(n) for n in range(start, min(start + BATCH, self.size))]

    def questions(self) -> list[LexicalQuery]:
        """Two to five words; head words come as often as in texts."""
        made = []
        for number in range(QUESTIONS):
            words = tuple(dict.fromkeys(self._words(2 + number % 4)))
            made.append(
                LexicalQuery(
                    should=(
                        Clause(TextField.TITLE, words, 3.0),
                        Clause(TextField.BODY, words),
                        Clause(TextField.INNER, words, 0.3),
                    )
                )
            )
        return made

    def _words(self, size: int) -> list[str]:
        ranks = np.searchsorted(self._weights, self._rng.random(size))
        return [_word(int(rank)) for rank in ranks]

    def _document(self, number: int) -> IndexDocument:
        rng = self._rng
        own = [f"{_word(int(self._cluster[number]))}类{n}" for n in rng.integers(0, 300, 16)]
        body = self._words(BODY_WORDS - 16) + own
        title = self._words(6)
        numbers = rng.integers(0, 2**31, 6)
        return IndexDocument(
            id=number + 1,
            revision=1,
            text={
                TextField.TITLE: " ".join(title),
                TextField.BODY: " ".join(body),
                TextField.INNER: " ".join(title + body),
            },
            vector=self.vectors[number],
            kind=("ugc", "pgc", "supplier")[numbers[0] % 3],
            state="published" if numbers[1] % 10 < 8 else "ready",
            category=f"c{numbers[2] % 25}",
            tags=tuple(f"t{n}" for n in rng.integers(0, 500, 4)),
            source=f"s{numbers[3] % 3}",
            price_fen=int(numbers[4] % 9000),
            published_at=START + timedelta(seconds=int(numbers[5] % 30_000_000)),
        )


def _word(rank: int) -> str:
    """A two-character word for each rank."""
    return chr(0x4E00 + rank % 5000) + chr(0x5000 + rank // 5000 * 97 + rank % 89)


def run(documents: int = 50_000, folder: Path | None = None) -> dict[str, Any]:
    """Build and measure; returns the numbers (milliseconds unless named)."""
    if folder is None:
        with tempfile.TemporaryDirectory() as temporary:
            return run(documents, Path(temporary) / "index")
    corpus = Corpus(documents)
    index = EmbeddedIndex(folder)
    result: dict[str, Any] = {"documents": documents, "build_s": _build(index, corpus)}
    result["disk_mb"] = round(index.stats().disk_bytes / 1e6, 1)
    started = time.perf_counter()
    opened = EmbeddedIndex(folder)
    opened.select(Filters(), 1)
    result["open_ms"] = round((time.perf_counter() - started) * 1e3, 2)
    result |= _measure(index, corpus, folder)
    result["put_one_ms"] = _writes(index, corpus)
    return result


def _build(index: EmbeddedIndex, corpus: Corpus) -> float:
    spent = 0.0
    with index.rebuild(ModelIdentity("bench", "1", "float32", DIMENSION)) as fresh:
        for batch in corpus.documents():
            started = time.perf_counter()
            fresh.put(batch)
            spent += time.perf_counter() - started
        started = time.perf_counter()
        fresh.commit()
    return round(spent + time.perf_counter() - started, 2)


def _measure(index: EmbeddedIndex, corpus: Corpus, folder: Path) -> dict[str, Any]:
    questions, queries = corpus.questions(), corpus.queries
    bare_text, bare_vectors = _BareText(folder), _BareVectors(corpus.vectors)

    def hybrid(at: int, filters: Filters) -> object:
        lexical = index.lexical(questions[at], filters, DEPTH)
        nearest = index.nearest(queries[at : at + 1], filters, DEPTH)[0]
        return reciprocal_rank([lexical, nearest], limit=LIMIT)

    everything = Filters()
    calls: dict[str, Callable[[int], object]] = {
        "lexical": lambda at: index.lexical(questions[at], everything, LIMIT),
        "bare_tantivy": lambda at: bare_text.search(questions[at], LIMIT),
        "nearest": lambda at: index.nearest(queries[at : at + 1], everything, LIMIT),
        "bare_numkong": lambda at: bare_vectors.search(queries[at], LIMIT),
        "lexical_10pct": lambda at: index.lexical(questions[at], TEN_PERCENT, LIMIT),
        "lexical_1pct": lambda at: index.lexical(questions[at], ONE_PERCENT, LIMIT),
        "nearest_10pct": lambda at: index.nearest(queries[at : at + 1], TEN_PERCENT, LIMIT),
        "nearest_1pct": lambda at: index.nearest(queries[at : at + 1], ONE_PERCENT, LIMIT),
        "hybrid": lambda at: hybrid(at, everything),
        "bare_hybrid": lambda at: (
            bare_text.search(questions[at], DEPTH),
            bare_vectors.search(queries[at], DEPTH),
        ),
        "hybrid_10pct": lambda at: hybrid(at, TEN_PERCENT),
    }
    times: dict[str, list[float]] = {name: [] for name in calls}
    for at in range(-5, QUESTIONS):
        for name, call in calls.items():
            started = time.perf_counter()
            call(at % QUESTIONS)
            if at >= 0:  # the first rounds warm up
                times[name].append((time.perf_counter() - started) * 1e3)
    result: dict[str, Any] = {
        name: {"p50": _percentile(spent, 50), "p95": _percentile(spent, 95)}
        for name, spent in times.items()
    }
    for ours, bare in (
        ("lexical", "bare_tantivy"),
        ("nearest", "bare_numkong"),
        ("hybrid", "bare_hybrid"),
    ):
        result[f"{ours}_over_bare"] = round(sum(times[ours]) / sum(times[bare]), 3)
    result["recall_at_20"] = _recall(index, corpus)
    for name, filters in (("ten_percent", TEN_PERCENT), ("one_percent", ONE_PERCENT)):
        share = len(index.select(filters, corpus.size)) / corpus.size
        result[f"{name}_filter_passes"] = round(share, 4)
    return result


def _percentile(values: list[float], percent: int) -> float:
    return round(float(np.percentile(values, percent)), 2)


def _recall(index: EmbeddedIndex, corpus: Corpus) -> float:
    exact = np.argsort(-(corpus.queries[:50] @ corpus.vectors.T), axis=1)[:, :LIMIT] + 1
    answers = index.nearest(corpus.queries[:50], Filters(), LIMIT)
    shared = [
        len({hit.id for hit in hits} & set(row.tolist()))
        for hits, row in zip(answers, exact, strict=True)
    ]
    return round(sum(shared) / (50 * LIMIT), 4)


def _writes(index: EmbeddedIndex, corpus: Corpus) -> dict[str, float]:
    """One changed document, from the call until a reader sees it."""
    spent = []
    for batch in corpus.documents():
        for document in batch[:20]:
            started = time.perf_counter()
            index.put([document])
            index.select(Filters(), 1)
            spent.append((time.perf_counter() - started) * 1e3)
        break
    return {"p50": _percentile(spent, 50), "p95": _percentile(spent, 95)}


class _BareText:
    """tantivy without anything of ours around it."""

    def __init__(self, folder: Path) -> None:
        text = next(folder.glob("g*/text"))
        index = tantivy.Index.open(str(text))
        self._schema, self._searcher = index.schema, index.searcher()

    def search(self, query: LexicalQuery, limit: int) -> object:
        terms = [
            (
                tantivy.Occur.Should,
                tantivy.Query.boost_query(
                    tantivy.Query.term_query(self._schema, str(clause.field), token), clause.boost
                ),
            )
            for clause in query.should
            for token in clause.tokens
        ]
        hits = self._searcher.search(tantivy.Query.boolean_query(terms), limit, count=False).hits
        serials = self._searcher.fast_field_values("serial", [address for _, address in hits])
        return list(zip(serials, hits, strict=True))


class _BareVectors:
    """The int8 scan, the choice of candidates and the float16 look, in plain calls."""

    def __init__(self, vectors: Any) -> None:
        self._scale = (np.abs(vectors).max(axis=1) / 127).astype(np.float32)
        self._int8 = np.rint(vectors / self._scale[:, None]).astype(np.int8)
        self._half = vectors.astype(np.float16)

    def search(self, query: Any, limit: int) -> object:
        quantised = np.rint(query / np.abs(query).max() * 127).astype(np.int8)
        scores = np.asarray(numkong.cdist(quantised[None], self._int8, "dot"))[0] * self._scale
        found = np.argpartition(scores, len(scores) - 4 * limit)[-4 * limit :]
        cosine = self._half[found].astype(np.float32) @ query
        order = np.argsort(-cosine)[:limit]
        return found[order], cosine[order]


if __name__ == "__main__":
    print(json.dumps(run(int(sys.argv[1]) if len(sys.argv) > 1 else 50_000), indent=1))
