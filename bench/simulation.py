"""Does the loop learn? 21 days x 12 groups of simulated readers, three ways of choosing.

Each day every group gets one item in its slot, chosen by (a) our matching with personas that
learn from this run's events, (b) chance, (c) clicks so far over all groups. Same readers,
same seeds; nothing is told to a group twice. Our code sees names, descriptions, tags, prices
and events: never a hidden taste. It runs the product's own persona and matching functions.

    python -m bench.simulation [--seeds 5] [--days 21] [--members 60]
"""

from __future__ import annotations

import argparse
import csv
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from contentcenter.domain.categories import category_code
from contentcenter.domain.events import EventKind
from contentcenter.embedding.ports import Embedder, Vectors
from recommend.corpus import CorpusView, measure
from recommend.match_features import MatchItem, UsualRate, audience_features, item_features
from recommend.match_settings import MatchSettings
from recommend.matching import eligible, score_matrix
from recommend.persona_math import (
    Blending,
    Centres,
    Declared,
    ItemFacts,
    Learned,
    LearnEvent,
    PersonaSettings,
    blend,
    learn,
)
from recommend.persona_math.decay import day_number
from recommend.signals import Response, Signal, add_response
from sandbox.readers import (
    ReaderMessage,
    ReaderModel,
    group_taste,
    react,
    reader_of,
    remember,
    stable_seed,
)
from sandbox.topics import topics_of

SAMPLES = Path(__file__).parents[1] / "samples"
CACHE = Path("var/cache")
START = datetime(2026, 11, 1, tzinfo=UTC)
LOCAL_HOURS = timedelta(hours=8)
MEASURED_DAYS = 7


@dataclass(frozen=True)
class Item:
    """One sample item: what readers meet, and what the product knows."""

    match: MatchItem
    title: str
    text: str
    topics: dict[str, float]


@dataclass(frozen=True)
class Group:
    """One sample group as the product knows it; `platform_ref` finds its hidden taste."""

    id: int
    platform_ref: str
    declared: Declared
    hour: int
    size: int


@dataclass(frozen=True)
class World:
    items: tuple[Item, ...]
    groups: tuple[Group, ...]
    corpus: CorpusView
    hidden: dict[str, Any]


@dataclass
class Memory:
    """What a run has learned so far: all from its own events."""

    learned: dict[int, Learned]
    signals: dict[int, Signal] = field(default_factory=dict)
    told: dict[int, set[int]] = field(default_factory=dict)
    shown: float = 0.0
    liked: float = 0.0
    events: int = 0


Choice = Callable[[World, Group, Memory, datetime, np.random.Generator], int]


@dataclass(frozen=True)
class DayResult:
    impressions: int
    clicks: int
    leaves: int
    orders: int


# --- the world -------------------------------------------------------------------------------


def load_world(embedder: Embedder, samples: Path = SAMPLES, limit: int | None = None) -> World:
    """Items, groups and vectors from the sample files."""
    raw = [*_books(samples), *_articles(samples)][:limit]
    texts = [f"{one['title']}\n{one['title']}\n{one['text'][:300]}" for one in raw]
    vectors = embedder.encode_passages(texts)
    titles = [one["title"] for one in raw[:64]]
    corpus = measure(str(embedder.identity()), vectors, embedder.encode_queries(titles))
    items = tuple(
        _item(number, one, vector)
        for number, (one, vector) in enumerate(zip(raw, vectors, strict=True))
    )
    described = json.loads((samples / "audiences.json").read_text(encoding="utf-8"))["audiences"]
    chosen = [one for one in described if one["kind"] == "group"]
    groups = tuple(
        _group(number, one, corpus, embedder) for number, one in enumerate(chosen, start=1)
    )
    hidden = json.loads((samples / "hidden_tastes.json").read_text(encoding="utf-8"))
    return World(items, groups, corpus, hidden)


def _books(samples: Path) -> list[dict[str, Any]]:
    with (samples / "books.csv").open(encoding="utf-8-sig", newline="") as file:
        return [
            {
                "title": row["书名"],
                "text": f"{row['书名']} {row['作者']} {row['内容简介']} {row['标签']}",
                "category": row["分类"],
                "tags": tuple(tag for tag in row["标签"].split(";") if tag),
                "price_fen": round(float(row["定价"]) * 100) if row["定价"] else None,
                "isbn": row["书号"].replace("-", ""),
            }
            for row in csv.DictReader(file)
        ]


def _articles(samples: Path) -> list[dict[str, Any]]:
    prices = {book["isbn"]: book["price_fen"] for book in _books(samples)}
    out = []
    for path in sorted((samples / "articles").glob("*.md")):
        _, head, body = path.read_text(encoding="utf-8").split("---", 2)
        meta = yaml.safe_load(head)
        known = [prices[str(isbn)] for isbn in meta.get("books", []) if prices.get(str(isbn))]
        out.append(
            {
                "title": meta["title"],
                "text": f"{meta.get('summary', '')} {body}",
                "category": meta.get("category", "other"),
                "tags": tuple(str(tag) for tag in meta.get("tags", [])),
                "price_fen": min(known) if known else None,
            }
        )
    return out


def _item(number: int, raw: dict[str, Any], vector: Vectors) -> Item:
    match = MatchItem(
        id=number,
        vector=vector,
        category=category_code(raw["category"]) or "other",
        tags=raw["tags"],
        price_fen=raw["price_fen"],
        published_at=START - timedelta(days=30),
        quality=0.5,
    )
    topics = topics_of(f"{raw['title']} {raw['title']} {raw['text']}")
    return Item(match, raw["title"], raw["text"], dict(topics))


def _group(number: int, raw: dict[str, Any], corpus: CorpusView, embedder: Embedder) -> Group:
    texts = [f"{raw['name']}。{raw['description']}", "、".join([*raw["tags"], *raw["categories"]])]
    declared = Declared(
        vectors=corpus.shift_query(embedder.encode_queries(texts)),
        categories=tuple(raw["categories"]),
        tags=tuple(raw["tags"]),
        ceiling_fen=raw["price_ceiling_fen"],
        size=raw["size"],
    )
    hour = int(raw["slots"][0]["time"].split(":")[0])
    return Group(number, raw["chat_id"], declared, hour, raw["size"])


# --- the three ways of choosing ---------------------------------------------------------------


def ours(settings: MatchSettings | None = None, rules: PersonaSettings | None = None) -> Choice:
    """The product's matching with personas that learn from this run."""
    weights, personas = settings or MatchSettings(), rules or PersonaSettings()

    def choose(
        world: World, group: Group, memory: Memory, now: datetime, _: np.random.Generator
    ) -> int:
        source = Blending(group.declared, memory.learned[group.id])
        persona = blend(source, day_number(now), personas)
        who = audience_features([group.id], [persona], world.corpus, weights)
        usual = UsualRate((memory.liked + 5.0) / (memory.shown + 100.0))
        items = item_features(_with_signals(world, memory), world.corpus, now, usual, weights)
        total = score_matrix(items, who, weights).total[:, 0]
        fits = eligible(items, who)[:, 0]
        total = np.where(fits, total, -np.inf)
        total[sorted(memory.told[group.id])] = -np.inf
        return int(np.argmax(total))

    return choose


def by_chance(
    world: World, group: Group, memory: Memory, _: datetime, rng: np.random.Generator
) -> int:
    open_items = [n for n in range(len(world.items)) if n not in memory.told[group.id]]
    return int(rng.choice(open_items))


def most_popular(
    world: World, group: Group, memory: Memory, _: datetime, rng: np.random.Generator
) -> int:
    """Most clicks so far, whoever clicked; chance among those nobody was shown."""
    open_items = [n for n in range(len(world.items)) if n not in memory.told[group.id]]
    noise = rng.random(len(world.items))

    def clicks(number: int) -> tuple[float, float]:
        signal = memory.signals.get(number, Signal())
        return (signal.liked, float(noise[number]))

    return max(open_items, key=clicks)


def _with_signals(world: World, memory: Memory) -> list[MatchItem]:
    return [
        replace(item.match, shown=memory.signals[n].shown, liked=memory.signals[n].liked)
        if n in memory.signals
        else item.match
        for n, item in enumerate(world.items)
    ]


# --- a run ------------------------------------------------------------------------------------


def simulate(world: World, choose: Choice, seed: int, days: int, members: int) -> list[DayResult]:
    """One seeded run; readers leave, tire and remember as the twin's readers do."""
    readers = {group.id: _readers(world, group, seed, members) for group in world.groups}
    memory = Memory(
        {group.id: Learned(Centres.empty(world.corpus.dimension)) for group in world.groups}
    )
    memory.told = {group.id: set() for group in world.groups}
    rng = np.random.default_rng(stable_seed("choice", seed))
    results = []
    for day in range(days):
        results.append(_one_day(_Run(world, choose, memory, readers, rng), seed, day))
    return results


def _readers(world: World, group: Group, seed: int, members: int) -> list[ReaderModel]:
    taste = group_taste(group.platform_ref, world.hidden[group.platform_ref])
    return [
        reader_of(taste, np.random.default_rng(stable_seed(seed, group.platform_ref, number)))
        for number in range(min(members, group.size))
    ]


@dataclass(frozen=True)
class _Run:
    """What one run carries from day to day."""

    world: World
    choose: Choice
    memory: Memory
    readers: dict[int, list[ReaderModel]]
    rng: np.random.Generator


def _one_day(state: _Run, seed: int, day: int) -> DayResult:
    total = np.zeros(4, dtype=np.int64)
    for group in state.world.groups:
        now = START + timedelta(days=day, hours=group.hour) - LOCAL_HOURS
        number = state.choose(state.world, group, state.memory, now, state.rng)
        state.memory.told[group.id].add(number)
        luck = stable_seed(seed, day, group.id)
        kinds = _tell(state.world.items[number], group, state.readers, now, luck)
        _learn(state, group, number, now, kinds)
        wanted = ("impression", "click", "leave", "order")
        total += np.array([kinds.count(kind) for kind in wanted])
    return DayResult(*(int(one) for one in total))


def _tell(
    item: Item, group: Group, readers: dict[int, list[ReaderModel]], now: datetime, seed: int
) -> list[str]:
    """Every reader of the group meets the item; returns what happened, in order."""
    message = ReaderMessage(
        item.title, item.text, item.match.price_fen, group.hour, now.timestamp(), item.topics
    )
    kinds: list[str] = []
    stay = []
    rng = np.random.default_rng(seed)
    for reader in readers[group.id]:
        actions = [action.kind for action in react(reader, message, rng)]
        kinds += actions
        if "leave" not in actions:
            stay.append(remember(reader, message) if actions else reader)
    readers[group.id] = stay
    return kinds


def _learn(state: _Run, group: Group, number: int, now: datetime, kinds: Sequence[str]) -> None:
    memory, item = state.memory, state.world.items[number].match
    facts = ItemFacts(item.vector, item.category, item.tags, item.price_fen)
    events = []
    for kind in kinds:
        memory.events += 1
        told = None if kind == "leave" else facts
        events.append(LearnEvent(memory.events, EventKind(kind), now, group.hour, told))
        if told is not None:
            signal = memory.signals.get(number, Signal())
            memory.signals[number] = add_response(signal, Response(number, EventKind(kind), now))
    memory.shown += kinds.count("impression")
    memory.liked += kinds.count("click")
    memory.learned[group.id] = learn(memory.learned[group.id], events, state.world.corpus)


def click_rate(results: Sequence[DayResult], last: int = MEASURED_DAYS) -> float:
    """Clicks per impression of the last days."""
    tail = results[-last:]
    return sum(day.clicks for day in tail) / max(sum(day.impressions for day in tail), 1)


def silent(world: World) -> World:
    """The same world with nothing declared but the price ceilings: all has to be learned."""
    nothing = np.zeros((0, world.corpus.dimension), dtype=np.float32)
    groups = tuple(
        replace(
            group,
            declared=Declared(
                nothing, ceiling_fen=group.declared.ceiling_fen, size=group.declared.size
            ),
        )
        for group in world.groups
    )
    return replace(world, groups=groups)


def without_learning(
    world: World, group: Group, memory: Memory, now: datetime, rng: np.random.Generator
) -> int:
    """Our matching by what was declared alone: what learning has to beat."""
    blank = Memory({group.id: Learned(Centres.empty(world.corpus.dimension))}, told=memory.told)
    return ours()(world, group, blank, now, rng)


def compare(world: World, seeds: Sequence[int], days: int, members: int) -> dict[str, Any]:
    """Click rates of the last week over the seeds: the three ways, and two ablations."""
    ways: dict[str, tuple[World, Choice]] = {
        "ours": (world, ours()),
        "random": (world, by_chance),
        "popular": (world, most_popular),
        "declared_only": (world, without_learning),
        "learned_only": (silent(world), ours()),
    }
    rates: dict[str, list[float]] = {}
    leaves: dict[str, int] = {}
    for name, (where, choose) in ways.items():
        runs = [simulate(where, choose, seed, days, members) for seed in seeds]
        rates[name] = [click_rate(one) for one in runs]
        leaves[name] = sum(day.leaves for one in runs for day in one)
    mean = {name: float(np.mean(values)) for name, values in rates.items()}
    return {
        "click_rate": {name: round(value, 4) for name, value in mean.items()},
        "spread": {name: round(float(np.std(values)), 4) for name, values in rates.items()},
        "times_random": round(mean["ours"] / mean["random"], 3),
        "times_popular": round(mean["ours"] / mean["popular"], 3),
        "learned_only_times_random": round(mean["learned_only"] / mean["random"], 3),
        "leaves": leaves,
    }


def run(seeds: int = 5, days: int = 21, members: int = 60) -> dict[str, Any]:
    """The whole measurement on the sample files with the bundled model."""
    from contentcenter.embedding.sentence import SentenceEmbedder

    begin = time.perf_counter()
    world = load_world(SentenceEmbedder(cache_dir=CACHE, device="cpu"))
    result = compare(world, range(101, 101 + seeds), days, members)
    seconds = round(time.perf_counter() - begin, 1)
    return {**result, "items": len(world.items), "seeds": seeds, "seconds": seconds}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--days", type=int, default=21)
    parser.add_argument("--members", type=int, default=60)
    options = parser.parse_args()
    print(json.dumps(run(options.seeds, options.days, options.members)))


if __name__ == "__main__":
    main()
