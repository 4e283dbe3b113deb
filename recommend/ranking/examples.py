"""Logged answers joined with what readers did: the rows that training and replay read. Pure.

An entry counts as seen when an event of its trace and item says so within `LOOK_BACK` of the
answer. A client that reports no impressions still reports clicks: then everything above the
deepest click was passed (Craswell et al. 2008, the cascade). Pages nobody acted on are left out.
The answer is 1 when the reader clicked, kept, carted or ordered, and neither waved the item
away nor gave it back.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt

from contentcenter.domain.events import SEEN_EVENTS, EventKind
from contentcenter.embedding.ports import Vectors
from recommend.events.signals import LIKES
from recommend.ranking.explore import Offer
from recommend.ranking.features import FEATURES, FEATURES_KEY, unpack
from recommend.ranking.logistic import Floats

LOOK_BACK = timedelta(hours=48)
AGAINST = frozenset({EventKind.DISLIKE, EventKind.REFUND})


@dataclass(frozen=True)
class LoggedAnswer:
    """One stored feed answer."""

    trace_id: str
    reader_id: int
    at: datetime
    entries: Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class TracedEvent:
    trace_id: str
    item_id: int
    kind: EventKind
    at: datetime


@dataclass(frozen=True)
class SeenEntry:
    """An entry that a reader met. `place` counts from 1 through the session's pages."""

    answer: LoggedAnswer
    entry: Mapping[str, Any]
    responded: bool

    @property
    def place(self) -> int:
        return int(self.entry["place"])

    @property
    def offer(self) -> Offer | None:
        told = self.entry.get("offer")
        return Offer(tuple(told["ids"]), tuple(told["p"]), told["chosen"]) if told else None


@dataclass(frozen=True)
class Examples:
    """n examples in order of time: rows (n, F), responses and places (n,), `at` epoch seconds,
    page and reader codes (n,), and which ones were drawn by lot."""

    rows: Vectors
    answers: Floats
    places: Floats
    at: Floats
    pages: npt.NDArray[np.int64]
    readers: npt.NDArray[np.int64]
    explored: npt.NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.answers)

    def take(self, chosen: npt.NDArray[np.bool_] | slice) -> Examples:
        return Examples(
            self.rows[chosen], self.answers[chosen], self.places[chosen], self.at[chosen],
            self.pages[chosen], self.readers[chosen], self.explored[chosen],
        )  # fmt: skip


@dataclass
class _Acts:
    """What one trace heard of its items."""

    seen: set[int] = field(default_factory=set)
    liked: set[int] = field(default_factory=set)
    refused: set[int] = field(default_factory=set)
    impressions: bool = False


def seen_entries(answers: Iterable[LoggedAnswer], events: Iterable[TracedEvent]) -> list[SeenEntry]:
    """Entries that readers met, in the order of the answers. Entries logged with another list
    of features (an older release) are left out."""
    kept = list(answers)
    acts = _acts({one.trace_id: one for one in kept}, events)
    out = []
    for answer in kept:
        own = acts.get(answer.trace_id)
        if own is not None:
            out += [
                SeenEntry(answer, entry, _responded(own, entry["item_id"]))
                for entry in _met(answer, own)
                if entry.get("key") == FEATURES_KEY
            ]
    return out


def examples(entries: Sequence[SeenEntry]) -> Examples:
    """Arrays of the entries, oldest first."""
    ordered = sorted(entries, key=lambda one: (one.answer.at, one.answer.trace_id, one.place))
    traces = {trace: code for code, trace in enumerate(
        dict.fromkeys(one.answer.trace_id for one in ordered))}  # fmt: skip
    rows = [unpack(one.entry["x"])[0] for one in ordered]
    return Examples(
        rows=np.stack(rows) if rows else np.zeros((0, len(FEATURES)), np.float32),
        answers=np.array([one.responded for one in ordered], dtype=np.float64),
        places=np.array([one.place for one in ordered], dtype=np.float64),
        at=np.array([one.answer.at.timestamp() for one in ordered], dtype=np.float64),
        pages=np.array([traces[one.answer.trace_id] for one in ordered], dtype=np.int64),
        readers=np.array([one.answer.reader_id for one in ordered], dtype=np.int64),
        explored=np.array([one.entry.get("offer") is not None for one in ordered], np.bool_),
    )


def _acts(answers: Mapping[str, LoggedAnswer], events: Iterable[TracedEvent]) -> dict[str, _Acts]:
    out: dict[str, _Acts] = {}
    for event in events:
        answer = answers.get(event.trace_id)
        if answer is None or event.kind not in SEEN_EVENTS or event.at > answer.at + LOOK_BACK:
            continue
        own = out.setdefault(event.trace_id, _Acts())
        own.seen.add(event.item_id)
        own.impressions |= event.kind is EventKind.IMPRESSION
        if event.kind in LIKES:
            own.liked.add(event.item_id)
        if event.kind in AGAINST:
            own.refused.add(event.item_id)
    return out


def _met(answer: LoggedAnswer, acts: _Acts) -> list[Mapping[str, Any]]:
    if acts.impressions:
        return [entry for entry in answer.entries if entry["item_id"] in acts.seen]
    deepest = max(
        (row for row, entry in enumerate(answer.entries) if entry["item_id"] in acts.seen),
        default=-1,
    )
    return list(answer.entries[: deepest + 1])


def _responded(acts: _Acts, item_id: int) -> bool:
    return item_id in acts.liked and item_id not in acts.refused
