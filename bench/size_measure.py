"""The questions against one engine: times beside the bare engine's, recall, memory.

Each question goes through every kind of search in turn, ours and bare alike, so that what
else the machine does hits all of them; the first round only warms up.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from bench.size_analysis import load_items, shop_analyser
from bench.size_exact import exact_answers, recall
from bench.size_items import ONE_PERCENT
from bench.size_vectors import say
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


class Questions:
    """Analysed questions with their vectors, and the three filters."""

    def __init__(self) -> None:
        catalogue, self.items, asked = load_items()
        analyser = shop_analyser(catalogue)
        started = time.perf_counter()
        self.words: list[LexicalQuery] = [analyser.query(text) for text in asked.texts]
        self.analysis_ms = (time.perf_counter() - started) * 1e3 / len(asked.texts)
        self.vectors = asked.vectors
        self.filters = {"": Filters(), "_10": self.items.ten_percent(), "_1": ONE_PERCENT}

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
        for name, call in calls.items():
            started = time.perf_counter()
            call(at % questions)
            if at >= 0:
                spent[name].append((time.perf_counter() - started) * 1e3)
        if at % 100 == 99:
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


def recalls(index: SearchIndex, questions: Questions, size: int) -> dict[str, Any]:
    """Recall@20 under each filter, and how the neighbours lie."""
    say("brute force")
    exact = exact_answers(
        questions.items, size, questions.vectors, list(questions.filters.values()), LIMIT
    )
    result: dict[str, Any] = {}
    for (suffix, filters), right in zip(questions.filters.items(), exact, strict=True):
        given = [
            [hit.id for hit in index.nearest(questions.vectors[at : at + 1], filters, LIMIT)[0]]
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
