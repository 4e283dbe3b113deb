"""Pages of the app by the product's feed: sources, ranking, spreading, a drawn place, training.

The same functions as in the product, on this run's own log: the hand-set ranking serves until a
version that was trained at night is surely better, by the job's own comparison. There is no
co-reading and no editors' source here, an item is its own work, and all visits of a member count
as one session (a first page of eight holds no drawn place). Corrections between trainings
(`ranking.online`) are left out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import numpy as np

from bench.simulation_run import Asked, Feed, Memory
from bench.simulation_ways import persona_of, with_signals
from bench.simulation_world import LOCAL_HOURS, START, Item, World
from contentcenter.domain.events import EventKind
from contentcenter.embedding.ports import Vectors
from contentcenter.store.cards import ItemCard
from recommend.events.signals import Signal
from recommend.feed.recall import EACH, followed
from recommend.feed.scoring import Found, Pick, Scored, explore, history, order, score, shown
from recommend.feed.spreading import FeedSettings, Recall, codes, strengths
from recommend.matching.features import LaidOut, UsualRate, audience_features, features_of
from recommend.matching.scores import ItemFeatures, score_matrix
from recommend.matching.settings import MatchSettings
from recommend.persona_math import Persona, PersonaSettings
from recommend.ranking.examples import LoggedAnswer, TracedEvent, examples, seen_entries
from recommend.ranking.explore import ExploreSettings, places_to_explore
from recommend.ranking.features import Context, RankReader
from recommend.ranking.serving import PRIOR_VERSION, Serving
from recommend.ranking.training import TrainSettings, compare, fit, split
from recommend.shelf import ShelfItem
from recommend.shelf_table import ShelfColumns

SPARE = 8


@dataclass
class Log:
    """Answers and what readers did with them."""

    answers: list[LoggedAnswer] = field(default_factory=list)
    events: list[TracedEvent] = field(default_factory=list)
    liked: dict[tuple[int, int], list[int]] = field(default_factory=dict)


@dataclass(frozen=True)
class _Hour:
    """What all pages of one hour are ranked with: counts as they stood at the first of them."""

    at: datetime
    usual: float
    features: ItemFeatures
    columns: ShelfColumns
    popular: Sequence[int]
    unexplored: Sequence[int]


class ProductFeed(Feed):
    """`train_every`: nights between trainings, 0 for the hand-set ranking for good. `promoted`:
    the days in whose night a version began to serve."""

    def __init__(self, train_every: int = 0) -> None:
        self._train_every = train_every
        self._rules, self._training = ExploreSettings(), TrainSettings()
        self._weights, self._personas = MatchSettings(), PersonaSettings()
        self._serving, self._newest = Serving(), PRIOR_VERSION
        self.log = Log()
        self._shelf: list[ShelfItem] = []
        self._kept: _Hour | None = None
        self.promoted: list[int] = []

    def page(
        self, world: World, memory: Memory, asked: Asked, seen: frozenset[int], size: int
    ) -> list[int]:
        """Items of one page, best place first; the answer is logged."""
        persona = persona_of(world, memory, asked, self._personas)
        scored, columns = self._scored(world, memory, asked, persona, seen)
        rows = order(scored, columns, size + SPARE, FeedSettings())
        picks = explore(
            [Pick(row) for row in rows],
            scored,
            barred=seen,
            wanted=places_to_explore(len(seen), size, self._rules),
            size=size,
            rules=self._rules,
            luck=np.random.default_rng(len(self.log.answers)),
        )[:size]
        self._answer(asked, scored, picks)
        return [scored.items[one.row].id for one in picks]

    def heard(self, asked: Asked, did: Sequence[tuple[int, str]]) -> None:
        """What the member did with the page that was answered last."""
        trace = self.log.answers[-1].trace_id
        self.log.events += [
            TracedEvent(trace, number, EventKind(kind), asked.now) for number, kind in did
        ]
        likes = self.log.liked.setdefault(_member(asked), [])
        likes[:0] = [number for number, kind in did if kind == EventKind.CLICK]

    def night(self, day: int) -> None:
        """Train, compare with the prior and with what serves, promote what is surely better:
        `FeedTraining.train` without its store."""
        if not self._train_every or (day + 1) % self._train_every:
            return
        parts = split(examples(seen_entries(self.log.answers, self.log.events)), self._training)
        if not len(parts.compare) or not parts.train.answers.sum():
            return
        model, plain = fit(parts, self._training)
        others = [plain]
        if self._serving.version != PRIOR_VERSION:
            others.append(self._serving.model)
        verdicts = [compare(model, one, parts.compare) for one in others]
        if all(one.better(self._training) for one in verdicts):
            self._newest += 1
            self._serving = Serving(self._newest, model)
            self.promoted.append(day)

    def _scored(
        self, world: World, memory: Memory, asked: Asked, persona: Persona, seen: frozenset[int]
    ) -> tuple[Scored, ShelfColumns]:
        """Open items, and their columns."""
        if not self._shelf:
            self._shelf = [_shelved(number, item) for number, item in enumerate(world.items)]
        hour = self._hour(world, memory, asked.now)
        who = audience_features([0], [persona], world.corpus, self._weights)
        scores = score_matrix(hour.features, who, self._weights)
        liked = [self._shelf[n] for n in self.log.liked.get(_member(asked), [])[:50]]
        local = asked.now + LOCAL_HOURS
        scored = score(
            self._shelf,
            _found(hour, persona, world, seen),
            (scores, hour.columns),
            reader=RankReader(persona, history(liked, {}, {}, asked.now)),
            context=Context(asked.now, local.hour, local.weekday() >= 5, usual_rate=hour.usual),
            serving=self._serving,
            served=frozenset(),
        )
        return _without(scored, seen), _columns_without(hour.columns, seen)

    def _hour(self, world: World, memory: Memory, now: datetime) -> _Hour:
        if self._kept is None or self._kept.at != now:
            usual = (memory.liked + 5.0) / (memory.shown + 100.0)
            told = LaidOut.of(with_signals(world, memory), world.corpus)
            made = features_of(told, now, UsualRate(usual), self._weights)
            columns = self._columns(told)
            items = range(len(world.items))
            known = [memory.signals.get(one, Signal()) for one in items]
            popular = sorted(items, key=lambda one: (-known[one].heat, one))
            fresh = sorted(items, key=lambda one: (known[one].shown // 20, -one))
            self._kept = _Hour(now, usual, made, columns, popular, fresh)
        return self._kept

    def _columns(self, told: LaidOut) -> ShelfColumns:
        shelf = self._shelf
        return ShelfColumns(
            told,
            authors=codes([one.author for one in shelf]),
            categories=codes([one.match.category for one in shelf]),
            sources=codes([one.source for one in shelf]),
        )

    def _answer(self, asked: Asked, scored: Scored, picks: Sequence[Pick]) -> None:
        entries: list[Mapping[str, Any]] = [
            {"item_id": scored.items[pick.row].id, **replace(one.logged, place=place).as_json()}
            for place, (pick, one) in enumerate(zip(picks, shown(scored, picks), strict=True), 1)
        ]
        reader = asked.group.id * 10_000 + (asked.member or 0)
        number = len(self.log.answers)
        self.log.answers.append(LoggedAnswer(f"{number:07}", reader, asked.now, entries))


def _member(asked: Asked) -> tuple[int, int]:
    return asked.group.id, asked.member or 0


def _without(scored: Scored, seen: frozenset[int]) -> Scored:
    gone = sorted(seen)
    return replace(
        scored,
        items=[one for one in scored.items if one.id not in seen],
        rows=np.delete(scored.rows, gone, axis=0),
        model=np.delete(scored.model, gone),
        added=np.delete(scored.added, gone),
        semantic=np.delete(scored.semantic, gone),
        shown=np.delete(scored.shown, gone),
        liked=np.delete(scored.liked, gone),
    )


def _columns_without(columns: ShelfColumns, seen: frozenset[int]) -> ShelfColumns:
    left = np.delete(np.arange(len(columns.authors)), sorted(seen))
    told = columns.told
    return ShelfColumns(
        LaidOut(
            told.ids[left],
            told.vectors[left],
            {name: values[left] for name, values in told.numbers.items()},
            tuple(told.tags[row] for row in left.tolist()),
        ),
        columns.authors[left],
        columns.categories[left],
        columns.sources[left],
    )


def _found(hour: _Hour, persona: Persona, world: World, seen: frozenset[int]) -> Found:
    """The sources of the feed over the whole shelf."""
    tags, categories = set(followed(persona)[0]), set(followed(persona)[1])
    lists: dict[Recall, Sequence[int]] = {
        Recall.PERSONA: _near(persona, hour.columns.told.vectors, world, seen),
        Recall.FOLLOWED: [
            number
            for number, item in enumerate(world.items)
            if number not in seen
            and (item.match.category in categories or not tags.isdisjoint(item.match.tags))
        ][:EACH],
        Recall.POPULAR: [one for one in hour.popular if one not in seen][:EACH],
        Recall.EXPLORE: [one for one in hour.unexplored if one not in seen][:EACH],
    }
    wanted: dict[int, tuple[Recall, ...]] = dict.fromkeys(range(len(world.items)), ())
    return Found(wanted, strengths(lists, list(wanted)))


def _near(persona: Persona, vectors: Vectors, world: World, seen: frozenset[int]) -> list[int]:
    """The nearest items of each interest centre, in turn."""
    if not persona.centre_shares:
        return []
    closeness = vectors @ world.corpus.centre(persona.centres).T
    closeness[sorted(seen)] = -np.inf
    places = np.argsort(-closeness, axis=0)[: EACH // 2]
    return list(dict.fromkeys(int(one) for one in places.ravel()))[:EACH]


def _shelved(number: int, item: Item) -> ShelfItem:
    match, at = item.match, item.match.published_at
    made = at or START
    author = item.traits.authors[0] if item.traits.authors else ""
    card = ItemCard(
        id=number, kind="pgc", form="article", state="published", title=item.title, summary="",
        text="", author=author, category=match.category, cover="", source="samples",
        source_trusted=True, quality=match.quality, version=1, content_hash="",
        duplicate_of=None, created_at=made, updated_at=made, published_at=at,
    )  # fmt: skip
    return ShelfItem(match, item.title, author, "pgc", "samples", (number,), True, card)
