"""Why a match is not first or not possible, and what it would take: for screens and the API."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from contentcenter.store.cards import AudienceCard, ItemCard
from recommend.matching.features import fatigue_part, felt_sensitivity
from recommend.matching.lags import lags_of
from recommend.matching.refusals import ceiling_of
from recommend.matching.settings import MatchSettings
from recommend.matching.types import Match
from recommend.matching.would import (
    PriceCurve,
    Would,
    eligible_for,
    fatigue_for,
    price_for,
    tag_for,
)
from recommend.persona_math import Persona
from recommend.shelf import ShelfItem

TAGS_TRIED = 4
# Scores are shown with four digits: a lead must be seen.
_CLEARLY = 0.001


@dataclass(frozen=True)
class Situation:
    """One audience at one moment. `persona_on` gives its persona some days ahead; `score`
    scores changed items for it."""

    card: AudienceCard
    persona: Persona
    at: datetime
    channel_kind: str | None
    rules: MatchSettings
    persona_on: Callable[[float], Persona]
    score: Callable[[Sequence[ShelfItem]], Sequence[float]]


def explained(
    matches: Sequence[Match], shelf: Mapping[int, ShelfItem], first: Match | None, case: Situation
) -> tuple[Match, ...]:
    """The matches with `lags` and `would`. `first`: the best eligible match, if any."""
    tags = _with_tags([shelf[one.item_id] for one in matches], case)
    return tuple(_one(one, shelf[one.item_id], first, case, tags) for one in matches)


def _one(
    match: Match,
    item: ShelfItem,
    first: Match | None,
    case: Situation,
    tags: Mapping[int, Mapping[str, float]],
) -> Match:
    would = steps_of(match, item.card, case.card, case.at, case.channel_kind)
    if first is None or first.item_id == match.item_id:
        return replace(match, would=would)
    gap = first.score - match.score + _CLEARLY
    price = price_for(_curve(case), item.match.price_fen, gap)
    steps: list[Would | None] = [] if _but_price(match) else [price]
    if match.eligible:
        steps += [
            _rested(match, item, first, case),
            tag_for(tags[match.item_id], first.score + _CLEARLY),
        ]
    found = tuple(one for one in steps if one is not None)
    lags = lags_of(match.parts, first.parts, item, case.persona, case.at)
    return replace(match, would=(*would, *found), lags=lags)


def _but_price(match: Match) -> bool:
    """Whether something other than the price stands against it: then no price helps."""
    return any(one.reason != "price_ceiling" for one in match.refused)


def possible(match: Match, item: ShelfItem, card: AudienceCard, at: datetime) -> tuple[Would, ...]:
    """What it would take for a refused pair to be eligible, on the audience's own channel."""
    return steps_of(match, item.card, card, at, card.channel_kind)


def steps_of(
    match: Match, item: ItemCard, card: AudienceCard, at: datetime, channel_kind: str | None
) -> tuple[Would, ...]:
    """What each refusal of a match would take to fall."""
    return eligible_for(
        [one.reason for one in match.refused],
        ceiling_fen=ceiling_of(card),
        rights=item.rights,
        at=at,
        channel_kind=channel_kind,
    )


def _curve(case: Situation) -> PriceCurve:
    band = case.persona.price
    ceilings = [case.persona.price_ceiling_fen, ceiling_of(case.card)]
    return PriceCurve(
        band.p20,
        band.p80,
        felt_sensitivity(case.persona, case.rules),
        min((float(one) for one in ceilings if one is not None), default=None),
        case.rules.price,
    )


def _rested(match: Match, item: ShelfItem, first: Match, case: Situation) -> Would | None:
    """When the tiredness of its category has faded more than that of the first."""
    if match.parts.get("fatigue", 0.0) >= first.parts.get("fatigue", 0.0):
        return None

    def gap(days: float) -> float:
        persona = case.persona_on(days)
        return (
            first.score
            - first.parts["fatigue"]
            + fatigue_part(persona, first.category, case.rules)
            - match.score
            + match.parts["fatigue"]
            - fatigue_part(persona, item.match.category, case.rules)
        )

    return fatigue_for(gap)


def _with_tags(items: Sequence[ShelfItem], case: Situation) -> dict[int, dict[str, float]]:
    """Scores of each item if it also had one of the audience's strongest tags."""
    liked = sorted(case.persona.tags, key=lambda tag: (-case.persona.tags[tag], tag))
    wanted = [tag for tag in liked if case.persona.tags[tag] > 0][:TAGS_TRIED]
    tried = [(one, tag) for one in items for tag in wanted if tag not in one.match.tags]
    scores = case.score([_tagged(one, tag) for one, tag in tried]) if tried else ()
    out: dict[int, dict[str, float]] = {one.id: {} for one in items}
    for (item, tag), score in zip(tried, scores, strict=True):
        out[item.id][tag] = score
    return out


def _tagged(item: ShelfItem, tag: str) -> ShelfItem:
    return replace(item, match=replace(item.match, tags=(*item.match.tags, tag)))
