"""The ranking of a search, in named parts that sum to the score. Pure.

`text` and `vector` say how well an item answers; an `exact` title or ISBN goes before
everything; `quality`, `freshness` and `popularity` are small enough to decide between near
equals only.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from contentcenter.search.fusion import RANK_CONSTANT
from contentcenter.search.ports import Hit
from contentcenter.text.normalise import normalise

TEXT, VECTOR = "text", "vector"
EXACT, QUALITY, FRESHNESS, POPULARITY = "exact", "quality", "freshness", "popularity"
FIT = "fit"


class Fusion(StrEnum):
    """How a side's hits become values between 0 and 1.

    RECIPROCAL_RANK looks at places only; SHARE_OF_BEST divides scores by the best one and so
    keeps how far it leads; MIN_MAX also moves the side's worst hit to 0. CERTAINTY takes words
    by the share of their best, and vectors by the square of their centred cosine, which the
    same question has in every corpus: where nothing is near, words decide alone
    (docs/decisions/0012-search-fusion.md).
    """

    RECIPROCAL_RANK = "reciprocal_rank"
    SHARE_OF_BEST = "share_of_best"
    MIN_MAX = "min_max"
    CERTAINTY = "certainty"


@dataclass(frozen=True)
class SearchWeights:
    """Everything that can be tuned about a search, in one place.

    A weight is what a part can add at most. A side of weight 0 is not asked at all.
    """

    fusion: Fusion = Fusion.CERTAINTY
    text: float = 1.0
    vector: float = 1.2
    exact: float = 2.0
    quality: float = 0.01
    freshness: float = 0.005
    popularity: float = 0.01
    fit: float = 0.6  # of an audience's persona, when one is named
    rank_constant: int = RANK_CONSTANT
    depth: int = 400  # matches asked for, and hits kept of the fused ranking
    # Neighbours asked for. Each costs a look at its vector, and the far ones say little.
    vector_depth: int = 200
    rerank: int = 100  # best hits whose other parts are looked up
    # A neighbour that is no nearer than this many standard deviations above a random pair is
    # no answer: without a floor every question would "find" the whole corpus.
    vector_floor_z: float = 1.5
    freshness_half_life_days: float = 180.0
    popularity_half: float = 20.0  # so many (faded) clicks are half of the most
    # A question sorted by price or date keeps the matches that score at least this share of
    # the best one, up to `sort_depth`.
    sort_share: float = 0.3
    sort_depth: int = 2000


@dataclass(frozen=True)
class ItemFacts:
    """What the small parts need to know of an item. `names` and `book_names` are squeezed
    (see `squeezed`); `clicks` have faded to now."""

    id: int
    names: frozenset[str] = frozenset()
    book_names: frozenset[str] = frozenset()
    isbns: frozenset[str] = frozenset()
    quality: float = 0.5
    published_at: datetime | None = None
    clicks: float = 0.0


@dataclass(frozen=True)
class Ranked:
    """A hit with the parts of its score; parts of value 0 may be left out."""

    id: int
    parts: Mapping[str, float] = field(default_factory=dict)

    @property
    def score(self) -> float:
        return sum(self.parts.values())


def fuse(
    lexical: Sequence[Hit], near: Sequence[Hit], weights: SearchWeights, depth: int | None = None
) -> list[Ranked]:
    """One ranking out of both sides, best first, ties by id; parts `text` and `vector`."""
    parts: dict[int, dict[str, float]] = {}
    by_text, by_vector = _FUSIONS[weights.fusion]
    sides = (
        (TEXT, weights.text, lexical, by_text),
        (VECTOR, weights.vector, near, by_vector),
    )
    for name, weight, hits, value_of in sides:
        for hit, value in zip(hits, value_of(hits, weights), strict=True):
            parts.setdefault(hit.id, {})[name] = weight * value
    ordered = _ordered([Ranked(one, found) for one, found in parts.items()])
    return ordered[: weights.depth if depth is None else depth]


def _by_rank(hits: Sequence[Hit], weights: SearchWeights) -> list[float]:
    constant = weights.rank_constant
    return [(constant + 1) / (constant + rank) for rank in range(1, len(hits) + 1)]


def _by_share(hits: Sequence[Hit], _: SearchWeights) -> list[float]:
    best = max((hit.score for hit in hits), default=0.0)
    if best <= 0.0:
        return [1.0] * len(hits)
    return [max(hit.score, 0.0) / best for hit in hits]


def _by_range(hits: Sequence[Hit], _: SearchWeights) -> list[float]:
    return stretched([hit.score for hit in hits])


def _by_closeness(hits: Sequence[Hit], _: SearchWeights) -> list[float]:
    return [min(max(hit.score, 0.0), 1.0) ** 2 for hit in hits]


_Side = Callable[[Sequence[Hit], SearchWeights], list[float]]
# How the text's and the vector's hits are valued.
_FUSIONS: dict[Fusion, tuple[_Side, _Side]] = {
    Fusion.RECIPROCAL_RANK: (_by_rank, _by_rank),
    Fusion.SHARE_OF_BEST: (_by_share, _by_share),
    Fusion.MIN_MAX: (_by_range, _by_range),
    Fusion.CERTAINTY: (_by_share, _by_closeness),
}


def stretched(values: Sequence[float]) -> list[float]:
    """Moved to 0..1 by the smallest and largest; all equal = all 1."""
    if not values:
        return []
    low, high = min(values), max(values)
    if high <= low:
        return [1.0] * len(values)
    return [(value - low) / (high - low) for value in values]


@dataclass(frozen=True)
class Wanted:
    """What would be an exact answer: the squeezed question, and the ISBNs in it."""

    name: str = ""
    isbns: Collection[str] = ()


def rerank(
    ranked: Sequence[Ranked],
    facts: Mapping[int, ItemFacts],
    wanted: Wanted,
    weights: SearchWeights,
    now: datetime,
) -> list[Ranked]:
    """The ranking with the other parts added to its first `weights.rerank` hits.

    Parts are never negative, so those hits stay in front of the rest.
    """
    head, tail = ranked[: weights.rerank], ranked[weights.rerank :]
    known = [
        Ranked(one.id, {**one.parts, **_other_parts(facts[one.id], wanted, weights, now)})
        if one.id in facts
        else one
        for one in head
    ]
    return [*_ordered(known), *tail]


def _other_parts(
    item: ItemFacts, wanted: Wanted, weights: SearchWeights, now: datetime
) -> dict[str, float]:
    return {
        EXACT: weights.exact * exactness(item, wanted),
        QUALITY: weights.quality * min(max(item.quality, 0.0), 1.0),
        FRESHNESS: weights.freshness * freshness(item.published_at, now, weights),
        POPULARITY: weights.popularity * item.clicks / (item.clicks + weights.popularity_half),
    }


def exactness(item: ItemFacts, wanted: Wanted) -> float:
    """1 for the item's own title or an ISBN of its books, 0.5 for the title of a book."""
    if item.isbns.intersection(wanted.isbns) or (wanted.name and wanted.name in item.names):
        return 1.0
    return 0.5 if wanted.name and wanted.name in item.book_names else 0.0


def freshness(published_at: datetime | None, now: datetime, weights: SearchWeights) -> float:
    """1 for what comes out now, halved with every half-life."""
    if published_at is None:
        return 0.0
    days = max((now - published_at).total_seconds(), 0.0) / 86_400
    return float(2.0 ** (-days / weights.freshness_half_life_days))


def add_fit(
    ranked: Sequence[Ranked], fits: Mapping[int, float], weights: SearchWeights, depth: int
) -> list[Ranked]:
    """The ranking with the part `fit` added to those of the first `depth` that have one."""
    head = ranked[:depth]
    known = [one.id for one in head if one.id in fits]
    values = dict(zip(known, stretched([fits[one] for one in known]), strict=True))
    fitted = [
        Ranked(one.id, {**one.parts, FIT: weights.fit * values[one.id]})
        if one.id in values
        else one
        for one in head
    ]
    return [*_ordered(fitted), *ranked[depth:]]


def squeezed(text: str) -> str:
    """A title or question without case, width, punctuation and spaces."""
    return "".join(c for c in normalise(text) if c.isalnum() or c in "+#")


def _ordered(ranked: Sequence[Ranked]) -> list[Ranked]:
    return sorted(ranked, key=lambda one: (-one.score, one.id))
