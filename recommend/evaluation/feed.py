"""`evaluate feed`: the product's co-reading model and four well-known methods on files of likes.

Each method is tuned on a part cut out of the training likes, trained on all of them, and asked for
k items for every reader of the test; nothing a reader has in training is ever recommended.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from scipy import sparse

from contentcenter.domain.errors import InvalidInput
from recommend.collaborative.fit import FitSettings, fit
from recommend.collaborative.interactions import Interactions
from recommend.collaborative.ranking_measures import (
    Answers,
    Scorer,
    answer,
    ndcg_each,
    readers_with,
    recall_each,
)
from recommend.collaborative.side_info import side_rows
from recommend.collaborative.tuning import Tell, cut_out, tune
from recommend.evaluation.baselines import baselines
from recommend.evaluation.feed_files import LikeSets, read_described, read_likes
from recommend.evaluation.feed_measures import coverage, diversity, novelty, reader_vectors
from recommend.evaluation.feed_memory import Cost

OURS = "ours"
Chosen = tuple[str, Callable[[], Scorer]]


@dataclass(frozen=True)
class _Trial:
    """What every method is judged on."""

    sets: LikeSets
    side: sparse.csr_array | None = field(repr=False)
    k: int
    tell: Tell

    @property
    def vectors(self) -> sparse.csr_array:
        return self.side if self.side is not None else reader_vectors(self.sets.train)


def evaluate_feed(
    train: Sequence[Path], test: Path, items: Path | None, k: int, tell: Tell
) -> dict[str, Any]:
    """Measures by method, and what was measured. `k`: length of a list. Raises `InvalidInput`
    for a bad file or when no reader of the test has training likes."""
    sets = read_likes(train, test)
    readers = readers_with(sets.test)
    if not len(readers):
        raise InvalidInput("No reader of the test file has likes in the training files")
    described = read_described(items) if items is not None else {}
    side = side_rows([described.get(one) for one in sets.items])
    tell(f"{len(sets.users)} readers, {len(sets.items)} items, {sets.train.nnz} likes")
    trial = _Trial(sets, side, k, tell)
    each = {name: _measure(trial, name, choose) for name, choose in _methods(trial).items()}
    measures: dict[str, Any] = {name: one for name, (one, _) in each.items()}
    gain = _gain(each[OURS][1], each["ease"][1])
    return {**measures, "set": {**_about(trial, readers), "ours_over_ease": gain}}


def _methods(trial: _Trial) -> Mapping[str, Callable[[], Chosen]]:
    train, rules = trial.sets.train, FitSettings()
    cut = cut_out(train)

    def chosen_of(one: Any) -> Callable[[], Chosen]:
        def choose() -> Chosen:
            label, fit_one = one.chosen(cut, trial.tell)
            return label, lambda: fit_one(train)

        return choose

    def ours() -> Chosen:
        tuned = tune(train, rules, trial.side, trial.tell).settings
        label = (
            f"penalty {tuned.ridge.penalty:g}, side {tuned.ridge.side_weight:g}, "
            f"neighbours {tuned.neighbour_share:g}"
        )
        return label, lambda: _ours(train, tuned, trial.side)

    methods = {one.name: chosen_of(one) for one in baselines(rules.dense_items)}
    return {**methods, OURS: ours}


def _ours(train: sparse.csr_array, settings: FitSettings, side: sparse.csr_array | None) -> Scorer:
    places = [np.arange(size, dtype=np.int64) for size in train.shape]
    weights = fit(Interactions(places[0], places[1], train), settings, side).weights
    return lambda rows: np.asarray((rows @ weights).toarray(), np.float32)


def _measure(
    trial: _Trial, name: str, choose: Callable[[], Chosen]
) -> tuple[dict[str, Any], np.ndarray]:
    """Measures of a method, and nDCG by reader."""
    with Cost() as tuning:
        label, train = choose()
    with Cost() as training:
        scorer = train()
    readers = readers_with(trial.sets.test)
    started = time.perf_counter()
    answers = answer(scorer, trial.sets.train, readers, trial.k)
    seconds = time.perf_counter() - started
    each = ndcg_each(answers, trial.sets.test)
    measures = {
        **_quality(trial, answers, each),
        "train_seconds": round(training.seconds, 2),
        "memory_mb": round(training.memory_mb),
        "peak_mb": round(training.peak_mb),
        "ms_per_user": round(1000.0 * seconds / len(readers), 3),
        "settings": label,
        "tuning_seconds": round(tuning.seconds, 1),
    }
    trial.tell(f"{name} ({label}): nDCG@{trial.k} {each.mean():.4f}")
    return measures, each


def _quality(trial: _Trial, answers: Answers, ndcg: np.ndarray) -> dict[str, float]:
    return {
        f"recall@{trial.k}": round(float(recall_each(answers, trial.sets.test).mean()), 5),
        f"ndcg@{trial.k}": round(float(ndcg.mean()), 5),
        "coverage": round(coverage(answers, len(trial.sets.items)), 4),
        "novelty": round(novelty(answers, trial.sets.train), 3),
        "diversity": round(diversity(answers, trial.vectors), 4),
    }


def _gain(ours: np.ndarray, other: np.ndarray) -> dict[str, float]:
    """Relative gain in nDCG with the standard error of the paired difference, in per cent."""
    mean = max(float(other.mean()), 1e-12)
    difference = ours - other
    error = float(difference.std(ddof=1)) / np.sqrt(len(difference)) if len(difference) > 1 else 0.0
    return {
        "ndcg_percent": round(100.0 * float(difference.mean()) / mean, 2),
        "standard_error": round(100.0 * error / mean, 2),
    }


def _about(trial: _Trial, readers: np.ndarray) -> dict[str, Any]:
    sets = trial.sets
    return {
        "readers": len(sets.users),
        "items": len(sets.items),
        "train_likes": int(sets.train.nnz),
        "test_readers": len(readers),
        "test_likes": int(sets.test.nnz),
        "new_readers": sets.new_users,
        "new_items": sets.new_items,
        "described_items": int((np.diff(trial.side.indptr) > 0).sum())
        if trial.side is not None
        else 0,
        "diversity_by": "descriptions" if trial.side is not None else "shared readers",
    }
