"""What a search is asked for, and what it answers."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime

from contentcenter.domain.content import ItemState
from contentcenter.search.ports import Filters
from contentcenter.store.cards import ItemCard

SORTS = ("relevance", "newest", "price", "price_desc")
FACETS = ("kind", "category", "tag", "publisher", "source")
MOST = 100


@dataclass(frozen=True)
class SearchRequest:
    """Prices in fen. An empty `q` browses. `audience_id` ranks by that persona's fit too."""

    q: str = ""
    kinds: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    price_min_fen: int | None = None
    price_max_fen: int | None = None
    audience_id: int | None = None
    sort: str = "relevance"
    size: int = 20
    cursor: str | None = None
    facets: tuple[str, ...] = ()

    def filters(self, at: datetime) -> Filters:
        return Filters(
            kinds=self.kinds,
            tags=self.tags,
            categories=self.categories,
            price_min_fen=self.price_min_fen,
            price_max_fen=self.price_max_fen,
            states=(ItemState.PUBLISHED.value,),
            rights_at=at,
        )

    def fingerprint(self) -> str:
        """Equal for requests that have the same ranking."""
        value = {k: v for k, v in asdict(self).items() if k not in {"cursor", "size", "facets"}}
        text = json.dumps(value, sort_keys=True)
        return hashlib.blake2b(text.encode(), digest_size=9).hexdigest()


@dataclass(frozen=True)
class SearchHit:
    """`title` and `snippet` are (text, is a match) segments; `fit` is the persona's score."""

    card: ItemCard
    score: float
    title: tuple[tuple[str, bool], ...]
    snippet: tuple[tuple[str, bool], ...]
    fit: float | None = None


@dataclass(frozen=True)
class SearchAnswer:
    """`degraded` with the names of what was away in `away`."""

    items: tuple[SearchHit, ...]
    next_cursor: str | None
    total: int
    facets: Mapping[str, list[tuple[str, int]]] = field(default_factory=dict)
    degraded: bool = False
    away: tuple[str, ...] = ()


def passes(card: ItemCard, wanted: Filters, at: datetime) -> bool:
    """The same filters on a card, for when the index is away."""
    low, high = wanted.price_min_fen, wanted.price_max_fen
    price = card.price_fen
    checks = (
        not wanted.kinds or card.kind in wanted.kinds,
        not wanted.categories or card.category in wanted.categories,
        not wanted.tags or bool(set(wanted.tags) & set(card.tag_names)),
        low is None or (price is not None and price >= low),
        high is None or (price is not None and price <= high),
        card.state in wanted.states if wanted.states else True,
        card.allowed(at),
    )
    return all(checks)
