"""Declared, learned and hand-set, mixed by confidence into one explainable persona."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from contentcenter.domain.categories import CATEGORIES
from contentcenter.embedding.ports import Vectors
from recommend.persona_math.learned import Learned
from recommend.persona_math.prices import (
    PriceAnswers,
    declared_sensitivity,
    elasticity,
    quantiles,
    sensitivity_of,
)
from recommend.persona_math.rising import risen, surely_risen
from recommend.persona_math.settings import PersonaSettings

FIELDS = (
    "interests",
    "categories",
    "tags",
    "price",
    "price_sensitivity",
    "reading_age",
    "active_hours",
    "fatigue",
)
FLAT_HOURS = tuple([1 / 24] * 24)
# Sales of Chinese trade books lie about here; replaced by declared or learned prices.
DEFAULT_BAND_FEN = (2_500, 3_900, 6_800)


@dataclass(frozen=True)
class PriceBand:
    """Quantiles of what this audience buys or looks at, in fen."""

    p20: int
    p50: int
    p80: int


@dataclass(frozen=True)
class Declared:
    """What people said about a subject. `vectors` (n, d) lie on the item side."""

    vectors: Vectors
    categories: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    ceiling_fen: int | None = None
    reading_age: int | None = None
    size: int = 1


@dataclass(frozen=True)
class Persona:
    """`centres` (k, d) raw directions with shares that sum to 1 (or none at all).

    Tag and category weights are affinities in -1..1; `response` holds (shown, liked) counts
    by category, `recent` how much of each category was shown lately. `confidence` (0..1) and
    `origin` (declared, learned, blended, override, default) name every field of `FIELDS`.
    `centre_evidence` (k,) is what each centre rests on, in weights of answers (empty: set by
    hand, nothing to doubt); `centre_rise` (k,) and `rising` (by category) say what was answered
    lately beyond the usual (see `rising`).
    """

    centres: Vectors
    centre_shares: tuple[float, ...]
    categories: Mapping[str, float]
    tags: Mapping[str, float]
    price: PriceBand
    price_ceiling_fen: int | None
    price_sensitivity: float
    reading_age: int | None
    hours: tuple[float, ...]
    fatigue: float
    response: Mapping[str, tuple[float, float]]
    recent: Mapping[str, float]
    evidence: float
    confidence: Mapping[str, float] = field(default_factory=dict)
    origin: Mapping[str, str] = field(default_factory=dict)
    centre_evidence: tuple[float, ...] = ()
    centre_rise: tuple[float, ...] = ()
    rising: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Blending:
    """What `blend` takes: who said what, what was learned, and what was set by hand."""

    declared: Declared
    learned: Learned
    override: Mapping[str, Any] = field(default_factory=dict)


def blend(source: Blending, day: float, settings: PersonaSettings | None = None) -> Persona:
    """The persona on a day (see `day_number`). A hand-set field wins over everything."""
    rules = settings or PersonaSettings()
    learned, declared = source.learned, source.declared
    evidence = learned.evidence(day, rules)
    give_way = _gives_way(declared, rules)
    sure = evidence / (evidence + give_way)
    fade = learned.interest_fade(day, rules)
    centres, shares = _centres(declared, learned, sure)
    categories = _affinities(learned.categories, declared.categories, fade, sure, give_way)
    tags = _affinities(learned.tags, declared.tags, fade, sure, give_way)
    price, price_sure = _price(declared, learned, day, rules)
    hours, hours_sure = _hours(learned, fade, rules)
    tired, tired_sure = _fatigue(declared, learned, day, rules)
    known = _Sure(sure, price_sure, hours_sure, tired_sure, declared)
    rests_on = _rests_on(declared, learned, fade, rules)
    late_fade = learned.recent_fade(day, rules)
    persona = Persona(
        centres=centres,
        centre_shares=shares,
        categories=categories,
        tags=tags,
        price=price,
        price_ceiling_fen=declared.ceiling_fen,
        price_sensitivity=_sensitivity(declared, learned, day, rules),
        reading_age=declared.reading_age,
        hours=hours,
        fatigue=tired,
        response={
            name: (count * fade, learned.liked.get(name, 0.0) * fade)
            for name, count in learned.shown.items()
        },
        recent={
            name: count * learned.recent_fade(day, rules) for name, count in learned.recent.items()
        },
        evidence=evidence,
        confidence=_confidence(known),
        origin=_origins(known),
        centre_evidence=rests_on,
        centre_rise=_centre_rise(declared, learned, rests_on, late_fade),
        rising=_rising(learned, categories, (fade, late_fade), rules),
    )
    return _overridden(persona, source.override)


def _gives_way(declared: Declared, rules: PersonaSettings) -> float:
    """Weight of answers that makes what was declared count by half. A group answers in bunches:
    everybody met the same post, so many answers tell of one choice of ours."""
    return rules.interest_evidence if declared.size == 1 else rules.group_evidence


def _centres(
    declared: Declared, learned: Learned, sure: float
) -> tuple[Vectors, tuple[float, ...]]:
    """Declared directions keep what is not yet known from behaviour."""
    said, total = len(declared.vectors), sum(learned.centres.weights)
    if not total:
        return declared.vectors, tuple([1.0 / said] * said) if said else ()
    if not said:
        return learned.centres.vectors, tuple(w / total for w in learned.centres.weights)
    shares = [(1.0 - sure) / said] * said + [sure * w / total for w in learned.centres.weights]
    vectors = np.vstack([declared.vectors, learned.centres.vectors]).astype(np.float32)
    return vectors, tuple(shares)


def _rests_on(
    declared: Declared, learned: Learned, fade: float, rules: PersonaSettings
) -> tuple[float, ...]:
    """Declared directions together stand for the evidence that they give way to."""
    said = len(declared.vectors)
    own = tuple(weight * fade for weight in learned.centres.weights)
    return (*[_gives_way(declared, rules) / max(said, 1)] * said, *own)


def _centre_rise(
    declared: Declared, learned: Learned, rests_on: tuple[float, ...], late_fade: float
) -> tuple[float, ...]:
    nothing = (0.0,) * len(declared.vectors)
    recent = (*nothing, *(weight * late_fade for weight in learned.centres.recent))
    return risen(recent, rests_on)


def _rising(
    learned: Learned,
    categories: Mapping[str, float],
    fades: tuple[float, float],
    rules: PersonaSettings,
) -> dict[str, float]:
    """By category: what members did alone in the last days beyond what they did before. What
    they were sent of it takes off what its impressions usually earn and did not: tried in vain, it
    does not rise."""
    fade, late = fades
    unit = rules.member_share or 1.0
    shown, answered = learned.recent, learned.tried
    found = {
        name: weight * late / unit
        - late * max(rules.response_prior * shown.get(name, 0.0) - answered.get(name, 0.0), 0.0)
        for name, weight in learned.lately.items()
    }
    before = {
        name: max(weight * fade - learned.lately.get(name, 0.0) * late, 0.0) / unit
        for name, weight in learned.alone.items()
    }
    return surely_risen(found, _usual(before, categories, rules))


def _usual(
    before: Mapping[str, float], categories: Mapping[str, float], rules: PersonaSettings
) -> dict[str, float]:
    """What members are expected to do alone: as before, as the persona says and a bit of
    everything; the last two are worth `alone_evidence` answers."""
    size = sum(max(one, 0.0) for one in categories.values()) or 1.0
    return {
        name: before.get(name, 0.0)
        + 0.5 * rules.alone_evidence * max(categories.get(name, 0.0), 0.0) / size
        + 0.5 * rules.alone_evidence / len(CATEGORIES)
        for name in {*CATEGORIES, *before, *categories}
    }


def _affinities(
    sums: Mapping[str, float],
    declared: tuple[str, ...],
    fade: float,
    sure: float,
    give_way: float,
) -> dict[str, float]:
    """A declared name counts like evidence that fades in against what is learned."""
    total = {name: value * fade for name, value in sums.items()}
    strongest = max([give_way / 2, *(abs(value) for value in total.values())])
    out = {name: value / strongest for name, value in total.items()}
    for name in declared:
        out[name] = min(1.0, out.get(name, 0.0) * sure + (1.0 - sure * 0.7))
    return out


def _price(
    declared: Declared, learned: Learned, day: float, rules: PersonaSettings
) -> tuple[PriceBand, float]:
    base = DEFAULT_BAND_FEN
    if declared.ceiling_fen is not None and declared.ceiling_fen > 0:
        base = tuple(round(declared.ceiling_fen * share) for share in (0.35, 0.6, 0.9))  # type: ignore[assignment]
    weight = max(sum(max(value, 0.0) for value in learned.prices), 0.0)
    weight *= learned.price_fade(day, rules)
    sure = weight / (weight + rules.price_evidence * rules.bunch(declared.size))
    if weight <= 0:
        return PriceBand(*base), 0.0
    found = quantiles(learned.prices, (0.2, 0.5, 0.8))
    mixed = [
        round(math.exp((1 - sure) * math.log(old) + sure * math.log(new)))
        for old, new in zip(base, found, strict=True)
    ]
    return PriceBand(*mixed), sure


def _sensitivity(declared: Declared, learned: Learned, day: float, rules: PersonaSettings) -> float:
    """0..1: do they answer cheaper books more than dear ones? What a declared ceiling says
    until enough was shown and answered."""
    said = declared_sensitivity(declared.ceiling_fen, DEFAULT_BAND_FEN[2])
    sums = learned.price_sums
    shown, liked = sums.get("offered", 0.0), sums.get("liked", 0.0)
    if shown <= 0 or liked <= 0:
        return said
    mean = sums["offered_log"] / shown
    found = PriceAnswers(
        shown_mean=mean,
        shown_variance=max(sums["offered_square"] / shown - mean * mean, 0.0),
        answered=liked * learned.price_fade(day, rules),
        answered_mean=sums["liked_log"] / liked,
    )
    worth = rules.elasticity_evidence * rules.bunch(declared.size)
    return sensitivity_of(elasticity(found, 2.0 * said, worth))


def _hours(
    learned: Learned, fade: float, rules: PersonaSettings
) -> tuple[tuple[float, ...], float]:
    total = sum(learned.hours) * fade
    if total <= 0:
        return FLAT_HOURS, 0.0
    sure = total / (total + rules.hours_evidence)
    shares = [value * fade / total for value in learned.hours]
    return tuple((1 - sure) / 24 + sure * share for share in shares), sure


def _fatigue(
    declared: Declared, learned: Learned, day: float, rules: PersonaSettings
) -> tuple[float, float]:
    """0..1. Leaving and muting tire most; being shown much and answering little, some."""
    fade = learned.recent_fade(day, rules)
    sums = {name: value * fade for name, value in learned.recent_sums.items()}
    gone = sums.get("leave", 0.0) + sums.get("mute", 0.0) + 0.5 * sums.get("dislike", 0.0)
    shown, liked = sums.get("impression", 0.0), sums.get("click", 0.0)
    size = max(declared.size, 1)
    leaving = 1.0 - math.exp(-40.0 * gone / (size + rules.fatigue_evidence))
    silence = max(0.0, 1.0 - (liked + 1.0) / (shown * rules.response_prior + 1.0))
    pressure = 1.0 - math.exp(-shown / size / 4.0)
    tired = 1.0 - (1.0 - leaving) * (1.0 - 0.4 * silence * pressure)
    seen = gone + shown / 10
    return tired, seen / (seen + rules.fatigue_evidence)


@dataclass(frozen=True)
class _Sure:
    """How far behaviour alone is known, 0..1, and what was declared."""

    interest: float
    price: float
    hours: float
    fatigue: float
    declared: Declared

    @property
    def said(self) -> bool:
        said = self.declared
        return bool(len(said.vectors) or said.categories or said.tags)


def _confidence(sure: _Sure) -> dict[str, float]:
    interest = sure.interest + (1 - sure.interest) * (0.3 if sure.said else 0.0)
    ceiling = 0.4 if sure.declared.ceiling_fen else 0.0
    values = {
        "interests": interest,
        "categories": interest,
        "tags": interest,
        "price": sure.price + (1 - sure.price) * ceiling,
        "price_sensitivity": sure.price,
        "reading_age": 1.0 if sure.declared.reading_age is not None else 0.0,
        "active_hours": sure.hours,
        "fatigue": sure.fatigue,
    }
    return {name: round(value, 4) for name, value in values.items()}


def _origins(sure: _Sure) -> dict[str, str]:
    interest = _origin(sure.interest, sure.said)
    return {
        "interests": interest,
        "categories": interest,
        "tags": interest,
        "price": _origin(sure.price, sure.declared.ceiling_fen is not None),
        "price_sensitivity": _origin(sure.price, sure.declared.ceiling_fen is not None),
        "reading_age": "declared" if sure.declared.reading_age is not None else "default",
        "active_hours": _origin(sure.hours, False),
        "fatigue": _origin(sure.fatigue, False),
    }


def _origin(learned: float, declared: bool) -> str:
    if learned > 0 and declared:
        return "blended" if learned < 0.8 else "learned"
    if learned > 0:
        return "learned"
    return "declared" if declared else "default"


def _overridden(persona: Persona, override: Mapping[str, Any]) -> Persona:
    changes: dict[str, Any] = {}
    for name, value in override.items():
        if name in _READERS:
            changes.update(_READERS[name](value, persona))
    if not changes:
        return persona
    named = dict.fromkeys((name for name in override if name in FIELDS), "override")
    sure = {**persona.confidence, **dict.fromkeys(named, 1.0)}
    origin = {**persona.origin, **named}
    return replace(persona, **changes, confidence=sure, origin=origin)


def _weights(value: Mapping[str, Any]) -> dict[str, float]:
    return {str(name): float(weight) for name, weight in value.items()}


def _band(value: Mapping[str, Any]) -> PriceBand:
    return PriceBand(int(value["p20"]), int(value["p50"]), int(value["p80"]))


def _fixed_interests(value: Mapping[str, Any], persona: Persona) -> dict[str, Any]:
    """`vectors` were encoded when the override was set; without them the texts wait."""
    vectors = np.asarray(value.get("vectors") or [], dtype=np.float32)
    if vectors.ndim != 2 or vectors.shape[1] != persona.centres.shape[1]:
        return {}
    count = len(vectors)
    shares = tuple([1.0 / count] * count)
    return {"centres": vectors, "centre_shares": shares, "centre_evidence": (), "centre_rise": ()}


_READERS: dict[str, Callable[[Any, Persona], dict[str, Any]]] = {
    "categories": lambda value, _: {"categories": _weights(value)},
    "tags": lambda value, _: {"tags": _weights(value)},
    "price": lambda value, _: {"price": _band(value)},
    "price_sensitivity": lambda value, _: {"price_sensitivity": float(value)},
    "reading_age": lambda value, _: {"reading_age": int(value)},
    "active_hours": lambda value, _: {"hours": tuple(float(share) for share in value)},
    "fatigue": lambda value, _: {"fatigue": float(value)},
    "interests": _fixed_interests,
}
