"""The questions against one engine: times beside the bare engine's, recall, memory.

Each question goes through every kind of search in turn, ours and bare alike, so that what
else the machine does hits all of them; every second one in the opposite order, because who
comes first finds the caches cold. The first questions only warm up.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from bench.size_analysis import load_items, shop_analyser
from bench.size_exact import exact_answers, recall
from bench.size_items import ONE_PERCENT, Items
from bench.size_vectors import say
from contentcenter.embedding.ports import Vectors
from contentcenter.search.fusion import reciprocal_rank
from contentcenter.search.ports import Filters, LexicalQuery, SearchIndex

LIMIT = 20
# What each side brings to a hybrid answer.
DEPTH = 60
_WARM_UP = 20

Call = Callable[[int], object]


class Bare(Protocol):
    """The engine under the index, asked with nothing of ours around it. `place` is the
    number of the question."""

    def lexical(self, place: int, limit: int) -> object: ...

    def nearest(self, place: int, limit: int) -> object: ...


@dataclass(frozen=True)
class Questions:
    """Analysed questions with their vectors, and the filters by the suffix of their figures."""

    words: list[LexicalQuery]
    vectors: Vectors
    filters: dict[str, Filters]

    def calls(self, index: SearchIndex) -> dict[str, Call]:
        """What is timed, by name: `lexical`, `knn` and `hybrid`, bare of a filter or with one."""
        found: dict[str, Call] = {}
        for suffix, filters in self.filters.items():
            found[f"lexical{suffix}"] = self._lexical(index, filters)
            found[f"knn{suffix}"] = self._nearest(index, filters)
            found[f"hybrid{suffix}"] = self._hybrid(index, filters)
        return found

    def _lexical(self, index: SearchIndex, filters: Filters) -> Call:
        return lambda at: index.lexical(self.words[at], filters, LIMIT)

    def _nearest(self, index: SearchIndex, filters: Filters) -> Call:
        return lambda at: index.nearest(self.vectors[at : at + 1], filters, LIMIT)

    def _hybrid(self, index: SearchIndex, filters: Filters) -> Call:
        def ask(at: int) -> object:
            lexical = index.lexical(self.words[at], filters, DEPTH)
            nearest = index.nearest(self.vectors[at : at + 1], filters, DEPTH)[0]
            return reciprocal_rank([lexical, nearest], limit=LIMIT)

        return ask


def load_questions() -> tuple[Questions, Items, float]:
    """The questions, the items they are asked about, and the milliseconds that analysing one
    question takes once the dictionary is loaded."""
    catalogue, items, asked = load_items()
    analyser = shop_analyser(catalogue)
    words = [analyser.query(text) for text in asked.texts]
    started = time.perf_counter()
    for text in asked.texts:
        analyser.query(text)
    spent = (time.perf_counter() - started) * 1e3 / len(words)
    filters = {"": Filters(), "_10": items.ten_percent(), "_1": ONE_PERCENT}
    return Questions(words, asked.vectors, filters), items, round(spent, 3)


def bare_calls(bare: Bare) -> dict[str, Call]:
    def both(at: int) -> object:
        return bare.lexical(at, DEPTH), bare.nearest(at, DEPTH)

    return {
        "bare_lexical": lambda at: bare.lexical(at, LIMIT),
        "bare_knn": lambda at: bare.nearest(at, LIMIT),
        "bare_hybrid": both,
    }


def timed(calls: dict[str, Call], questions: int) -> dict[str, list[float]]:
    """Milliseconds of every call for every question."""
    spent: dict[str, list[float]] = {name: [] for name in calls}
    for at in range(-_WARM_UP, questions):
        order = list(calls.items())
        for name, call in order if at % 2 else reversed(order):
            started = time.perf_counter()
            call(at % questions)
            if at >= 0:
                spent[name].append((time.perf_counter() - started) * 1e3)
        if at >= 0 and at % 100 == 99:
            say(f"asked {at + 1} questions")
    return spent


def summary(spent: dict[str, list[float]]) -> dict[str, Any]:
    """Percentiles of each kind, and ours over bare as a ratio of sums."""
    result: dict[str, Any] = {
        name: {f"p{p}": round(float(np.percentile(times, p)), 2) for p in (50, 95, 99)}
        for name, times in spent.items()
    }
    result["over_bare"] = {
        name: round(sum(spent[name]) / sum(spent[f"bare_{name}"]), 3)
        for name in ("lexical", "knn", "hybrid")
    }
    return result


def recalls(index: SearchIndex, questions: Questions, items: Items, size: int) -> dict[str, Any]:
    """Recall@20 under each filter, and how the neighbours lie."""
    say("brute force")
    filters = list(questions.filters.values())
    exact = exact_answers(items, size, questions.vectors, filters, LIMIT)
    result: dict[str, Any] = {}
    for (suffix, one), right in zip(questions.filters.items(), exact, strict=True):
        given = [
            [hit.id for hit in index.nearest(questions.vectors[at : at + 1], one, LIMIT)[0]]
            for at in range(len(questions.vectors))
        ]
        result[f"recall{suffix}"] = round(recall(right, given), 4)
        result[f"passing{suffix}"] = round(right.passing, 4)
    result["cosine_1st_20th"] = [round(float(exact[0].cosines[:, at].mean()), 3) for at in (0, -1)]
    return result


def memory_of(process: int) -> dict[str, float]:
    """Resident MB of a process: `private` is its own memory, `files` are mapped pages that
    other readers of the same files share."""
    fields = {}
    for line in Path(f"/proc/{process}/status").read_text().splitlines():
        name, _, value = line.partition(":")
        if name in {"RssAnon", "RssFile", "RssShmem"}:
            fields[name] = int(value.split()[0]) * 1024 / 1e6
    return {
        "private_mb": round(fields["RssAnon"] + fields["RssShmem"], 1),
        "files_mb": round(fields["RssFile"], 1),
    }
