"""The hidden side of the simulated shop: how readers would answer every item, all at once.

Vectorised twins of `sandbox.readers`: what an item could earn with a group on a day, which
no way of choosing gets to see. A test compares them with the reader model, reader by reader.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from bench.simulation_world import Group, Item, World
from sandbox.readers import HALF_LIFE_SECONDS, ReaderModel, group_taste, reader_of, stable_seed
from sandbox.topics import TOPICS

Numbers = npt.NDArray[np.float64]
NAMES = tuple(sorted(TOPICS))
COLUMN = {name: index for index, name in enumerate(NAMES)}


@dataclass(frozen=True)
class Shelfful:
    """Items as readers meet them: topic shares (n, topics), price in fen (nan: none)."""

    topics: Numbers
    prices: Numbers
    leading: npt.NDArray[np.int64]  # -1: about nothing in particular

    @classmethod
    def of(cls, items: Sequence[Item]) -> Shelfful:
        topics = np.zeros((len(items), len(NAMES)))
        for row, item in enumerate(items):
            for name, share in item.topics.items():
                topics[row, COLUMN[name]] = share
        prices = [np.nan if one.match.price_fen is None else one.match.price_fen for one in items]
        leading = np.where(topics.sum(axis=1) > 0, topics.argmax(axis=1), -1)
        return cls(topics, np.array(prices, dtype=np.float64), leading)


def chances(
    shelf: Shelfful, readers: Sequence[ReaderModel], hour: int, at: float
) -> tuple[Numbers, Numbers]:
    """Chance of a click (items, readers) if seen, and of seeing at all (readers,). As
    `sandbox.readers.click_probability` for items that the reader has not met."""
    activity = np.array([one.activity for one in readers])
    there = np.array([hour in one.hours for one in readers])
    patience = np.array([one.patience for one in readers])
    score = -4.4 + 4.6 * _affinity(shelf, readers) + 1.2 * (activity - 0.5)
    score -= 2.4 * _dear(shelf, readers) + 1.4 * _tired(readers, at) / patience
    score += np.where(there, 0.3, -0.5) - 0.35 * _repeats(shelf, readers)
    return 1.0 / (1.0 + np.exp(-score)), activity * np.where(there, 1.0, 0.6)


def click_rates(shelf: Shelfful, readers: Sequence[ReaderModel], hour: int, at: float) -> Numbers:
    """Expected clicks per impression of every item (items,) with these readers now."""
    if not readers:
        return np.zeros(len(shelf.prices))
    click, seen = chances(shelf, readers, hour, at)
    rates: Numbers = click @ seen / seen.sum()
    return rates


def members_of(world: World, group: Group, seed: int, count: int) -> list[ReaderModel]:
    """The same readers for the same seed, whatever is chosen for them."""
    taste = group_taste(group.platform_ref, world.hidden[group.platform_ref])
    return [
        reader_of(taste, np.random.default_rng(stable_seed(seed, group.platform_ref, number)))
        for number in range(min(count, group.size))
    ]


def with_new_taste(reader: ReaderModel, topic: str, share: float) -> ReaderModel:
    """The reader with a new interest that takes `share` of what there was."""
    taste: Mapping[str, Any] = {
        name: weight * (1.0 - share) + share * (name == topic)
        for name, weight in reader.taste.items()
    }
    return replace(reader, taste=taste)


def _affinity(shelf: Shelfful, readers: Sequence[ReaderModel]) -> Numbers:
    taste = np.array([[one.taste.get(name, 0.0) for name in NAMES] for one in readers])
    affinity: Numbers = shelf.topics @ (taste / taste.max(axis=1, keepdims=True)).T
    return affinity


def _dear(shelf: Shelfful, readers: Sequence[ReaderModel]) -> Numbers:
    budget = np.array([max(one.budget_fen, 1) for one in readers])
    over = np.clip(shelf.prices[:, None] / budget[None, :] - 1.0, 0.0, 2.0)
    minded: Numbers = np.nan_to_num(over) * np.array([one.price_sensitivity for one in readers])
    return minded


def _tired(readers: Sequence[ReaderModel], at: float) -> Numbers:
    fatigue = np.array([one.memory.fatigue for one in readers])
    passed = np.array([max(0.0, at - one.memory.at) for one in readers])
    tired: Numbers = fatigue * 0.5 ** (passed / HALF_LIFE_SECONDS)
    return tired


def _repeats(shelf: Shelfful, readers: Sequence[ReaderModel]) -> Numbers:
    counts = np.zeros((len(readers), len(NAMES)))
    for row, one in enumerate(readers):
        for topic in one.memory.leading[-5:]:
            if topic:
                counts[row, COLUMN[topic]] += 1
    repeats: Numbers = np.where(shelf.leading[:, None] >= 0, counts.T[shelf.leading], 0.0)
    return repeats
