"""Ways of choosing: ours, its parts switched off, and what a shop would do otherwise."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from bench.simulation_run import Asked, Memory, Way
from bench.simulation_world import Group, World
from contentcenter.embedding.ports import Vectors
from recommend.events.signals import Signal
from recommend.matching.features import MatchItem, UsualRate, audience_features, item_features
from recommend.matching.scores import eligible, score_matrix
from recommend.matching.settings import MatchSettings
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


def ours(settings: MatchSettings | None = None, rules: PersonaSettings | None = None) -> Way:
    """The product's matching with personas that learn from this run."""
    weights, personas = settings or MatchSettings(), rules or PersonaSettings()

    def score(world: World, memory: Memory, asked: Asked, _: np.random.Generator) -> np.ndarray:
        persona = _persona(world, memory, asked, personas)
        who = audience_features([asked.group.id], [persona], world.corpus, weights)
        usual = UsualRate((memory.liked + 5.0) / (memory.shown + 100.0))
        items = item_features(_with_signals(world, memory), world.corpus, asked.now, usual, weights)
        total = score_matrix(items, who, weights).total[:, 0]
        return np.where(eligible(items, who)[:, 0], total, -np.inf)

    return score


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


def _persona(world: World, memory: Memory, asked: Asked, rules: PersonaSettings) -> Persona:
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


def _with_signals(world: World, memory: Memory) -> list[MatchItem]:
    return [
        replace(item.match, shown=memory.signals[n].shown, liked=memory.signals[n].liked)
        if n in memory.signals
        else item.match
        for n, item in enumerate(world.items)
    ]
