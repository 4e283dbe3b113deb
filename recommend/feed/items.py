"""Items of a feed answer: as they are shown, as they are kept, and as they come back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from contentcenter.domain.categories import category_label
from contentcenter.domain.content import VISIBLE_STATES
from contentcenter.store.cards import ItemCard
from recommend.feed.recall import followed
from recommend.feed.scenes import Anchor
from recommend.feed.scoring import Shown
from recommend.feed.spreading import Reason, ReasonFacts, Recall, reason
from recommend.persona_math import Persona
from recommend.ranking.log import Ranked
from recommend.ranking.logistic import sigmoid


@dataclass(frozen=True)
class FeedItem:
    """`score` is the log-odds of a click in the first place, the sum of `parts`; `explored`:
    the place was drawn by lot."""

    card: ItemCard
    score: float
    parts: Mapping[str, float]
    reason: Reason
    recalls: tuple[Recall, ...]
    probability: float = 0.0
    explored: bool = False
    ranked: Ranked | None = field(default=None, repr=False)


def feed_items(pairs: Iterable[tuple[ItemCard, Shown]], why: Why) -> list[FeedItem]:
    """Items as they are shown."""
    return [_feed_item(card, told, why) for card, told in pairs]


def _feed_item(card: ItemCard, shown: Shown, why: Why) -> FeedItem:
    return FeedItem(
        card=card,
        score=shown.score,
        parts=shown.parts,
        reason=why.reason(card, shown.semantic),
        recalls=why.recalls[card.id],
        probability=shown.probability,
        explored=shown.logged.offer is not None,
        ranked=shown.logged,
    )


def entry_of(item: FeedItem) -> dict[str, Any]:
    return {
        "item_id": item.card.id,
        "score": item.score,
        "parts": dict(item.parts),
        "reason": item.reason.code,
        "text": item.reason.text,
        "recalls": [str(recall) for recall in item.recalls],
        **(item.ranked.as_json() if item.ranked is not None else {}),
    }


def from_entry(card: ItemCard, entry: Mapping[str, Any]) -> FeedItem:
    return FeedItem(
        card=card,
        score=entry["score"],
        parts=entry["parts"],
        reason=Reason(entry["reason"], entry["text"]),
        recalls=tuple(Recall(name) for name in entry["recalls"]),
        probability=round(float(sigmoid(entry["score"])), 4),
        explored="offer" in entry,
    )


@dataclass(frozen=True)
class Why:
    """What reasons are made of: tags and categories the reader is drawn to, where each item came
    from, what the scene says of itself."""

    tags: Sequence[str]
    categories: Sequence[str]
    recalls: Mapping[int, tuple[Recall, ...]]
    scene_text: str = ""

    @classmethod
    def of(
        cls, persona: Persona, recalls: Mapping[int, tuple[Recall, ...]], anchor: Anchor | None
    ) -> Why:
        return cls(*followed(persona), recalls, anchor.text if anchor is not None else "")

    def reason(self, card: ItemCard, semantic: float) -> Reason:
        liked = next((tag for tag in self.tags if tag in card.tag_names), "")
        if not liked and card.category in self.categories:
            liked = category_label(card.category)
        return reason(
            ReasonFacts(
                recalls=self.recalls[card.id],
                parts={"semantic": semantic},
                liked_tag=liked,
                category_label=category_label(card.category),
                scene_text=self.scene_text,
            )
        )


def showable(card: ItemCard, at: datetime) -> bool:
    """Published, on sale and licensed at this moment."""
    return card.state in _VISIBLE and card.in_stock and card.allowed(at, "in_app")


_VISIBLE = frozenset(state.value for state in VISIBLE_STATES)
