"""Learning which signals bring readers to a new book: known books are held out as if new. Pure.

A fold of the items loses its readers; the others are all there is to go by; who read the held
out ones is what the learner must tell. So nothing is learned from an item's own readers.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import lightgbm
import numpy as np
from scipy import sparse

from contentcenter.domain.errors import InvalidInput
from recommend.collaborative.content_features import ContentSpace, ItemContent
from recommend.collaborative.content_signals import SIGNALS, Known, signals
from recommend.collaborative.interactions import Floats, Ids

_AT_ONCE = 32
FEWEST_ITEMS = 8
FEWEST_LIKES = 40


@dataclass(frozen=True)
class BridgeSettings:
    """`used` of `folds` folds are held out, one after the other. Of each held out item at most
    `shown` readers teach, and as many others, who weigh `against` times as much together."""

    folds: int = 10
    used: int = 6
    shown: int = 300
    against: float = 3.0
    factors: int = 48
    rounds: int = 200
    leaves: int = 63
    rate: float = 0.08
    seed: int = 7


@dataclass(frozen=True)
class Lessons:
    """`signals` (l, signals), `read` (l,) 0 or 1, `weights` (l,)."""

    signals: Floats
    read: Floats
    weights: Floats


def learn(
    items: Sequence[ItemContent], history: sparse.csr_array, settings: BridgeSettings
) -> lightgbm.Booster:
    """Boosted trees (LightGBM, logistic loss): signals -> log-odds that a reader reads.
    `history` (r, n) of ones. `InvalidInput` when there is too little to hold out."""
    if len(items) < FEWEST_ITEMS or history.nnz < FEWEST_LIKES:
        raise InvalidInput("There are too few likes to learn who reads new items")
    found = list(_lessons(items, history, settings))
    table = np.concatenate([one.signals for one in found])
    read = np.concatenate([one.read for one in found])
    weights = np.concatenate([one.weights for one in found])
    data = lightgbm.Dataset(table, read, weight=weights, feature_name=list(SIGNALS))
    return lightgbm.train(_parameters(settings, len(read)), data, settings.rounds)


def table_of(found: dict[str, Floats], readers: Ids | slice, item: int) -> Floats:
    """(readers, signals) of one item."""
    return np.stack([found[name][readers, item] for name in SIGNALS], axis=1).astype(np.float32)


def _parameters(settings: BridgeSettings, lessons: int) -> dict[str, object]:
    return {
        "objective": "binary",
        "learning_rate": settings.rate,
        "num_leaves": settings.leaves,
        "min_data_in_leaf": int(np.clip(lessons // 500, 5, 200)),
        "feature_fraction": 0.7,
        "seed": settings.seed,
        "deterministic": True,
        "force_row_wise": True,
        "verbose": -1,
    }


def _lessons(
    items: Sequence[ItemContent], history: sparse.csr_array, settings: BridgeSettings
) -> Iterator[Lessons]:
    random = np.random.default_rng(settings.seed)
    folds = np.array_split(random.permutation(len(items)), min(settings.folds, len(items) // 2))
    columns = history.tocsc()
    for fold in folds[: settings.used]:
        rest = np.setdiff1d(np.arange(len(items)), fold)
        space = ContentSpace.of([items[int(one)] for one in rest])
        left = sparse.csr_array(columns[:, rest])
        known = Known.of(space.rows([items[int(one)] for one in rest]), left, settings.factors)
        for start in range(0, len(fold), _AT_ONCE):
            held = fold[start : start + _AT_ONCE]
            found = signals(known, left, space.rows([items[int(one)] for one in held]))
            for at, item in enumerate(held):
                readers = columns[:, [int(item)]].indices
                yield from _lesson(found, at, readers, settings, random)


def _lesson(
    found: dict[str, Floats],
    at: int,
    readers: Ids,
    settings: BridgeSettings,
    random: np.random.Generator,
) -> Iterator[Lessons]:
    """Its readers, and others at `against` times their weight whatever the item: what is to be
    told is who reads an item, not how many."""
    others = np.setdiff1d(np.arange(len(found["alike"])), readers)
    if not len(readers) or not len(others):
        return
    shown = _some(readers, settings.shown, random)
    each = settings.against * len(shown) / min(len(others), settings.shown)
    for group, read, weight in (
        (shown, 1.0, 1.0),
        (_some(others, settings.shown, random), 0.0, each),
    ):
        size = len(group)
        yield Lessons(
            table_of(found, group, at),
            np.full(size, read, np.float32),
            np.full(size, weight, np.float32),
        )


def _some(group: Ids, most: int, random: np.random.Generator) -> Ids:
    return group if len(group) <= most else random.choice(group, most, replace=False)
