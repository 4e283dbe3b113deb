"""Simulated readers: pure arithmetic, seeded, without clock, network or storage.

An audience has a hidden taste; its readers are drawn around it. What a reader does with a
message follows the formulas in docs/sandbox.md. Numbers here are a plausible world, not a
measured one; they are kept so that matching pays and boring people costs.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from sandbox.topics import TOPICS, topics_of

MEMORY = 12
HALF_LIFE_SECONDS = 2 * 86400.0
_PRICE = re.compile(r"[¥￥]\s*(\d{1,5}(?:\.\d{1,2})?)|(\d{1,5}(?:\.\d{1,2})?)\s*元")


@dataclass(frozen=True)
class GroupTaste:
    """The hidden taste of an audience. topics: positive weights; hours: local, 0..23."""

    topics: Mapping[str, float]
    budget_fen: int = 5000
    price_sensitivity: float = 0.5
    activity: float = 0.5
    hours: tuple[int, ...] = (12, 13, 20, 21, 22)
    patience: float = 6.0


@dataclass(frozen=True)
class Memory:
    """What a reader still has in mind. fatigue halves every two days."""

    fatigue: float = 0.0
    at: float = 0.0
    seen: tuple[str, ...] = ()
    leading: tuple[str, ...] = ()


@dataclass(frozen=True)
class ReaderModel:
    """One reader's hidden self: taste adds up to 1, budget in fen, the rest in 0..1."""

    taste: Mapping[str, float]
    budget_fen: int
    price_sensitivity: float
    activity: float
    hours: tuple[int, ...]
    patience: float
    memory: Memory = field(default_factory=Memory)


@dataclass(frozen=True)
class ReaderMessage:
    """A message as a reader meets it. at: epoch seconds; topics may be given to save work."""

    title: str
    text: str
    price_fen: int | None
    hour: int
    at: float = 0.0
    topics: Mapping[str, float] | None = None

    def about(self) -> Mapping[str, float]:
        if self.topics is not None:
            return self.topics
        return topics_of(f"{self.title} {self.title} {self.text}")

    def fingerprint(self) -> str:
        return hashlib.sha256(f"{self.title}|{self.text}".encode()).hexdigest()[:12]


@dataclass(frozen=True)
class Action:
    """kind: impression, click, favourite, cart, order or leave. delay in seconds."""

    kind: str
    delay: float
    value_fen: int = 0


def group_taste(name: str, hidden: Mapping[str, Any]) -> GroupTaste:
    """The taste an administrator set, with stable made-up values for what is missing."""
    draw = np.random.default_rng(stable_seed(name))
    topics = hidden.get("topics") or made_topics(draw)
    return GroupTaste(
        topics={str(topic): float(weight) for topic, weight in dict(topics).items()},
        budget_fen=int(hidden.get("budget_fen", draw.integers(30, 90) * 100)),
        price_sensitivity=float(hidden.get("price_sensitivity", draw.uniform(0.3, 0.8))),
        activity=float(hidden.get("activity", draw.uniform(0.35, 0.65))),
        hours=tuple(int(hour) for hour in hidden.get("hours", (12, 13, 20, 21, 22))),
        patience=float(hidden.get("patience", draw.uniform(4, 8))),
    )


def made_topics(draw: np.random.Generator) -> dict[str, float]:
    """Three favourite topics with falling weights."""
    names = draw.choice(sorted(TOPICS), size=3, replace=False)
    return {str(name): weight for name, weight in zip(names, (0.6, 0.25, 0.15), strict=True)}


def reader_of(group: GroupTaste, rng: np.random.Generator) -> ReaderModel:
    """One reader around the group's taste (Dirichlet with concentration 8 plus a bit of
    everything)."""
    names = sorted(TOPICS)
    total = sum(group.topics.values()) or 1.0
    shares = np.array([group.topics.get(name, 0.0) / total for name in names])
    drawn = rng.dirichlet(8.0 * shares + 0.02)
    return ReaderModel(
        taste={name: float(weight) for name, weight in zip(names, drawn, strict=True)},
        budget_fen=int(group.budget_fen * math.exp(rng.normal(0, 0.3))),
        price_sensitivity=_between(group.price_sensitivity + rng.normal(0, 0.1), 0.0, 1.0),
        activity=_between(group.activity + rng.normal(0, 0.15), 0.05, 0.98),
        hours=group.hours,
        patience=max(1.0, group.patience + float(rng.normal(0, 1.0))),
    )


def affinity(reader: ReaderModel, topics: Mapping[str, float]) -> float:
    """How well a message meets a taste, 0..1: topic shares times taste over its peak."""
    peak = max(reader.taste.values(), default=0.0) or 1.0
    return sum(share * reader.taste.get(topic, 0.0) / peak for topic, share in topics.items())


def click_probability(reader: ReaderModel, message: ReaderMessage) -> float:
    """The chance that a reader who sees the message opens it."""
    topics = message.about()
    score = -4.4 + 4.6 * affinity(reader, topics) + 1.2 * (reader.activity - 0.5)
    score -= 2.4 * reader.price_sensitivity * _too_dear(reader, message.price_fen)
    score += 0.3 if message.hour in reader.hours else -0.5
    score -= 1.4 * _tired(reader, message.at) / reader.patience
    if message.fingerprint() in reader.memory.seen:
        score -= 2.5
    score -= 0.35 * sum(1 for topic in reader.memory.leading[-5:] if topic == _leading(topics))
    return 1.0 / (1.0 + math.exp(-score))


def leave_probability(reader: ReaderModel, message: ReaderMessage) -> float:
    """The chance that this message is the one too many."""
    over = max(0.0, _tired(reader, message.at) / reader.patience - 1.0)
    repeated = message.fingerprint() in reader.memory.seen
    boredom = 1.0 - min(1.0, affinity(reader, message.about()))
    return min(0.2, 0.0003 + 0.0015 * boredom + 0.01 * over + (0.006 if repeated else 0.0))


def react(reader: ReaderModel, message: ReaderMessage, rng: np.random.Generator) -> list[Action]:
    """What the reader does, in order; [] when the message is not even seen."""
    seen = reader.activity * (1.0 if message.hour in reader.hours else 0.6)
    if rng.random() > seen:
        return []
    first = float(rng.exponential(240.0)) + 2.0
    actions = [Action("impression", first)]
    if rng.random() < click_probability(reader, message):
        opened = first + float(rng.uniform(2, 20))
        actions.append(Action("click", opened))
        actions += _after_click(reader, message, opened, rng)
    if rng.random() < leave_probability(reader, message):
        actions.append(Action("leave", actions[-1].delay + float(rng.uniform(5, 60))))
    return actions


def remember(reader: ReaderModel, message: ReaderMessage) -> ReaderModel:
    """The reader after the message: more tired, and it has been seen."""
    memory = reader.memory
    leading = _leading(message.about())
    return replace(
        reader,
        memory=Memory(
            fatigue=_tired(reader, message.at) + 1.0,
            at=max(message.at, memory.at),
            seen=(*memory.seen, message.fingerprint())[-MEMORY:],
            leading=(*memory.leading, leading)[-MEMORY:] if leading else memory.leading,
        ),
    )


def price_in(text: str) -> int | None:
    """The first price named in a text (¥39.80 or 39.8元), in fen."""
    found = _PRICE.search(text)
    if found is None:
        return None
    return round(float(found.group(1) or found.group(2)) * 100)


def stable_seed(*parts: object) -> int:
    digest = hashlib.sha256("/".join(str(part) for part in parts).encode()).digest()
    return int.from_bytes(digest[:8], "big")


def _after_click(
    reader: ReaderModel, message: ReaderMessage, opened: float, rng: np.random.Generator
) -> list[Action]:
    match = min(1.0, affinity(reader, message.about()))
    afford = math.exp(-2.0 * reader.price_sensitivity * _too_dear(reader, message.price_fen))
    later = opened + float(rng.uniform(10, 90))
    actions = []
    if rng.random() < 0.06 + 0.20 * match:
        actions.append(Action("favourite", later))
    if rng.random() < (0.04 + 0.22 * match) * afford:
        later += float(rng.uniform(5, 60))
        actions.append(Action("cart", later))
        if rng.random() < 0.45 * afford:
            value = message.price_fen or int(reader.budget_fen * 0.6)
            actions.append(Action("order", later + float(rng.uniform(20, 300)), value))
    return actions


def _too_dear(reader: ReaderModel, price_fen: int | None) -> float:
    """How far a price lies above the budget: 0 within it, at most 2."""
    if price_fen is None:
        return 0.0
    return min(2.0, max(0.0, price_fen / max(reader.budget_fen, 1) - 1.0))


def _tired(reader: ReaderModel, at: float) -> float:
    passed = max(0.0, at - reader.memory.at)
    return float(reader.memory.fatigue * 0.5 ** (passed / HALF_LIFE_SECONDS))


def _leading(topics: Mapping[str, float]) -> str:
    return max(topics, key=lambda topic: topics[topic]) if topics else ""


def _between(value: float, low: float, high: float) -> float:
    return float(min(high, max(low, value)))
