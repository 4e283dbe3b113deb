"""Loads what the planner decides from: audiences, openings, history, candidates, quotas."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from contentcenter.domain.channels import AudienceState, ChannelState
from contentcenter.domain.errors import InvalidInput
from contentcenter.domain.posts import TAKEN_STATES
from contentcenter.store.cards import AudienceCard, ItemCard, load_audiences
from contentcenter.store.tables import ItemRow
from distribute.audience_service import load_slots
from distribute.batches import subject_of
from distribute.channel_service import load_access
from distribute.experiments.chosen import Chosen
from distribute.planner import AudienceRules, Candidate, ItemFacts, Opening, PastPost, QuotaBucket
from distribute.ports import ChannelAccess, MatchLike, MatchPort
from distribute.quota import QuotaLedger, buckets_for
from distribute.rules import DeliveryRules
from distribute.tables import PostRow
from distribute.timing import Habit, QuietHours, expand

CHUNK = 400
PAIRS_CHUNK = 50
MOST_CANDIDATES = 60
FEW_AUDIENCES = 50
Weights = tuple[tuple[str, float], ...]
MatchVariants = Callable[[Mapping[str, float]], MatchPort]


def no_variants(weights: Mapping[str, float]) -> MatchPort:
    """For a hub whose matcher has one setting only."""
    raise InvalidInput("This matcher has no other weights", weights=dict(weights))


@dataclass(frozen=True)
class Field:
    """The openings of a window, before candidates are known."""

    audiences: Mapping[int, AudienceCard]
    channels: Mapping[int, ChannelAccess]
    openings: tuple[Opening, ...]
    quotas: Mapping[str, QuotaBucket]
    history: tuple[PastPost, ...]
    chosen: Chosen = Chosen()

    def rules(self) -> dict[int, AudienceRules]:
        return {key: _rules(card) for key, card in self.audiences.items()}


def load_field(
    session: Session,
    quota: QuotaLedger,
    rules: DeliveryRules,
    *,
    start: datetime,
    end: datetime,
    audience_ids: Sequence[int],
    chosen: Chosen | None = None,
) -> Field:
    """Active audiences of active channels with their openings in [start, end). `chosen`: the
    strategies under trial, which may move openings."""
    strategies = chosen or Chosen()
    cards = load_audiences(session, audience_ids or None)
    active = {
        key: card
        for key, card in cards.items()
        if card.state == AudienceState.ACTIVE and card.channel_state == ChannelState.ACTIVE
    }
    channels = load_access(session, {card.channel_id for card in active.values()})
    openings, quotas = _openings(
        session, active, channels, rules=rules, window=(start, end), chosen=strategies
    )
    used = quota.used(session, quotas)
    quotas = {
        name: QuotaBucket(name, bucket.limit, used.get(name, 0)) for name, bucket in quotas.items()
    }
    history = load_history(
        session, list(active), start - timedelta(days=rules.work_days), end + timedelta(days=7)
    )
    return Field(active, channels, openings, quotas, history, strategies)


def _openings(
    session: Session,
    audiences: Mapping[int, AudienceCard],
    channels: Mapping[int, ChannelAccess],
    *,
    rules: DeliveryRules,
    window: tuple[datetime, datetime],
    chosen: Chosen,
) -> tuple[tuple[Opening, ...], dict[str, QuotaBucket]]:
    slots = load_slots(session, list(audiences))
    openings: list[Opening] = []
    quotas: dict[str, QuotaBucket] = {}
    for audience_id, card in audiences.items():
        habits = [
            Habit(frozenset(slot.weekdays), slot.local_time, slot.on_date)
            for slot in slots.get(audience_id, ())
            if slot.active
        ]
        subject = subject_of(channels[card.channel_id], card)
        for habit in expand(habits, card.timezone, *window):
            moment = habit + chosen.slot_shift(audience_id, habit)
            if moment < window[0]:
                continue  # moved to an hour that is over
            buckets = buckets_for(subject, moment, rules.wecom_rule)
            quotas.update({b.name: QuotaBucket(b.name, b.limit) for b in buckets})
            openings.append(Opening(audience_id, moment, tuple(b.name for b in buckets)))
    return tuple(openings), quotas


def load_history(
    session: Session, audience_ids: Sequence[int], start: datetime, end: datetime
) -> tuple[PastPost, ...]:
    """Posts these audiences got, or may get, in a window."""
    found: list[PastPost] = []
    for first in range(0, len(audience_ids), CHUNK):
        query = (
            select(
                PostRow.audience_id,
                PostRow.item_id,
                PostRow.work_ids,
                ItemRow.category,
                PostRow.slot_at,
            )
            .join(ItemRow, ItemRow.id == PostRow.item_id)
            .where(
                PostRow.audience_id.in_(audience_ids[first : first + CHUNK]),
                PostRow.slot_at >= start,
                PostRow.slot_at < end,
                PostRow.state.in_(TAKEN_STATES),
            )
        )
        found += [
            PastPost(audience_id, item_id, tuple(works), category, at)
            for audience_id, item_id, works, category, at in session.execute(query)
        ]
    return tuple(found)


def told_long_ago(
    session: Session, candidates: Mapping[int, Sequence[Candidate]], before: datetime
) -> dict[int, set[int]]:
    """Candidates that an audience was told before the window of the history, by audience."""
    told: dict[int, set[int]] = {}
    audience_ids = list(candidates)
    for first in range(0, len(audience_ids), PAIRS_CHUNK):
        chunk = audience_ids[first : first + PAIRS_CHUNK]
        items = {one.item_id for audience_id in chunk for one in candidates[audience_id]}
        query = select(PostRow.audience_id, PostRow.item_id).where(
            PostRow.audience_id.in_(chunk),
            PostRow.item_id.in_(items),
            PostRow.slot_at < before,
            PostRow.state.in_(TAKEN_STATES),
        )
        for audience_id, item_id in session.execute(query):
            told.setdefault(audience_id, set()).add(item_id)
    return told


def match_all(
    field: Field, matcher: MatchPort, at: datetime, variants: MatchVariants = no_variants
) -> dict[int, list[Candidate]]:
    """Candidates of every audience that has an opening; a few more than it needs. Audiences whose
    match weights are under trial are matched by the variant with these weights."""
    wanted = Counter(opening.audience_id for opening in field.openings)
    told = Counter(past.audience_id for past in field.history)
    limits = {
        audience_id: min(MOST_CANDIDATES, 3 * count + 5) + told[audience_id]
        for audience_id, count in wanted.items()
    }
    found: dict[int, Sequence[MatchLike]] = {}
    for weights, ids in _by_weights(field).items():
        chosen = variants(dict(weights)) if weights else matcher
        wanted_here = {one: limits[one] for one in ids}
        found.update(_matches(field, chosen, wanted_here, at))
    return {
        audience_id: [
            Candidate(match.item_id, match.score, dict(match.parts))
            for match in found.get(audience_id, ())[: limits[audience_id]]
        ]
        for audience_id in wanted
    }


def _by_weights(field: Field) -> dict[Weights, list[int]]:
    """Audiences with an opening, by the match weights under trial in the first slot that has
    any."""
    weights: dict[int, Weights] = {}
    for opening in sorted(field.openings, key=lambda one: one.at):
        if not weights.get(opening.audience_id):
            chosen = field.chosen.match_weights(opening.audience_id, opening.at)
            weights[opening.audience_id] = tuple(sorted(chosen.items()))
    found: dict[Weights, list[int]] = {}
    for audience_id, key in sorted(weights.items()):
        found.setdefault(key, []).append(audience_id)
    return found


def _matches(
    field: Field, matcher: MatchPort, limits: Mapping[int, int], at: datetime
) -> Mapping[int, Sequence[MatchLike]]:
    """A few audiences are matched one by one over the whole catalogue, many in blocks."""
    if len(limits) > FEW_AUDIENCES:
        return matcher.match_many(sorted(limits), max(limits.values()), at)
    return {
        audience_id: matcher.match_items_for_audience(
            audience_id, limit, field.audiences[audience_id].channel_kind, at
        )
        for audience_id, limit in limits.items()
    }


def item_facts(items: Mapping[int, ItemCard]) -> dict[int, ItemFacts]:
    return {key: ItemFacts(card.works, card.category, card.rights) for key, card in items.items()}


def _rules(card: AudienceCard) -> AudienceRules:
    return AudienceRules(
        audience_id=card.id,
        channel_kind=card.channel_kind,
        timezone=card.timezone,
        quiet=QuietHours(card.quiet_from, card.quiet_until),
        cap_per_day=card.cap_per_day,
        cap_per_week=card.cap_per_week,
        cool_down=timedelta(hours=card.cool_down_hours),
    )
