"""Search for the API and the console: hybrid, filtered, faceted, highlighted, never silent
about what was away."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import TypeGuard

from sqlalchemy import select

from contentcenter.domain.content import ItemState
from contentcenter.domain.errors import EngineUnavailable, InvalidInput, NotFound
from contentcenter.floor import Floor
from contentcenter.search.ports import Filters, Hit, Mark, Order, Page
from contentcenter.store.cards import ItemCard, load_items
from contentcenter.store.tables import ItemRow
from contentcenter.text.highlight import highlight
from recommend.cursors import pack_cursor, unpack_cursor
from recommend.matching.service import MatchService
from recommend.personas.service import PersonaService
from recommend.search.facets import Counts, Scope, SearchFacets, facets_of
from recommend.search.fallback import StoreSearch
from recommend.search.hybrid import HybridSearch
from recommend.search.kept import Found, KeptRankings
from recommend.search.ranking import Ranked, add_fit
from recommend.search.request import MOST, SearchAnswer, SearchHit, SearchRequest
from recommend.shelf import Shelf

PERSONA_DEPTH = 120
TITLE_LENGTH = 200
# A match further down a long text is found all the same; only the excerpt is from above.
SNIPPET_FROM = 4000

_Shown = tuple[ItemCard, Ranked]


class SearchService:
    """`search`, `similar`. Falls back to the store when the index is away, to words alone
    when the embedder is."""

    def __init__(
        self,
        floor: Floor,
        *,
        hybrid: HybridSearch,
        personas: PersonaService,
        matches: MatchService,
        shelf: Shelf,
    ) -> None:
        self._floor = floor
        self._hybrid = hybrid
        self._personas = personas
        self._matches = matches
        self._shelf = shelf
        self._store = StoreSearch(floor)
        self._facets = SearchFacets(floor)
        self._kept = KeptRankings(floor.redis)

    def search(self, request: SearchRequest) -> SearchAnswer:
        """One page. A chain of pages shows everything once: browsing goes through the whole
        catalogue, a question through its ranking."""
        request.check()
        now = self._floor.clock.now()
        if request.blank and (request.order is not None or request.audience_id is None):
            return self._browse(request, now)
        start, kept = self._kept.find(request)
        found = kept or self._rank(request, now)
        page, position = self._page(request, found, start, now)
        more = position < len(found.hits)
        return SearchAnswer(
            items=tuple(self._hits(request, page)),
            next_cursor=self._kept.keep(request, found, position) if more else None,
            total=len(found.hits),
            facets=self._ranking_facets(request, found, now),
            degraded=bool(found.away),
            away=found.away,
            like=found.like,
        )

    # --- browsing

    def _browse(self, request: SearchRequest, now: datetime) -> SearchAnswer:
        wanted, mark, away = request.filters(now), _mark(request), False
        shown: list[_Shown] = []
        while True:
            page, lost = self._next(wanted, request, request.size - len(shown), mark)
            away, mark = away or lost, page.next
            shown += self._visible(request, [Ranked(one) for one in page.ids], now)
            if mark is None or len(shown) >= request.size:
                break
        total, facets = self._browse_counts(request, wanted, now, away)
        return SearchAnswer(
            items=tuple(self._hits(request, shown)),
            next_cursor=None if mark is None else _browse_cursor(request, mark),
            total=total,
            facets=facets,
            degraded=away,
            away=("index",) if away else (),
        )

    def _next(
        self, wanted: Filters, request: SearchRequest, limit: int, mark: Mark | None
    ) -> tuple[Page, bool]:
        """The next ids, and whether the index was away."""
        order = request.order or Order.NEWEST
        try:
            return self._floor.index.page(wanted, limit, order, mark), False
        except EngineUnavailable:
            return self._store.page(wanted, limit, order, mark), True

    def _browse_counts(
        self, request: SearchRequest, wanted: Filters, now: datetime, away: bool
    ) -> tuple[int, dict[str, Counts]]:
        if away:
            return self._counts_of_store(request, wanted, now)
        try:
            facets = self._facets.count(request, None, lambda _: None, now)
            return self._facets.total(wanted), facets or {}
        except EngineUnavailable:  # it went away between the page and its counts
            return self._counts_of_store(request, wanted, now)

    def _counts_of_store(
        self, request: SearchRequest, wanted: Filters, now: datetime
    ) -> tuple[int, dict[str, Counts]]:
        ids = self._store.find("", wanted, request.order)
        return len(ids), self._facets_of(request, ids, now)

    # --- questions

    def _rank(self, request: SearchRequest, now: datetime) -> Found:
        wanted = request.filters(now)
        try:
            found = self._from_index(request, wanted)
        except EngineUnavailable:
            ids = self._store.find(request.q, wanted, request.order)
            found = Found(tuple(Ranked(one) for one in ids), ("index",), from_store=True)
        if request.audience_id is not None and request.order is None:
            found = self._by_persona(request.audience_id, found)
        return found

    def _from_index(self, request: SearchRequest, wanted: Filters) -> Found:
        if request.blank:
            ids = self._floor.index.select(wanted, self._hybrid.weights.depth)
            return Found(tuple(Ranked(one) for one in ids))
        if request.order is not None:
            ids, away = self._hybrid.sorted_ids(request.q, wanted, request.order)
            return Found(tuple(Ranked(one) for one in ids), away)
        ranking = self._hybrid.rank(request.q, wanted)
        return Found(ranking.hits, ranking.away, like=ranking.like)

    def _by_persona(self, audience_id: int, found: Found) -> Found:
        fits = self._fits(audience_id, found.ids[:PERSONA_DEPTH])
        hits = add_fit(found.hits, fits, self._hybrid.weights, PERSONA_DEPTH)
        return replace(found, hits=tuple(hits))

    def _page(
        self, request: SearchRequest, found: Found, start: int, now: datetime
    ) -> tuple[list[_Shown], int]:
        """What one page shows, and where the next begins."""
        shown: list[_Shown] = []
        position = start
        while position < len(found.hits) and len(shown) < request.size:
            chunk = found.hits[position : position + request.size - len(shown)]
            shown += self._visible(request, chunk, now)
            position += len(chunk)
        return shown, position

    def _ranking_facets(
        self, request: SearchRequest, found: Found, now: datetime
    ) -> dict[str, Counts]:
        if not request.facets:
            return {}
        counted = None
        if not found.from_store:
            ids = None if request.blank else found.ids
            counted = self._facets.count(request, ids, self._scope(request), now)
        return self._facets_of(request, found.ids, now) if counted is None else counted

    def _scope(self, request: SearchRequest) -> Scope:
        if request.blank:
            return lambda _: None
        question = self._hybrid.question(request.q)
        return lambda loose: [hit.id for hit in self._hybrid.fused(question, loose).hits]

    # --- what is shown

    def _visible(
        self, request: SearchRequest, hits: Sequence[Ranked], now: datetime
    ) -> list[_Shown]:
        """State and rights are asked of the store: the index may not know yet."""
        with self._floor.db.reading() as session:
            cards = load_items(session, [hit.id for hit in hits])
        known = ((cards[hit.id], hit) for hit in hits if hit.id in cards)
        return [(card, hit) for card, hit in known if request.shows(card, now)]

    def _hits(self, request: SearchRequest, shown: Sequence[_Shown]) -> list[SearchHit]:
        words = () if request.blank else self._floor.analyser.highlight_words(request.q)
        fits: dict[int, float] = {}
        if request.audience_id is not None:
            fits = self._fits(request.audience_id, [card.id for card, _ in shown])
        return [_hit(card, hit, words, fits, request.explain) for card, hit in shown]

    def _fits(self, audience_id: int, ids: Sequence[int]) -> dict[int, float]:
        shelf = list(self._shelf.visible(ids).values())
        if not shelf:
            return {}
        persona = self._personas.personas([audience_id])[audience_id]
        scores = self._matches.persona_scores(shelf, persona).total[:, 0]
        return {one.id: float(score) for one, score in zip(shelf, scores, strict=True)}

    def _facets_of(
        self, request: SearchRequest, ids: Sequence[int], now: datetime
    ) -> dict[str, Counts]:
        if not request.facets:
            return {}
        shown = self._visible(request, [Ranked(one) for one in ids], now)
        return facets_of([card for card, _ in shown], request.facets)

    # --- neighbours

    def similar(self, item_id: int, size: int = 10, filters: Filters | None = None) -> SearchAnswer:
        """Neighbours of an item: other works first, then other items about the same work."""
        size = min(max(size, 1), MOST)
        with self._floor.db.reading() as session:
            own = load_items(session, [item_id]).get(item_id)
        if own is None:
            raise NotFound(f"There is no item {item_id}", item_id=item_id)
        try:
            hits = self._neighbours(own, size, filters or Filters())
            away: tuple[str, ...] = ()
        except EngineUnavailable:
            hits, away = self._same_shelf(own), ("index",)
        ranked = [Ranked(hit.id, {"vector": hit.score}) for hit in hits if hit.id != item_id]
        shown = self._visible(SearchRequest(), ranked, self._floor.clock.now())
        works = set(own.works)
        ordered = sorted(shown, key=lambda pair: bool(works & set(pair[0].works)))
        items = tuple(_plain_hit(card, hit.score) for card, hit in ordered[:size])
        return SearchAnswer(items, None, len(items), degraded=bool(away), away=away)

    def _neighbours(self, own: ItemCard, size: int, filters: Filters) -> list[Hit]:
        vector = self._floor.index.vectors([own.id]).get(own.id)
        if vector is None:
            return []
        wanted = replace(
            filters,
            states=(ItemState.PUBLISHED.value,),
            rights_at=self._floor.clock.now(),
            exclude_ids=(*filters.exclude_ids, own.id),
        )
        return self._floor.index.nearest(vector[None, :], wanted, 3 * size)[0]

    def _same_shelf(self, own: ItemCard) -> list[Hit]:
        query = (
            select(ItemRow.id)
            .where(ItemRow.state == ItemState.PUBLISHED.value, ItemRow.category == own.category)
            .order_by(ItemRow.published_at.desc(), ItemRow.id.desc())
            .limit(MOST)
        )
        with self._floor.db.reading() as session:
            return [Hit(one, 0.0) for one in session.scalars(query)]


def _mark(request: SearchRequest) -> Mark | None:
    if request.cursor is None:
        return None
    value = unpack_cursor(request.cursor)
    place = value.get("m")
    if value.get("f") != request.fingerprint() or not _is_place(place):
        raise InvalidInput("This cursor belongs to another search", field="cursor")
    return Mark(place[0], place[1])


def _is_place(place: object) -> TypeGuard[tuple[int | None, int]]:
    return (
        isinstance(place, list)
        and len(place) == 2
        and isinstance(place[0], int | None)
        and isinstance(place[1], int)
    )


def _browse_cursor(request: SearchRequest, mark: Mark) -> str:
    return pack_cursor({"f": request.fingerprint(), "m": [mark.value, mark.id]})


def _hit(
    card: ItemCard, hit: Ranked, words: Sequence[str], fits: dict[int, float], explain: bool
) -> SearchHit:
    parts = {name: round(value, 6) for name, value in hit.parts.items()}
    fit = fits.get(card.id)
    return SearchHit(
        card=card,
        score=round(sum(parts.values()), 6),
        title=tuple(highlight(card.title, words, TITLE_LENGTH)),
        snippet=tuple(highlight((card.text or card.summary)[:SNIPPET_FROM], words)),
        fit=None if fit is None else round(fit, 4),
        parts=parts if explain else None,
    )


def _plain_hit(card: ItemCard, score: float) -> SearchHit:
    text = (card.summary or card.text)[:120]
    return SearchHit(card, round(score, 6), ((card.title, False),), ((text, False),))
