"""Ways of choosing: ours, its parts switched off, and what a shop would do otherwise."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

import numpy as np

from bench.simulation_run import Asked, Memory, Way
from bench.simulation_world import Group, World
from contentcenter.embedding.ports import Vectors
from recommend.events.signals import Signal
from recommend.matching.echo import Remembered
from recommend.matching.features import MatchItem, UsualRate, audience_features, item_features
from recommend.matching.memory import recalled
from recommend.matching.replay import PastItem, remembered_of
from recommend.matching.scores import ItemFeatures, eligible, score_matrix
from recommend.matching.settings import MatchSettings
from recommend.matching.traits import TraitRows, TraitStatistics, measure_traits, trait_rows
from recommend.persona_math import (
    Blending,
    Centres,
    Declared,
    Learned,
    Persona,
    PersonaSettings,
    blend,
)
from recommend.persona_math.decay import day_number

MakeWay = Callable[[], Way]


def ours(
    settings: MatchSettings | None = None,
    rules: PersonaSettings | None = None,
    *,
    echo: bool = True,
) -> Way:
    """The product's matching with personas that learn from this run. Posts are also scored by
    what their group answered to (`echo`), pages of the app are not: as in the product."""
    weights, personas = settings or MatchSettings(), rules or PersonaSettings()
    columns, remembered = _Columns(weights), _Echo()

    def score(world: World, memory: Memory, asked: Asked, _: np.random.Generator) -> np.ndarray:
        persona = persona_of(world, memory, asked, personas)
        items, held = columns.of(world, memory, asked), None
        if echo and asked.member is None:
            held = remembered.of(world, memory, asked)
            items = replace(items, traits=remembered.rows(world))
        ids = [asked.group.id]
        who = audience_features(ids, [persona], world.corpus, weights, memory=held)
        total = score_matrix(items, who, weights).total[:, 0]
        return np.where(eligible(items, who)[:, 0], total, -np.inf)

    return score


def without_echo() -> Way:
    return ours(echo=False)


def without_rising() -> Way:
    """Ours as it would be without following what was answered lately."""
    return ours(MatchSettings(rising=0.0, rising_centre=0.0))


class _Echo:
    """What groups answered to, as matching reads it. How many answered an item is no trait
    here; no co-reading model is trained on three weeks of one shop."""

    def __init__(self) -> None:
        self._laid: tuple[TraitStatistics, TraitRows] | None = None

    def rows(self, world: World) -> TraitRows:
        return self._measured(world)[1]

    def of(self, world: World, memory: Memory, asked: Asked) -> Remembered:
        weights = recalled(memory.answers.get(asked.group.id, {}), day_number(asked.now))
        items = [PastItem(world.items[n].match, world.items[n].traits) for n in sorted(weights)]
        return remembered_of(items, [weights], world.corpus, self._measured(world)[0])

    def _measured(self, world: World) -> tuple[TraitStatistics, TraitRows]:
        if self._laid is None:
            traits = [item.traits for item in world.items]
            known = measure_traits(traits)
            self._laid = known, trait_rows(traits, known)
        return self._laid


class _Columns:
    """Item columns: anew for every post; all pages of one hour in the app are ranked with the
    counts that stood when the first of them was opened."""

    def __init__(self, weights: MatchSettings) -> None:
        self._weights = weights
        self._kept: tuple[datetime, ItemFeatures] | None = None

    def of(self, world: World, memory: Memory, asked: Asked) -> ItemFeatures:
        if asked.member is None:
            return self._measured(world, memory, asked.now)
        if self._kept is None or self._kept[0] != asked.now:
            self._kept = (asked.now, self._measured(world, memory, asked.now))
        return self._kept[1]

    def _measured(self, world: World, memory: Memory, now: datetime) -> ItemFeatures:
        usual = UsualRate((memory.liked + 5.0) / (memory.shown + 100.0))
        return item_features(with_signals(world, memory), world.corpus, now, usual, self._weights)


def declared_only() -> Way:
    """Our matching by what was declared alone: what learning has to beat."""
    choose = ours()

    def score(world: World, memory: Memory, asked: Asked, rng: np.random.Generator) -> np.ndarray:
        blank = {group.id: _nothing(world) for group in world.groups}
        return choose(world, Memory(blank, told=memory.told), asked, rng)

    return score


def by_chance() -> Way:
    def score(world: World, _: Memory, __: Asked, rng: np.random.Generator) -> np.ndarray:
        return rng.random(len(world.items))

    return score


def most_popular() -> Way:
    """Most clicks so far, whoever clicked; chance among those nobody was shown."""

    def score(world: World, memory: Memory, _: Asked, rng: np.random.Generator) -> np.ndarray:
        clicks = [memory.signals.get(n, Signal()).liked for n in range(len(world.items))]
        return np.array(clicks) + 1e-6 * rng.random(len(world.items))

    return score


def persona_of(world: World, memory: Memory, asked: Asked, rules: PersonaSettings) -> Persona:
    """Of a group, or of one of its members in the app."""
    day = day_number(asked.now)
    group = blend(Blending(asked.group.declared, memory.learned[asked.group.id]), day, rules)
    if asked.member is None:
        return group
    learned = memory.members.get((asked.group.id, asked.member), _nothing(world))
    return blend(Blending(_said(asked.group, group), learned), day, rules)


def _said(group: Group, persona: Persona) -> Declared:
    """What stands in for a member nobody knows: the strongest interest of the group."""
    strongest = persona.centres[:1]
    if persona.centre_shares:
        strongest = persona.centres[int(np.argmax(persona.centre_shares))][None, :]
    liked = tuple(sorted(name for name, weight in persona.categories.items() if weight > 0.3))
    tags = tuple(sorted(name for name, weight in persona.tags.items() if weight > 0.3))[:20]
    vectors: Vectors = strongest
    return Declared(vectors, liked, tags, ceiling_fen=group.declared.ceiling_fen)


def _nothing(world: World) -> Learned:
    return Learned(Centres.empty(world.corpus.dimension))


def with_signals(world: World, memory: Memory) -> list[MatchItem]:
    """All items with what was heard of them so far."""
    return [
        replace(item.match, shown=memory.signals[n].shown, liked=memory.signals[n].liked)
        if n in memory.signals
        else item.match
        for n, item in enumerate(world.items)
    ]
