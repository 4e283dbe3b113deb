"""`evaluate feed --cold`: new items and who will read them, with nothing but what they say.

For each item of the test file all readers are ranked. Asked are readers with at least five
training likes about items with at least five readers among them; the test items have no training
rows, so no method can know who read them.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from scipy import sparse

from contentcenter.domain.errors import InvalidInput
from recommend.collaborative.content import ContentBridge
from recommend.collaborative.content_features import ItemContent, series_of, traits_of
from recommend.collaborative.content_judging import area_under_curve, topic_profiles
from recommend.collaborative.content_signals import lengths_of
from recommend.collaborative.content_training import BridgeSettings
from recommend.collaborative.interactions import Floats, Ids
from recommend.collaborative.tuning import Tell
from recommend.evaluation.feed_files import _ID_FIELDS, _item_rows, _names, read_pairs
from recommend.evaluation.feed_memory import Cost

FEWEST_LIKES = 5
FEWEST_READERS = 5
TOP = 100
_AT_ONCE = 64
_TOPICS = ("tags", "categories", "category", "publisher")
_AUTHORS = ("authors", "author", "people")
_YEARS = ("year", "original_publication_year", "published_on", "pubdate")

Scorer = Callable[[Sequence[ItemContent]], Floats]


@dataclass(frozen=True)
class ColdSet:
    """`history` (r, n) and `truth` (r, m) of ones; contents in the order of their columns."""

    items: Sequence[str] = field(repr=False)
    known: Sequence[ItemContent] = field(repr=False)
    new: Sequence[ItemContent] = field(repr=False)
    history: sparse.csr_array = field(repr=False)
    truth: sparse.csc_array = field(repr=False)


def evaluate_cold(
    train: Sequence[Path],
    test: Path,
    items: Path,
    tell: Tell,
    settings: BridgeSettings | None = None,
) -> dict[str, Any]:
    """`auc` and `p@100`, means over the items, by method: `activity` (who reads most), `tfidf`
    (profiles of topics), `ours`. Raises `InvalidInput` for a bad file, for test items with
    training rows, and when too few readers or items are left."""
    cold = read_cold(train, test, items)
    readers, new = cold.truth.shape
    tell(f"{readers} readers, {cold.history.shape[1]} known items, {new} new ones")
    with Cost() as training:
        places = np.arange(len(cold.known), dtype=np.int64)
        bridge = ContentBridge.fit(places, cold.known, cold.history, settings)
    tell(f"trained in {training.seconds:.0f} s, {training.memory_mb:.0f} MB")
    methods: dict[str, Scorer] = {
        "activity": lambda some: np.repeat(lengths_of(cold.history)[:, None], len(some), axis=1),
        "tfidf": lambda some: topic_profiles(cold.known, cold.history, some),
        "ours": lambda some: bridge.scores(cold.history, some),
    }
    measures = {name: _measured(cold, scorer, tell, name) for name, scorer in methods.items()}
    measures["ours"] |= {
        "train_seconds": round(training.seconds, 1),
        "train_memory_mb": round(training.memory_mb),
        "model_mb": round(len(bridge.to_bytes()) / 1e6, 1),
    }
    about = {"readers": readers, "known_items": len(cold.known), "new_items": new}
    return {**measures, "set": {**about, "likes": int(cold.history.nnz)}}


def read_cold(train: Sequence[Path], test: Path, items: Path) -> ColdSet:
    """The files as matrices. Raises `InvalidInput` as `evaluate_cold`."""
    contents = read_contents(items)
    pairs = sorted({pair for path in train for pair in read_pairs(path)})
    asked = sorted(set(read_pairs(test)))
    known = _numbered(item for _, item in pairs)
    warm = sorted({item for _, item in asked} & known.keys())
    if warm:
        raise InvalidInput(f"{test}: {len(warm)} items have training rows, such as {warm[0]}")
    users, new = _numbered(user for user, _ in pairs), _numbered(item for _, item in asked)
    history = _ones(pairs, users, known)
    truth = _ones([pair for pair in asked if pair[0] in users], users, new)
    readers = np.flatnonzero(lengths_of(history) >= FEWEST_LIKES)
    truth = truth[readers]
    judged = np.flatnonzero(np.asarray(truth.sum(axis=0)).ravel() >= FEWEST_READERS)
    if not len(judged) or len(readers) <= TOP:
        raise InvalidInput("Too few new items with readers, or readers with likes, to judge by")
    names, nothing = list(new), ItemContent({})
    return ColdSet(
        items=[names[at] for at in judged],
        known=[contents.get(one, nothing) for one in known],
        new=[contents.get(names[at], nothing) for at in judged],
        history=history[readers],
        truth=sparse.csc_array(truth[:, judged]),
    )


def read_contents(path: Path) -> dict[str, ItemContent]:
    """What items say of themselves, by id: jsonl or csv with title, authors, tags, category,
    publisher, year, each optional. `InvalidInput` with file and line."""
    out: dict[str, ItemContent] = {}
    for where, row in _item_rows(path):
        identifier = next((str(row[name]) for name in _ID_FIELDS if row.get(name) is not None), "")
        if not identifier.strip():
            raise InvalidInput(f"{where}: none of {', '.join(_ID_FIELDS)}")
        out[identifier.strip()] = _content(row)
    if not out:
        raise InvalidInput(f"{path}: nothing in it")
    return out


def _content(row: Mapping[str, Any]) -> ItemContent:
    topics: dict[str, float] = {}
    for name in _TOPICS:
        topics |= _names(row.get(name) or None)
    author = next((_names(row[name]) for name in _AUTHORS if row.get(name)), {})
    title = str(row.get("title") or "")
    series = {series_of(title): 1.0} if title.strip() else {}
    names = {"topic": topics, "author": author, "series": series}
    return ItemContent(names, traits_of(_year(row), None))


def _year(row: Mapping[str, Any]) -> int | None:
    text = next((str(row[name]) for name in _YEARS if row.get(name)), "")
    digits = text.removeprefix("-").partition(".")[0][:4]
    return int(digits) if digits.isdecimal() and not text.startswith("-") else None


def _measured(cold: ColdSet, scorer: Scorer, tell: Tell, name: str) -> dict[str, Any]:
    areas: list[float] = []
    hits: list[float] = []
    started = time.perf_counter()
    for start in range(0, len(cold.new), _AT_ONCE):
        scores = scorer(cold.new[start : start + _AT_ONCE])
        for at in range(scores.shape[1]):
            readers = cold.truth[:, [start + at]].indices
            areas.append(area_under_curve(scores[:, at], readers))
            hits.append(precision(scores[:, at], readers, TOP))
    seconds = time.perf_counter() - started
    found = {"auc": float(np.mean(areas)), f"p@{TOP}": float(np.mean(hits))}
    tell(f"{name}: AUC {found['auc']:.4f}, P@{TOP} {found[f'p@{TOP}']:.4f}")
    return {**found, "ms_per_item": round(1000.0 * seconds / len(cold.new), 1)}


def precision(scores: Floats, readers: Ids, top: int) -> float:
    """Share of readers among the first `top`; equals in the order of their places."""
    first = np.argsort(-scores, kind="stable")[:top]
    return float(np.isin(first, readers).mean())


def _numbered(names: Iterator[str]) -> dict[str, int]:
    return {name: at for at, name in enumerate(sorted(set(names)))}


def _ones(
    pairs: Sequence[tuple[str, str]], users: Mapping[str, int], items: Mapping[str, int]
) -> sparse.csr_array:
    rows = [users[user] for user, _ in pairs]
    columns = [items[item] for _, item in pairs]
    values = np.ones(len(pairs), np.float32)
    return sparse.csr_array((values, (rows, columns)), shape=(len(users), len(items)))
