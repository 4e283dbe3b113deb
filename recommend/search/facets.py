"""Facets of a search: each counted without what was chosen in itself, so that its other
values stay to choose from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime

from contentcenter.domain.errors import EngineUnavailable
from contentcenter.domain.prices import price_band
from contentcenter.floor import Floor
from contentcenter.search.ports import Filters
from contentcenter.store.cards import ItemCard
from recommend.search.request import SearchRequest

SIZE = 20

Counts = list[tuple[str, int]]
# The ids a question finds under other filters; None: everything that passes them.
Scope = Callable[[Filters], Sequence[int] | None]


class SearchFacets:
    """Counts over the index."""

    def __init__(self, floor: Floor) -> None:
        self._floor = floor

    def count(
        self, request: SearchRequest, ids: Sequence[int] | None, scope: Scope, now: datetime
    ) -> dict[str, Counts] | None:
        """`ids`: what the request itself found (None: everything). None while the index is
        away."""
        chosen = [name for name in request.facets if request.chooses(name)]
        plain = [name for name in request.facets if name not in chosen]
        index, wanted = self._floor.index, request.filters(now)
        try:
            found = index.facets(ids, wanted, plain, SIZE) if plain else {}
            for name in chosen:
                loose = request.without(name).filters(now)
                found |= index.facets(scope(loose), loose, [name], SIZE)
        except EngineUnavailable:
            return None
        return {name: found[name] for name in request.facets}

    def total(self, wanted: Filters) -> int:
        """How many pass the filters. Raises `EngineUnavailable`."""
        kinds = self._floor.index.facets(None, wanted, ["kind"])["kind"]
        return sum(count for _, count in kinds)


def facets_of(cards: Sequence[ItemCard], names: Sequence[str]) -> dict[str, Counts]:
    """The same counts over items at hand, for when the index is away."""
    out: dict[str, Counts] = {}
    for name in names:
        counts = Counter(value for card in cards for value in _VALUES[name](card) if value)
        out[name] = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))[:SIZE]
    return out


def _band(card: ItemCard) -> list[str]:
    return [] if card.price_fen is None else [price_band(card.price_fen)]


_VALUES: dict[str, Callable[[ItemCard], Sequence[str]]] = {
    "kind": lambda card: [card.kind],
    "category": lambda card: [card.category],
    "tag": lambda card: card.tag_names,
    "publisher": lambda card: sorted({book.publisher for book in card.books}),
    "source": lambda card: [card.source],
    "price_band": _band,
    "year": lambda card: [str(year) for year in card.years],
}
