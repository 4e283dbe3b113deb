"""What an audience answered to: a bounded memory of items with decayed weights. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np
import numpy.typing as npt

from contentcenter.domain.events import EVENT_WEIGHT, EventKind
from recommend.persona_math.decay import day_number

# Read are the strongest 256; half as many again are held, so that a newcomer has time to grow.
MEMORY_SIZE = 256
MEMORY_HELD = MEMORY_SIZE + MEMORY_SIZE // 2
MEMORY_HALF_LIFE = 60.0


@dataclass(frozen=True)
class Trace:
    """What one item is remembered by: the sum of its answers decayed to `day`."""

    weight: float
    day: float

    def on(self, day: float) -> float:
        """The weight on a day; a day before the last answer reads it as of that answer."""
        return float(self.weight * 2.0 ** -(max(day - self.day, 0.0) / MEMORY_HALF_LIFE))


@dataclass(frozen=True)
class Answer:
    """One event of an audience with an item."""

    item_id: int
    kind: EventKind
    at: datetime


Memory = Mapping[int, Trace]


def remember(memory: Memory, answers: Iterable[Answer]) -> dict[int, Trace]:
    """The memory after these answers, in the order of their ids.

    What it holds after an answer depends on the answers so far alone, not on how they came in
    batches, so a rebuild gives the same. Impressions are no answers. Late ones land with the
    weight they would have had by now.
    """
    held = dict(memory)
    for answer in answers:
        if answer.kind is EventKind.IMPRESSION or not EVENT_WEIGHT[answer.kind]:
            continue
        day = day_number(answer.at)
        before = held.get(answer.item_id, Trace(0.0, day))
        to = max(before.day, day)
        new = Trace(EVENT_WEIGHT[answer.kind], day).on(to)
        held[answer.item_id] = Trace(before.on(to) + new, to)
        if len(held) > MEMORY_HELD:
            held = _strongest(held, MEMORY_SIZE)
    return held


def recalled(memory: Memory, day: float, size: int = MEMORY_SIZE) -> dict[int, float]:
    """The strongest items with their weights on a day; what was taken back is no part of it."""
    return {
        item: trace.on(day)
        for item, trace in _strongest(memory, size).items()
        if trace.weight > 0.0
    }


@dataclass(frozen=True)
class MemoryColumns:
    """Traces of many audiences: `audience` (k,) counts the audiences asked for, `item` ids,
    `weight` and `day` as in `Trace`."""

    audience: npt.NDArray[np.int64]
    item: npt.NDArray[np.int64]
    weight: npt.NDArray[np.float64]
    day: npt.NDArray[np.float64]

    def take(self, rows: npt.NDArray[np.intp]) -> MemoryColumns:
        return MemoryColumns(
            self.audience[rows], self.item[rows], self.weight[rows], self.day[rows]
        )


def recalled_columns(held: MemoryColumns, day: float, size: int = MEMORY_SIZE) -> MemoryColumns:
    """What `recalled` gives, of many audiences at once: by audience, strongest first, weights
    on that day."""
    if not len(held.item):
        return held
    newest = np.full(int(held.audience.max()) + 1, -np.inf)
    np.maximum.at(newest, held.audience, held.day)
    then = held.weight * _decay(newest[held.audience] - held.day)
    order = np.lexsort((held.item, -then, held.audience))
    audience = held.audience[order]
    place = np.arange(len(order)) - np.searchsorted(audience, audience)
    kept = held.take(order[(place < size) & (held.weight[order] > 0.0)])
    return replace(kept, weight=kept.weight * _decay(day - kept.day))


def _decay(days: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return np.asarray(2.0 ** -(np.maximum(days, 0.0) / MEMORY_HALF_LIFE), dtype=np.float64)


def _strongest(memory: Memory, size: int) -> dict[int, Trace]:
    newest = max((trace.day for trace in memory.values()), default=0.0)
    order = sorted(memory, key=lambda item: (-memory[item].on(newest), item))
    return {item: memory[item] for item in order[:size]}
