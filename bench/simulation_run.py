"""21 days x 12 groups of simulated readers: how each way of choosing fares, day by day.

Each day every group gets one item in its slot; some members open the app and look at a page.
Nothing is told to a group twice. Ways of choosing see names, descriptions, tags, prices and
events of their own run, never a hidden taste; readers, seeds and luck are the same for all.
The regret of a day is what the best item still open would have earned (expected clicks per
impression of these readers, `simulation_readers.click_rates`) less what the chosen one did.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol

import numpy as np
from scipy.stats import t

from bench.simulation_readers import (
    NAMES,
    Shelfful,
    chances,
    click_rates,
    members_of,
    with_new_taste,
)
from bench.simulation_world import LOCAL_HOURS, START, Group, Item, World
from contentcenter.domain.events import EventKind
from recommend.events.signals import Response, Signal, add_response
from recommend.matching.memory import Answer, Trace
from recommend.matching.memory import remember as remember_answers
from recommend.persona_math import Centres, ItemFacts, Learned, LearnEvent, learn
from sandbox.readers import ReaderMessage, react, remember, stable_seed

APP_PAGE = 8
APP_HOUR = 13
MEASURED_DAYS = 7


@dataclass
class Memory:
    """What a run has learned so far: all from its own events."""

    learned: dict[int, Learned]
    members: dict[tuple[int, int], Learned] = field(default_factory=dict)
    signals: dict[int, Signal] = field(default_factory=dict)
    answers: dict[int, dict[int, Trace]] = field(default_factory=dict)
    told: dict[int, set[int]] = field(default_factory=dict)
    seen: dict[tuple[int, int], set[int]] = field(default_factory=dict)
    shown: float = 0.0
    liked: float = 0.0
    events: int = 0


@dataclass(frozen=True)
class Asked:
    """For whom an item is chosen: a group (`member` None), or one member in the app."""

    group: Group
    now: datetime
    member: int | None = None


class Feed(Protocol):
    """Fills the pages of the app in place of a way of choosing."""

    def page(
        self, world: World, memory: Memory, asked: Asked, seen: frozenset[int], size: int
    ) -> list[int]:
        """Items of one page, best place first."""

    def heard(self, asked: Asked, did: Sequence[tuple[int, str]]) -> None:
        """What the member did with the last page: (item, kind of event), in order."""

    def night(self, day: int) -> None:
        """The day is over."""


# Scores of all items for whom is asked; the best that are still open are taken.
Way = Callable[[World, Memory, Asked, np.random.Generator], np.ndarray]


@dataclass(frozen=True)
class NewTaste:
    """From `day` on, the readers of some groups also like `topics[group id]`."""

    day: int
    topics: Mapping[int, str]
    share: float = 0.5


@dataclass(frozen=True)
class Setting:
    """`openings`, `searches`: the shares of members who open the app, and who look for
    something there, on a day; `member_share`: how much of that the group's persona learns
    (0: nothing)."""

    days: int = 21
    members: int = 60
    openings: float = 0.0
    searches: float = 0.0
    member_share: float = 0.0
    new_taste: NewTaste | None = None


@dataclass(frozen=True)
class Told:
    """One post: what it was, what it could have been, what came of it."""

    day: int
    group: int
    item: int
    expected: float
    best: float
    impressions: int
    clicks: int
    leaves: int
    orders: int


@dataclass(frozen=True)
class Page:
    """One page of the app: clicks that came, that were to be expected, and of the best page."""

    day: int
    clicks: int
    expected: float
    best: float


@dataclass(frozen=True)
class Ran:
    """What a run told groups, and the pages it filled."""

    told: list[Told]
    pages: list[Page]


class Simulation:
    """One seeded run of one way of choosing; `feed` fills the pages of the app, or the way."""

    def __init__(
        self, world: World, way: Way, seed: int, setting: Setting, feed: Feed | None = None
    ) -> None:
        self._feed = feed
        self.pages: list[Page] = []
        self._world = world
        self._way = way
        self._seed = seed
        self._setting = setting
        self._shelf = Shelfful.of(world.items)
        self._rng = np.random.default_rng(stable_seed("choice", seed))
        self._readers = {
            group.id: members_of(world, group, seed, setting.members) for group in world.groups
        }
        empty = Learned(Centres.empty(world.corpus.dimension))
        self.memory = Memory(
            {group.id: empty for group in world.groups},
            told={group.id: set() for group in world.groups},
        )

    def run(self) -> list[Told]:
        out: list[Told] = []
        for day in range(self._setting.days):
            self._change_tastes(day)
            for group in self._world.groups:
                self._open_app(day, group)
                out.append(self._tell(day, group))
            if self._feed is not None:
                self._feed.night(day)
        return out

    def _change_tastes(self, day: int) -> None:
        new = self._setting.new_taste
        if new is None or day != new.day:
            return
        for group, topic in new.topics.items():
            self._readers[group] = [
                with_new_taste(one, topic, new.share) for one in self._readers[group]
            ]

    # -- posts to groups ------------------------------------------------------------------

    def _tell(self, day: int, group: Group) -> Told:
        now = START + timedelta(days=day, hours=group.hour) - LOCAL_HOURS
        told = self.memory.told[group.id]
        scores = self._way(self._world, self.memory, Asked(group, now), self._rng)
        number = _best_open(scores, told, 1)[0]
        rates = click_rates(self._shelf, self._readers[group.id], group.hour, now.timestamp())
        best = max(rate for one, rate in enumerate(rates) if one not in told)
        told.add(number)
        kinds = self._meet(number, group, now, stable_seed(self._seed, day, group.id))
        self._learn(group, number, now, kinds)
        counts = [kinds.count(kind) for kind in ("impression", "click", "leave", "order")]
        return Told(day, group.id, number, float(rates[number]), float(best), *counts)

    def _meet(self, number: int, group: Group, now: datetime, luck: int) -> list[str]:
        """Every reader of the group meets the item; returns what happened, in order."""
        message = _message(self._world.items[number], group.hour, now)
        kinds: list[str] = []
        stay = []
        rng = np.random.default_rng(luck)
        for reader in self._readers[group.id]:
            actions = [action.kind for action in react(reader, message, rng)]
            kinds += actions
            if "leave" not in actions:
                stay.append(remember(reader, message) if actions else reader)
        self._readers[group.id] = stay
        return kinds

    def _learn(self, group: Group, number: int, now: datetime, kinds: Sequence[str]) -> None:
        events = [self._event(number, kind, now, group.hour) for kind in kinds]
        learned = self.memory.learned[group.id]
        self.memory.learned[group.id] = learn(learned, events, self._world.corpus)
        self._remember(group, [(number, kind) for kind in kinds if kind != "leave"], now)
        self._count(number, kinds, now)

    def _remember(self, group: Group, did: Sequence[tuple[int, str]], now: datetime) -> None:
        answers = [Answer(number, EventKind(kind), now) for number, kind in did]
        held = self.memory.answers.get(group.id, {})
        self.memory.answers[group.id] = remember_answers(held, answers)

    def _event(
        self, number: int, kind: str, now: datetime, hour: int, share: float = 1.0
    ) -> LearnEvent:
        self.memory.events += 1
        facts = None if kind == "leave" else _facts(self._world.items[number])
        return LearnEvent(self.memory.events, EventKind(kind), now, hour, facts, share)

    def _count(self, number: int, kinds: Sequence[str], now: datetime) -> None:
        memory = self.memory
        for kind in kinds:
            if kind != "leave":
                signal = memory.signals.get(number, Signal())
                event = Response(number, EventKind(kind), now)
                memory.signals[number] = add_response(signal, event)
        memory.shown += kinds.count("impression")
        memory.liked += kinds.count("click")

    # -- pages of the app -----------------------------------------------------------------

    def _open_app(self, day: int, group: Group) -> None:
        """Some members look at a page of their own, or for a book, before the group's slot."""
        if not self._setting.openings and not self._setting.searches:
            return
        now = START + timedelta(days=day, hours=APP_HOUR) - LOCAL_HOURS
        rng = np.random.default_rng(stable_seed("app", self._seed, day, group.id))
        readers = self._readers[group.id]
        opens = rng.random(len(readers)) < self._setting.openings
        click, _ = chances(self._shelf, readers, APP_HOUR, now.timestamp())
        did = [
            one
            for member in np.flatnonzero(opens)
            for one in self._page(Asked(group, now, int(member)), day, click[:, member], rng)
        ]
        did += self._searched(group, now, rng)
        if share := self._setting.member_share:
            told = [self._event(number, kind, now, APP_HOUR, share) for number, kind in did]
            learned = self.memory.learned[group.id]
            self.memory.learned[group.id] = learn(learned, told, self._world.corpus)
            self._remember(group, did, now)

    def _page(
        self, asked: Asked, day: int, click: np.ndarray, rng: np.random.Generator
    ) -> list[tuple[int, str]]:
        """What one member does with a page: (item, kind of event), in order."""
        group, member = asked.group, asked.member or 0
        seen = self.memory.seen.setdefault((group.id, member), set())
        page = self._chosen(asked, seen)
        best = np.sort(np.delete(click, sorted(seen)))[-APP_PAGE:].sum()
        seen.update(page)
        did = []
        for number in page:
            kinds = ["impression"] + ["click"] * int(rng.random() < click[number])
            self._count(number, kinds, asked.now)
            did += [(number, kind) for kind in kinds]
        self._learn_member(group, member, did, asked.now)
        if self._feed is not None:
            self._feed.heard(asked, did)
        clicks = sum(kind == "click" for _, kind in did)
        self.pages.append(Page(day, clicks, float(click[page].sum()), float(best)))
        return did

    def _chosen(self, asked: Asked, seen: set[int]) -> list[int]:
        if self._feed is not None:
            return self._feed.page(self._world, self.memory, asked, frozenset(seen), APP_PAGE)
        scores = self._way(self._world, self.memory, asked, self._rng)
        return _best_open(scores, seen, APP_PAGE)

    def _searched(
        self, group: Group, now: datetime, rng: np.random.Generator
    ) -> list[tuple[int, str]]:
        """Members look for a subject of their taste and open one of its items."""
        did = []
        readers = self._readers[group.id]
        for member in np.flatnonzero(rng.random(len(readers)) < self._setting.searches):
            taste = np.array([readers[member].taste.get(name, 0.0) for name in NAMES])
            about = self._shelf.topics[:, rng.choice(len(NAMES), p=taste / taste.sum())]
            if about.sum() > 0:
                number = int(rng.choice(len(about), p=about / about.sum()))
                self._count(number, ["click"], now)
                self._learn_member(group, int(member), [(number, "click")], now)
                did.append((number, "click"))
        return did

    def _learn_member(
        self, group: Group, member: int, did: Sequence[tuple[int, str]], now: datetime
    ) -> None:
        events = [self._event(number, kind, now, APP_HOUR) for number, kind in did]
        key, corpus = (group.id, member), self._world.corpus
        learned = self.memory.members.get(key) or Learned(Centres.empty(corpus.dimension))
        self.memory.members[key] = learn(learned, events, corpus)


def _best_open(scores: np.ndarray, closed: set[int], count: int) -> list[int]:
    open_scores = scores.astype(np.float64, copy=True)
    open_scores[sorted(closed)] = -np.inf
    return [int(one) for one in np.argsort(-open_scores, kind="stable")[:count]]


def _message(item: Item, hour: int, now: datetime) -> ReaderMessage:
    price = item.match.price_fen
    return ReaderMessage(item.title, item.text, price, hour, now.timestamp(), item.topics)


def _facts(item: Item) -> ItemFacts:
    match = item.match
    return ItemFacts(match.vector, match.category, match.tags, match.price_fen)


# --- figures ------------------------------------------------------------------------------


def click_rate(told: Sequence[Told], last: int = MEASURED_DAYS) -> float:
    """Clicks per impression of the last days."""
    start = max(one.day for one in told) + 1 - last
    tail = [one for one in told if one.day >= start]
    return sum(one.clicks for one in tail) / max(sum(one.impressions for one in tail), 1)


def regret(told: Sequence[Told]) -> list[float]:
    """Cumulative regret by day, mean over the groups: expected clicks per impression lost."""
    days = max(one.day for one in told) + 1
    lost = np.zeros(days)
    counts = np.zeros(days)
    for one in told:
        lost[one.day] += one.best - one.expected
        counts[one.day] += 1
    return [float(value) for value in np.cumsum(lost / np.maximum(counts, 1))]


def summary(runs: Sequence[Sequence[Told]]) -> dict[str, Any]:
    """Of several seeds: click rate of the last week and of all days, regret, leaves."""
    last = [click_rate(one) for one in runs]
    whole = [click_rate(one, 10_000) for one in runs]
    return {
        "click_rate": round(float(np.mean(last)), 4),
        "spread": round(float(np.std(last)), 4),
        "click_rate_all_days": round(float(np.mean(whole)), 4),
        "regret": round(float(np.mean([regret(one)[-1] for one in runs])), 4),
        "leaves": sum(told.leaves for one in runs for told in one),
    }


def page_rate(pages: Sequence[Page]) -> float:
    """Expected clicks of an entry of a page."""
    return sum(one.expected for one in pages) / max(len(pages), 1) / APP_PAGE


def page_summary(runs: Sequence[Sequence[Page]]) -> dict[str, Any]:
    """Of several seeds: expected clicks an entry, and of what the best open pages would earn."""
    whole = [one for pages in runs for one in pages]
    return {
        "click_rate": round(float(np.mean([page_rate(one) for one in runs])), 4),
        "of_best": round(sum(one.expected for one in whole) / sum(one.best for one in whole), 4),
        "pages": len(whole),
    }


def paired(first: Sequence[Sequence[Told]], second: Sequence[Sequence[Told]]) -> dict[str, Any]:
    """Differences seed by seed (same readers, same luck): mean and 95 % interval (Student)."""
    regrets = [regret(a)[-1] - regret(b)[-1] for a, b in zip(first, second, strict=True)]
    rates = [click_rate(a) - click_rate(b) for a, b in zip(first, second, strict=True)]
    return {"regret": interval(regrets), "click_rate": interval(rates)}


def interval(values: Sequence[float]) -> list[float]:
    """Mean and the ends of its 95 % interval by Student's t; of one value only the mean."""
    mean = float(np.mean(values))
    if len(values) < 2:
        return [round(mean, 4)]
    half = float(t.ppf(0.975, len(values) - 1)) * float(np.std(values, ddof=1)) / len(values) ** 0.5
    return [round(mean, 4), round(mean - half, 4), round(mean + half, 4)]
