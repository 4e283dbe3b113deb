"""What a search is asked for, and what it answers."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import Any

from contentcenter.domain.categories import CATEGORIES
from contentcenter.domain.content import INDEXED_STATES, ItemKind, ItemState
from contentcenter.domain.errors import InvalidInput
from contentcenter.domain.prices import BAND_LABELS, band_bounds
from contentcenter.search.ports import Filters, Order
from contentcenter.store.cards import ItemCard
from recommend.search.related import Related

SORTS = ("relevance", "newest", "price", "price_desc")
FACETS = ("kind", "category", "tag", "publisher", "source", "price_band", "year")
MOST = 100
_ORDERS = {"newest": Order.NEWEST, "price": Order.CHEAPEST, "price_desc": Order.DEAREST}
_PLACE = frozenset({"cursor", "size", "facets"})


@dataclass(frozen=True)
class SearchRequest:
    """Prices in fen, bounds inclusive. An empty `q` browses. `audience_id` ranks by that
    persona's fit too. `drafts` also finds what waits for approval: for the house's own people.
    `explain` gives the parts of each score."""

    q: str = ""
    kinds: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    publishers: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    price_min_fen: int | None = None
    price_max_fen: int | None = None
    price_band: str | None = None  # a label of contentcenter.domain.prices
    year_min: int | None = None
    year_max: int | None = None
    audience_id: int | None = None
    sort: str = "relevance"
    size: int = 20
    cursor: str | None = None
    facets: tuple[str, ...] = ()
    drafts: bool = False
    explain: bool = False

    @property
    def blank(self) -> bool:
        """Nothing is asked: this browses."""
        return not self.q.strip()

    @property
    def order(self) -> Order | None:
        """None: by relevance."""
        return _ORDERS.get(self.sort)

    @property
    def states(self) -> tuple[str, ...]:
        states = INDEXED_STATES if self.drafts else {ItemState.PUBLISHED}
        return tuple(sorted(state.value for state in states))

    def shows(self, card: ItemCard, now: datetime) -> bool:
        """Whether the item, as the store has it now, may be shown to whoever asks."""
        return card.state in self.states and (self.drafts or card.allowed(now))

    def filters(self, at: datetime) -> Filters:
        low, high = self._prices()
        return Filters(
            kinds=self.kinds,
            tags=self.tags,
            categories=self.categories,
            publishers=self.publishers,
            sources=self.sources,
            price_min_fen=low,
            price_max_fen=high,
            year_min=self.year_min,
            year_max=self.year_max,
            states=self.states,
            rights_at=None if self.drafts else at,
        )

    def without(self, facet: str) -> SearchRequest:
        """The request without what was chosen in one facet, for counting its other values."""
        return replace(self, **_CHOSEN[facet])

    def chooses(self, facet: str) -> bool:
        return self.without(facet) != self

    def check(self) -> None:
        """Raises `InvalidInput` that names the wrong field."""
        _one_of("sort", self.sort, SORTS)
        if not 1 <= self.size <= MOST:
            raise InvalidInput(f"size: 1 to {MOST}", field="size")
        for facet in self.facets:
            _one_of("facets", facet, FACETS)
        for kind in self.kinds:
            _one_of("kind", kind, tuple(ItemKind))
        for code in self.categories:
            _one_of("category", code, tuple(CATEGORIES))
        if self.price_band is not None:
            _one_of("price_band", self.price_band, BAND_LABELS)
        _range("price", self.price_min_fen, self.price_max_fen)
        _range("year", self.year_min, self.year_max)

    def fingerprint(self) -> str:
        """Equal for requests that have the same ranking."""
        value = {k: v for k, v in asdict(self).items() if k not in _PLACE}
        text = json.dumps(value, sort_keys=True)
        return hashlib.blake2b(text.encode(), digest_size=9).hexdigest()

    def _prices(self) -> tuple[int | None, int | None]:
        if self.price_band is None:
            return self.price_min_fen, self.price_max_fen
        low, high = band_bounds(self.price_band)
        highs = [one for one in (high, self.price_max_fen) if one is not None]
        return max(low, self.price_min_fen or 0), min(highs, default=None)


_CHOSEN: dict[str, dict[str, Any]] = {
    "kind": {"kinds": ()},
    "category": {"categories": ()},
    "tag": {"tags": ()},
    "publisher": {"publishers": ()},
    "source": {"sources": ()},
    "price_band": {"price_band": None, "price_min_fen": None, "price_max_fen": None},
    "year": {"year_min": None, "year_max": None},
}


def _one_of(name: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise InvalidInput(f"{name}: any of {', '.join(allowed)}; not {value!r}", field=name)


def _range(name: str, low: int | None, high: int | None) -> None:
    for end, value in (("min", low), ("max", high)):
        if value is not None and value < 0:
            raise InvalidInput(f"{name}_{end} must not be negative", field=f"{name}_{end}")
    if low is not None and high is not None and low > high:
        raise InvalidInput(f"{name}_min is above {name}_max", field=f"{name}_min")


Segments = tuple[tuple[str, bool], ...]


@dataclass(frozen=True)
class SearchHit:
    """`title` and `snippet` are (text, is a match) segments; `fit` is the persona's score.
    `parts` sum to `score`; they are there when they were asked for."""

    card: ItemCard
    score: float
    title: Segments
    snippet: Segments
    fit: float | None = None
    parts: Mapping[str, float] | None = None


@dataclass(frozen=True)
class SearchAnswer:
    """`degraded` with the names of what was away in `away`. `total` counts what browsing can
    reach; for a question, what its ranking holds. `like`: the question was read as asking for
    the like of the book of this title."""

    items: tuple[SearchHit, ...]
    next_cursor: str | None
    total: int
    facets: Mapping[str, list[tuple[str, int]]] = field(default_factory=dict)
    degraded: bool = False
    away: tuple[str, ...] = ()
    like: str | None = None
    did_you_mean: str | None = None
    related: tuple[Related, ...] = ()
