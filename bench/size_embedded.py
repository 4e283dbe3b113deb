"""The embedded engine at size: build, memory of a reading process, bare tantivy and scan."""

from __future__ import annotations

import json
import os
import pickle
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numkong
import numpy as np
import tantivy

from bench.size_analysis import Tokens, load_items
from bench.size_measure import (
    Questions,
    bare_calls,
    load_questions,
    memory_of,
    recalls,
    summary,
    timed,
)
from bench.size_vectors import FOLDER, say
from contentcenter.embedding.ports import ModelIdentity
from contentcenter.search.embedded import EmbeddedIndex
from contentcenter.search.ports import Clause, Filters, LexicalQuery, SearchIndex

BATCH = 1000
MODEL = ModelIdentity("bundled", "bench", "float32", 384)


def folder_of(size: int) -> Path:
    return FOLDER / f"index-{size}"


def fill(index: SearchIndex, size: int, *, vectors: bool = True) -> dict[str, float]:
    """Rebuild the index with the first items through the port. Only the index's own time
    counts: the documents come from the caches."""
    catalogue, items, _ = load_items()
    put = 0.0
    with index.rebuild(MODEL) as target:
        for start, texts in Tokens(catalogue).read(size, BATCH):
            documents = list(items.documents(start, texts, vectors=vectors))
            put += _seconds(lambda batch=documents: target.put(batch))
            if (start + len(texts)) % 50_000 == 0:
                say(f"put {start + len(texts):,} of {size:,}, {put:.0f} s")
        commit = _seconds(target.commit)
    return {"build_s": round(put + commit, 1), "commit_s": round(commit, 1)}


def build(size: int) -> dict[str, Any]:
    """Build twice, with and without vectors: the difference is what vectors cost."""
    folder = folder_of(size)
    shutil.rmtree(folder, ignore_errors=True)
    text_only = fill(EmbeddedIndex(folder), size, vectors=False)
    shutil.rmtree(folder)
    index = EmbeddedIndex(folder)
    figures: dict[str, Any] = fill(index, size)
    figures["text_and_columns_s"] = text_only["build_s"]
    figures["vectors_s"] = round(figures["build_s"] - text_only["build_s"], 1)
    figures["disk_mb"] = round(index.stats().disk_bytes / 1e6, 1)
    return figures


def measure(size: int) -> dict[str, Any]:
    """Ask all questions in this process, which reads an index that another one wrote."""
    questions, items, analysis_ms = load_questions()
    figures: dict[str, Any] = {"query_analysis_ms": analysis_ms}
    figures |= _small_reader(size, questions)
    index = EmbeddedIndex(folder_of(size))
    bare = BareEngine(folder_of(size), questions)
    calls = questions.calls(index) | bare_calls(bare)
    figures |= summary(timed(calls, len(questions.words)))
    return figures | recalls(index, questions, items, size)


def _small_reader(size: int, questions: Questions) -> dict[str, Any]:
    """Memory of a process that holds nothing but the index and the questions."""
    path = FOLDER / "questions.pickle"
    path.write_bytes(pickle.dumps(questions))
    command = [sys.executable, "-m", "bench.size_embedded", str(folder_of(size)), str(path)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def _read_all(folder: Path, questions: Questions) -> dict[str, Any]:
    before = memory_of(os.getpid())
    opened = _seconds(lambda: EmbeddedIndex(folder).select(Filters(), 1))
    index = EmbeddedIndex(folder)
    calls = questions.calls(index)
    for at in range(len(questions.words)):
        for call in calls.values():
            call(at)
    after = memory_of(os.getpid())
    return {
        "open_ms": round(opened * 1e3, 1),
        "private_mb": round(after["private_mb"] - before["private_mb"], 1),
        "shared_mb": round(after["files_mb"] - before["files_mb"], 1),
    }


class BareEngine:
    """tantivy and numkong on the files of the index, in plain calls."""

    def __init__(self, folder: Path, questions: Questions) -> None:
        generation = next(folder.glob("g*"))
        index = tantivy.Index.open(str(generation / "text"))
        self._schema, self._searcher = index.schema, index.searcher()
        self._words, self._vectors = questions.words, questions.vectors
        self._int8, self._half, self._scale = _vector_files(generation)

    def lexical(self, place: int, limit: int) -> object:
        query = self._query(self._words[place])
        hits = self._searcher.search(query, limit, count=False).hits
        serials = self._searcher.fast_field_values("serial", [address for _, address in hits])
        return list(zip(serials, hits, strict=True))

    def _query(self, query: LexicalQuery) -> Any:
        found = tantivy.Query.boolean_query(self._terms(query.should))
        if not query.also:
            return found
        parts = [(tantivy.Occur.Must, found), *self._terms(query.also)]
        return tantivy.Query.boolean_query(parts)

    def _terms(self, clauses: Sequence[Clause]) -> list[Any]:
        return [
            (
                tantivy.Occur.Should,
                tantivy.Query.boost_query(
                    tantivy.Query.term_query(
                        self._schema, str(clause.field), token, index_option="freq"
                    ),
                    clause.boost,
                ),
            )
            for clause in clauses
            for token in clause.tokens
        ]

    def nearest(self, place: int, limit: int) -> object:
        """The int8 scan, the choice of candidates and the float16 look."""
        query = self._vectors[place]
        quantised = np.rint(query / np.abs(query).max() * 127).astype(np.int8)
        scores = np.asarray(numkong.cdist(quantised[None], self._int8, "dot"))[0] * self._scale
        found = np.argpartition(scores, len(scores) - 4 * limit)[-4 * limit :]
        cosine = self._half[found].astype(np.float32) @ query
        order = np.argsort(-cosine)[:limit]
        return found[order], cosine[order]


def _vector_files(generation: Path) -> tuple[Any, Any, Any]:
    rows = next(path for path in generation.iterdir() if path.name.startswith("r"))
    int8 = np.memmap(rows / "vectors-384.i8", np.int8, "r").reshape(-1, 384)
    half = np.memmap(rows / "vectors-384.f16", np.float16, "r").reshape(-1, 384)
    length = np.flatnonzero(half.any(axis=1))[-1] + 1
    scale = np.linalg.norm(half[:length].astype(np.float32), axis=1)
    scale /= np.maximum(np.linalg.norm(int8[:length].astype(np.float32), axis=1), 1)
    return np.asarray(int8[:length]), np.asarray(half[:length]), scale


def _seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


if __name__ == "__main__":
    asked = pickle.loads(Path(sys.argv[2]).read_bytes())  # noqa: S301 - written by the parent
    print(json.dumps(_read_all(Path(sys.argv[1]), asked)))
