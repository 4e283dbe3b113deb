"""Choices of the past with what was known then: for the items shown to an audience on one day,
the parts of their scores as the persona and the memory of that morning gave them. Pure.

Days are taken in order and learned from after they were asked about, so nothing of a day is
known to its own features; the co-reading model is the one that had been trained by then. Two
things are of today: what operators declared, and the measured corpus and trait statistics.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import numpy as np

from contentcenter.domain.events import EventKind
from contentcenter.embedding.ports import Vectors
from recommend.collaborative.model import CoReadingModel
from recommend.corpus import CorpusView
from recommend.events.signals import LIKES
from recommend.matching.echo import Remembered, joined
from recommend.matching.features import MatchItem, audience_features, item_features
from recommend.matching.memory import Answer, Memory, recalled, remember
from recommend.matching.scores import score_matrix
from recommend.matching.settings import PARTS, MatchSettings
from recommend.matching.training import Choices
from recommend.matching.traits import Traits, TraitStatistics, trait_rows
from recommend.persona_math import (
    Blending,
    Centres,
    Declared,
    ItemFacts,
    Learned,
    LearnEvent,
    blend,
    learn,
)
from recommend.persona_math.decay import day_number

UNIT = MatchSettings().weighted(dict.fromkeys(PARTS, 1.0))


@dataclass(frozen=True)
class PastItem:
    """An item as it is now; `match` without counts, `traits` without reach."""

    match: MatchItem
    traits: Traits


@dataclass(frozen=True)
class PastEvent:
    """What readers of an audience did, at a time."""

    audience_id: int
    item_id: int
    kind: EventKind
    at: datetime


# The co-reading model that had been trained by a moment.
CoReadingOn = Callable[[datetime], CoReadingModel | None]


def _no_model(_: datetime) -> None:
    return None


@dataclass(frozen=True)
class Past:
    """Everything a replay reads. `events` in any order."""

    items: Mapping[int, PastItem]
    declared: Mapping[int, Declared]
    events: Sequence[PastEvent]
    corpus: CorpusView
    known: TraitStatistics
    co_reading: CoReadingOn = _no_model


@dataclass(frozen=True)
class DatedChoices:
    """Choices with the day number of each of their groups."""

    choices: Choices
    days: np.ndarray[tuple[int], np.dtype[np.float64]]

    def split(self, share: float) -> tuple[Choices, Choices]:
        """The earlier `share` of the groups and the later ones, cut between two days."""
        if not len(self.days):
            return self.choices, self.choices
        cut = float(np.quantile(self.days, share))
        early = (self.days < cut)[self.choices.group]
        return _only(self.choices, early), _only(self.choices, ~early)


@dataclass
class _State:
    """What was known of one audience by a morning."""

    learned: Learned
    memory: Memory = field(default_factory=dict)
    told: int = 0


def replay(past: Past, parts: Sequence[str]) -> DatedChoices:
    """One group for each audience and day on which some shown items were taken and some not."""
    tables: list[Vectors] = []
    taken: list[bool] = []
    sizes: list[int] = []
    days: list[float] = []
    walk = _Walk(past)
    for day, events in _by_day(past.events):
        for audience, own in sorted(_by_audience(events).items()):
            shown, yes = _offered(own)
            if 0 < len(yes) < len(shown):
                tables.append(walk.features(audience, shown, day, parts))
                taken += [one in yes for one in shown]
                sizes.append(len(shown))
                days.append(day_number(day))
        walk.learn(events)
    table = np.concatenate(tables) if tables else np.zeros((0, len(parts)), np.float32)
    group = np.repeat(np.arange(len(sizes)), sizes).astype(np.int64)
    return DatedChoices(Choices(table, group, np.array(taken, dtype=np.bool_)), np.array(days))


class _Walk:
    """Goes through the days: asked in the morning, told in the evening."""

    def __init__(self, past: Past) -> None:
        self._past = past
        empty = Centres.empty(past.corpus.dimension)
        self._states: dict[int, _State] = defaultdict(lambda: _State(Learned(empty)))
        self._counts: dict[int, list[float]] = defaultdict(lambda: [0.0, 0.0])

    def features(
        self, audience: int, shown: Sequence[int], day: datetime, parts: Sequence[str]
    ) -> Vectors:
        """(items, parts): unweighted parts as they stood that morning."""
        past, state = self._past, self._states[audience]
        nothing = Declared(np.zeros((0, past.corpus.dimension), np.float32))
        declared = past.declared.get(audience, nothing)
        persona = blend(Blending(declared, state.learned), day_number(day))
        items = self._items(shown)
        rows = trait_rows([one.traits for one in items], past.known)
        features = item_features(
            [one.match for one in items], past.corpus, day, None, UNIT, traits=rows
        )
        memory = self._remembered(state, day)
        who = audience_features([audience], [persona], past.corpus, UNIT, memory=memory)
        found = score_matrix(features, who, UNIT).parts
        return np.stack([found[name][:, 0] for name in parts], axis=-1)

    def learn(self, events: Sequence[PastEvent]) -> None:
        """Take in a whole day."""
        for audience, own in _by_audience(events).items():
            state = self._states[audience]
            told = [self._learn_event(state.told + n, one) for n, one in enumerate(own, 1)]
            state.learned = learn(state.learned, told, self._past.corpus)
            state.told += len(own)
            answers = [Answer(one.item_id, one.kind, one.at) for one in own]
            state.memory = remember(state.memory, answers)
        for event in events:
            self._counts[event.item_id][0] += event.kind is EventKind.IMPRESSION
            self._counts[event.item_id][1] += event.kind is EventKind.CLICK

    def _items(self, ids: Sequence[int]) -> list[PastItem]:
        out = []
        for one in ids:
            (shown, liked), item = self._counts[one], self._past.items[one]
            out.append(
                PastItem(
                    replace(item.match, shown=shown, liked=liked),
                    replace(item.traits, reach=liked or None),
                )
            )
        return out

    def _remembered(self, state: _State, day: datetime) -> Remembered:
        weights = recalled(state.memory, day_number(day))
        ids = sorted(one for one in weights if one in self._past.items)
        past = self._past
        model = past.co_reading(day)
        return remembered_of(self._items(ids), [weights], past.corpus, past.known, model)

    def _learn_event(self, number: int, event: PastEvent) -> LearnEvent:
        item = self._past.items[event.item_id].match
        facts = ItemFacts(item.vector, item.category, item.tags, item.price_fen)
        return LearnEvent(number, event.kind, event.at, event.at.hour, facts)


def remembered_of(
    items: Sequence[PastItem],
    memories: Sequence[Mapping[int, float]],
    corpus: CorpusView,
    known: TraitStatistics,
    co_reading: CoReadingModel | None = None,
) -> Remembered:
    """Memories (weights by item id) over these items, in columns."""
    rows, strength = joined(memories, [one.match.id for one in items])
    held = laid_out(items, corpus, known)
    return replace(held, rows=rows, strength=strength, co_reading=co_reading)


def laid_out(items: Sequence[PastItem], corpus: CorpusView, known: TraitStatistics) -> Remembered:
    """Items in columns, remembered by nobody yet."""
    raw = [corpus.mean if one.match.vector is None else one.match.vector for one in items]
    table = np.array(raw, dtype=np.float32).reshape(len(items), corpus.dimension)
    traits = trait_rows([one.traits for one in items], known)
    ids = np.array([one.match.id for one in items], dtype=np.int64)
    return Remembered(corpus.centre(table), traits, (), (), known, ids)


def _offered(events: Sequence[PastEvent]) -> tuple[list[int], set[int]]:
    """Items shown on a day, in order, and those of them that were taken."""
    shown = list(dict.fromkeys(e.item_id for e in events if e.kind is EventKind.IMPRESSION))
    return shown, {e.item_id for e in events if e.kind in LIKES} & set(shown)


def _by_day(events: Sequence[PastEvent]) -> Iterator[tuple[datetime, list[PastEvent]]]:
    """Days (their first moment, UTC) with their events, both in order of time."""
    days: dict[datetime, list[PastEvent]] = defaultdict(list)
    for event in sorted(events, key=lambda one: one.at):
        at = event.at.astimezone(UTC)
        days[
            at
            - timedelta(
                hours=at.hour, minutes=at.minute, seconds=at.second, microseconds=at.microsecond
            )
        ].append(event)
    yield from sorted(days.items())


def _by_audience(events: Sequence[PastEvent]) -> dict[int, list[PastEvent]]:
    out: dict[int, list[PastEvent]] = defaultdict(list)
    for event in events:
        out[event.audience_id].append(event)
    return out


def _only(choices: Choices, keep: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> Choices:
    _, group = np.unique(choices.group[keep], return_inverse=True)
    return Choices(choices.features[keep], group.astype(np.int64), choices.taken[keep])
