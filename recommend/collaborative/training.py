"""What a new version of the co-reading model is judged by: likes later than all it learned. Pure.

The last like of each reader is held out, and, when a version serves already, only likes newer than
everything that version was trained on: neither has seen them, so neither is favoured. Afterwards
the new version is fitted once more on all likes, with the settings that were judged.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import numpy as np
import numpy.typing as npt

from recommend.collaborative.interactions import Like
from recommend.collaborative.model import CoReadingModel

DEPTH = 20
POPULAR = 500
MOST_JUDGED = 10_000
# A reader with fewer likes has too little left to be judged by.
LEAST_HISTORY = 2

Gains = npt.NDArray[np.float64]


@dataclass(frozen=True)
class TrainRules:
    """With fewer than `least_likes` nothing is trained; with fewer than `least_judged` likes
    held out nothing is promoted by itself. `window_days`: older likes are left out."""

    least_likes: int = 100
    least_judged: int = 30
    window_days: int = 730


@dataclass(frozen=True)
class Judged:
    """A reader's likes before the last one, and the last one."""

    history: Mapping[int, float]
    wanted: int


@dataclass(frozen=True)
class TimeSplit:
    train: Sequence[Like] = field(repr=False)
    judged: Sequence[Judged] = field(repr=False)


@dataclass(frozen=True)
class Comparison:
    """Gains of two models on the same held-out likes. `error`: standard error of the mean
    difference."""

    judged: int
    ours: float
    other: float
    difference: float
    error: float

    def not_worse(self) -> bool:
        """No worse than chance explains."""
        return self.difference >= -self.error

    def as_json(self) -> dict[str, Any]:
        names = ("ours", "other", "difference", "error")
        return {"judged": self.judged, **{one: round(getattr(self, one), 5) for one in names}}


def split_last(
    likes: Sequence[Like], newer_than: datetime | None = None, most: int = MOST_JUDGED
) -> TimeSplit:
    """Hold out the last like of every reader that has others, if it is `newer_than`; at most
    `most` of them, spread over all readers, are asked about.

    `likes` in the order of `weigh`: by reader, then by time.
    """
    train: list[Like] = []
    judged: list[Judged] = []
    for own in _by_reader(likes).values():
        last = own[-1]
        fresh = newer_than is None or last.last > newer_than
        if len(own) <= LEAST_HISTORY or not fresh:
            train += own
            continue
        train += own[:-1]
        history = {one.item_id: one.weight for one in own[:-1]}
        judged.append(Judged(history, last.item_id))
    return TimeSplit(train, judged[:: max(-(-len(judged) // most), 1)])


def gains_of(model: CoReadingModel, judged: Sequence[Judged]) -> Gains:
    """(judged,) nDCG@20 of each held-out like: 1 / log2(place + 1), 0 beyond the cut."""
    return np.array([_gain(model.recall(one.history, DEPTH), one.wanted) for one in judged])


def gains_of_popular(train: Sequence[Like], judged: Sequence[Judged]) -> Gains:
    """The same for the items with the most readers, which everyone could be shown."""
    counts = Counter(one.item_id for one in train)
    order = sorted(counts, key=lambda item: (-counts[item], item))[:POPULAR]
    found = []
    for one in judged:
        unread = [item for item in order if item not in one.history][:DEPTH]
        found.append(_gain(unread, one.wanted))
    return np.array(found)


def compare(ours: Gains, other: Gains) -> Comparison:
    """Pairwise, as both answered the same readers."""
    count = len(ours)
    difference = ours - other
    error = float(difference.std(ddof=1)) / count**0.5 if count > 1 else 0.0
    means = [float(one.mean()) if count else 0.0 for one in (ours, other, difference)]
    return Comparison(count, means[0], means[1], means[2], error)


def _by_reader(likes: Sequence[Like]) -> dict[int, list[Like]]:
    out: dict[int, list[Like]] = {}
    for one in likes:
        out.setdefault(one.reader_id, []).append(one)
    return out


def _gain(ranking: Sequence[int], wanted: int) -> float:
    return float(1.0 / np.log2(ranking.index(wanted) + 2)) if wanted in ranking else 0.0
