"""Events move a persona. Order of arrival matters only for how centres form."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from contentcenter.domain.events import EVENT_WEIGHT, EventKind
from contentcenter.embedding.ports import Vectors
from recommend.corpus import CorpusView
from recommend.persona_math.centres import Lesson, absorb, weaken
from recommend.persona_math.decay import day_number, growth
from recommend.persona_math.learned import Learned
from recommend.persona_math.prices import spread
from recommend.persona_math.settings import PersonaSettings

# Events that show when a reader is there.
_ACTIVE = frozenset({EventKind.CLICK, EventKind.FAVOURITE, EventKind.CART, EventKind.ORDER})


@dataclass(frozen=True)
class ItemFacts:
    """What a persona can learn from an item. `vector` is the raw item vector."""

    vector: Vectors | None
    category: str = "other"
    tags: tuple[str, ...] = ()
    price_fen: int | None = None


@dataclass(frozen=True)
class LearnEvent:
    """One stored event. `id` rises with arrival; `hour` is the subject's local hour.

    `share` below 1: a member of the subject did this elsewhere (in the app). It tells of the
    subject's taste, prices and hours by that share, and nothing of its fatigue.
    """

    id: int
    kind: EventKind
    at: datetime
    hour: int
    item: ItemFacts | None = None
    share: float = 1.0

    @property
    def own(self) -> bool:
        return self.share >= 1.0


def learn(
    learned: Learned,
    events: Iterable[LearnEvent],
    corpus: CorpusView,
    settings: PersonaSettings | None = None,
) -> Learned:
    """The state after these events; `learned` itself is left as it was.

    Events at or below `seen_event_id` are skipped: handing the same events in again, whole
    or in part, changes nothing. Events of any age may arrive late.
    """
    rules = settings or PersonaSettings()
    state = learned.copy()
    for event in sorted(events, key=lambda one: one.id):
        if event.id > state.seen_event_id:
            _apply(state, event, corpus, rules)
            state.seen_event_id = event.id
    return state


def _apply(state: Learned, event: LearnEvent, corpus: CorpusView, rules: PersonaSettings) -> None:
    day = day_number(event.at)
    landmark = state.reach(day, rules)
    scale = event.share * growth(day, landmark, rules.interest_half_life)
    recent = growth(day, landmark, rules.recent_half_life) if event.own else 0.0
    if event.own:
        _add(state.recent_sums, event.kind.value, recent)
    if event.kind in _ACTIVE:
        state.hours[event.hour % 24] += scale
    if event.item is None:
        return
    _count_response(state, event, scale, recent)
    lately = event.share * growth(day, landmark, rules.recent_half_life)
    _weigh_interest(state, event, (scale, lately), corpus, rules)
    _weigh_price(state, event, event.share * growth(day, landmark, rules.price_half_life))


def _count_response(state: Learned, event: LearnEvent, scale: float, recent: float) -> None:
    assert event.item is not None  # noqa: S101 - the caller looked
    if event.kind is EventKind.IMPRESSION:
        _add(state.shown, event.item.category, scale)
        _add(state.sums, "shown", scale)
        if event.own:
            _add(state.recent, event.item.category, recent)
    elif event.kind is EventKind.CLICK:
        _add(state.liked, event.item.category, scale)
        _add(state.sums, "liked", scale)


def _weigh_interest(
    state: Learned,
    event: LearnEvent,
    scales: tuple[float, float],
    corpus: CorpusView,
    rules: PersonaSettings,
) -> None:
    """`scales`: of sums that fade in weeks, and of those that fade in days."""
    item, weight = event.item, EVENT_WEIGHT[event.kind] * scales[0]
    lately = _weight_of_late(event, rules) * scales[1]
    if item is None or weight == 0.0:
        return
    _add(state.categories, item.category, weight)
    for tag in item.tags:
        _add(state.tags, tag, weight)
    if len(state.tags) > rules.max_tags + rules.max_tags // 2:
        _prune(state.tags, rules.max_tags)
    if weight > 0:
        _add(state.sums, "evidence", weight)
        _count_late(state, event, weight, scales[1])
    if item.vector is None:
        return
    if weight > 0:
        liked = Lesson(item.vector, weight, lately)
        state.centres = absorb(state.centres, liked, corpus, rules.max_centres)
    else:
        state.centres = weaken(state.centres, Lesson(item.vector, -weight, -lately), corpus)


def _count_late(state: Learned, event: LearnEvent, weight: float, late: float) -> None:
    """What members answered alone, and what of that was answered when the subject was sent it."""
    assert event.item is not None  # noqa: S101 - the caller looked
    category = event.item.category
    if event.own:
        _add(state.tried, category, late)
        return
    _add(state.alone, category, weight)
    _add(state.lately, category, EVENT_WEIGHT[event.kind] * late)


def _weight_of_late(event: LearnEvent, rules: PersonaSettings) -> float:
    """What members do alone tells of a new interest: nobody chose it for them. What the subject
    was sent only takes off what its impressions usually earn, so that an interest that was
    tried no longer rises; whether it was liked, the usual evidence says."""
    if event.kind is EventKind.IMPRESSION:
        return -rules.response_prior
    return 0.0 if event.own else EVENT_WEIGHT[event.kind]


def _weigh_price(state: Learned, event: LearnEvent, scale: float) -> None:
    assert event.item is not None  # noqa: S101 - the caller looked
    price = event.item.price_fen
    if price is None or price <= 0:
        return
    if event.kind is EventKind.IMPRESSION:
        log = math.log(price)
        for name, amount in (("offered", 1.0), ("offered_log", log), ("offered_square", log * log)):
            _add(state.price_sums, name, scale * amount)
        return
    weight = EVENT_WEIGHT[event.kind] * scale
    if weight == 0.0:
        return
    for place, share in spread(price):
        state.prices[place] += weight * share
    _add(state.price_sums, "liked", weight)
    _add(state.price_sums, "liked_log", weight * math.log(price))


def _add(table: dict[str, float], key: str, amount: float) -> None:
    table[key] = table.get(key, 0.0) + amount


def _prune(table: dict[str, float], keep: int) -> None:
    for key in sorted(table, key=lambda name: (-abs(table[name]), name))[keep:]:
        del table[key]
