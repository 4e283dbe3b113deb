"""Search for the API and the console: hybrid, filtered, faceted, highlighted, never silent
about what was away."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import sha256
from json import dumps, loads

import redis
from sqlalchemy import select

from contentcenter.domain.content import ItemState
from contentcenter.domain.errors import EngineUnavailable, InvalidInput, NotFound
from contentcenter.floor import Floor
from contentcenter.search.fusion import normalised_scores
from contentcenter.search.ports import Filters, Hit
from contentcenter.store.cards import ItemCard, load_items
from contentcenter.store.tables import ItemRow
from contentcenter.text.highlight import highlight
from recommend.cursors import pack_cursor, unpack_cursor
from recommend.hybrid import HybridSearch
from recommend.match_service import MatchService
from recommend.persona_service import PersonaService
from recommend.search_request import (
    FACETS,
    MOST,
    SORTS,
    SearchAnswer,
    SearchHit,
    SearchRequest,
    passes,
)
from recommend.shelf import Shelf

DEPTH = 400
PERSONA_DEPTH = 120
PERSONA_WEIGHT = 0.6
KEEP_SECONDS = 600
TITLE_LENGTH = 200


@dataclass(frozen=True)
class _Found:
    hits: tuple[Hit, ...]
    away: tuple[str, ...] = ()
    from_store: bool = False


class SearchService:
    """`search`, `similar`. Falls back to the store's titles when the index is away, to words
    alone when the embedder is."""

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

    def search(self, request: SearchRequest) -> SearchAnswer:
        """One page. Pages of one cursor chain come from one ranking and never repeat."""
        _check(request)
        now = self._floor.clock.now()
        start, found = self._ranking(request, now)
        page, position = self._page(request, found, start, now)
        more = position < len(found.hits)
        cursor = self._cursor(request, found, position) if more else None
        return SearchAnswer(
            items=tuple(self._hits(request, page)),
            next_cursor=cursor,
            total=len(found.hits),
            facets=self._facets(request, found, now),
            degraded=bool(found.away),
            away=found.away,
        )

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
        cards = self._visible([hit.id for hit in hits])
        known = [hit for hit in hits if hit.id in cards and hit.id != item_id]
        works = set(own.works)
        ordered = sorted(known, key=lambda hit: bool(works & set(cards[hit.id].works)))
        items = tuple(_plain_hit(cards[hit.id], hit.score) for hit in ordered[:size])
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

    def _ranking(self, request: SearchRequest, now: datetime) -> tuple[int, _Found]:
        """Where the page starts, and the ranking: the kept one of a cursor, or a new one."""
        if request.cursor is None:
            return 0, self._rank(request, now)
        value = unpack_cursor(request.cursor)
        if value.get("f") != request.fingerprint() or not isinstance(value.get("o"), int):
            raise InvalidInput("This cursor belongs to another search", field="cursor")
        kept = self._kept(str(value.get("k", "")))
        return max(value["o"], 0), kept or self._rank(request, now)

    def _rank(self, request: SearchRequest, now: datetime) -> _Found:
        wanted = request.filters(now)
        try:
            found = self._from_index(request, wanted)
        except EngineUnavailable:
            found = self._from_store(request, wanted, now)
        if request.audience_id is not None:
            found = self._by_persona(request.audience_id, found)
        return self._sorted(request, found)

    def _from_index(self, request: SearchRequest, wanted: Filters) -> _Found:
        if not request.q.strip():
            ids = self._floor.index.select(wanted, DEPTH)
            return _Found(tuple(Hit(one, 0.0) for one in ids))
        ranking = self._hybrid.rank(request.q, wanted, DEPTH)
        return _Found(tuple(Hit(one.id, one.score) for one in ranking.hits), ranking.away)

    def _from_store(self, request: SearchRequest, wanted: Filters, now: datetime) -> _Found:
        query = (
            select(ItemRow.id)
            .where(ItemRow.state == ItemState.PUBLISHED.value)
            .order_by(ItemRow.published_at.desc(), ItemRow.id.desc())
            .limit(DEPTH)
        )
        for word in request.q.split()[:5]:
            query = query.where(ItemRow.title.contains(word, autoescape=True))
        with self._floor.db.reading() as session:
            cards = load_items(session, list(session.scalars(query)))
        hits = [Hit(one, 0.0) for one, card in cards.items() if passes(card, wanted, now)]
        return _Found(tuple(hits), ("index",), from_store=True)

    def _by_persona(self, audience_id: int, found: _Found) -> _Found:
        top = found.hits[:PERSONA_DEPTH]
        shelf = list(self._shelf.visible([hit.id for hit in top]).values())
        if not shelf:
            return found
        persona = self._personas.personas([audience_id])[audience_id]
        scores = self._matches.persona_scores(shelf, persona).total[:, 0]
        fit = [Hit(one.id, float(score)) for one, score in zip(shelf, scores, strict=True)]
        fit.sort(key=lambda hit: (-hit.score, hit.id))
        known = {hit.id for hit in fit}
        fused = normalised_scores(
            [[hit for hit in top if hit.id in known], fit], [1.0, PERSONA_WEIGHT]
        )
        return replace(found, hits=(*fused, *found.hits[PERSONA_DEPTH:]))

    def _sorted(self, request: SearchRequest, found: _Found) -> _Found:
        if request.sort == "relevance":
            return found
        cards = self._visible([hit.id for hit in found.hits])
        hits = [hit for hit in found.hits if hit.id in cards]
        if request.sort == "newest":
            hits.sort(key=lambda hit: _age_key(cards[hit.id]))
        else:
            back = request.sort == "price_desc"
            hits.sort(key=lambda hit: _price_key(cards[hit.id], back))
        return replace(found, hits=tuple(hits))

    def _page(
        self, request: SearchRequest, found: _Found, start: int, now: datetime
    ) -> tuple[list[tuple[ItemCard, float]], int]:
        """Cards of one page, state and rights checked in the store; and where the next begins."""
        out: list[tuple[ItemCard, float]] = []
        position = start
        while position < len(found.hits) and len(out) < request.size:
            chunk = found.hits[position : position + request.size - len(out)]
            cards = self._visible([hit.id for hit in chunk])
            out += [
                (cards[hit.id], hit.score)
                for hit in chunk
                if hit.id in cards and cards[hit.id].allowed(now)
            ]
            position += len(chunk)
        return out, position

    def _visible(self, ids: Sequence[int]) -> dict[int, ItemCard]:
        with self._floor.db.reading() as session:
            cards = load_items(session, ids)
        return {one: card for one, card in cards.items() if card.state == ItemState.PUBLISHED.value}

    def _hits(
        self, request: SearchRequest, page: Sequence[tuple[ItemCard, float]]
    ) -> list[SearchHit]:
        words = self._floor.analyser.highlight_words(request.q) if request.q.strip() else ()
        fits = self._fits(request, [card.id for card, _ in page])
        return [
            SearchHit(
                card=card,
                score=round(score, 6),
                title=tuple(highlight(card.title, words, TITLE_LENGTH)),
                snippet=tuple(highlight(card.text or card.summary, words)),
                fit=fits.get(card.id),
            )
            for card, score in page
        ]

    def _fits(self, request: SearchRequest, ids: Sequence[int]) -> dict[int, float]:
        if request.audience_id is None:
            return {}
        shelf = list(self._shelf.visible(ids).values())
        if not shelf:
            return {}
        persona = self._personas.personas([request.audience_id])[request.audience_id]
        scores = self._matches.persona_scores(shelf, persona).total[:, 0]
        return {one.id: round(float(s), 4) for one, s in zip(shelf, scores, strict=True)}

    def _facets(
        self, request: SearchRequest, found: _Found, now: datetime
    ) -> dict[str, list[tuple[str, int]]]:
        names = [name for name in request.facets if name in FACETS]
        if not names:
            return {}
        ids = [hit.id for hit in found.hits]
        if found.from_store:
            return _facets_of(list(self._visible(ids).values()), names)
        wanted = request.filters(now)
        scope = ids if request.q.strip() else None
        try:
            return self._floor.index.facets(scope, wanted, names)
        except EngineUnavailable:
            return _facets_of(list(self._visible(ids).values()), names)

    def _cursor(self, request: SearchRequest, found: _Found, position: int) -> str:
        ids = [[hit.id, round(hit.score, 6)] for hit in found.hits]
        body = dumps({"hits": ids, "away": found.away, "store": found.from_store})
        key = f"{request.fingerprint()}-{sha256(body.encode()).hexdigest()[:16]}"
        try:
            self._floor.redis.set(_key(key), body, ex=KEEP_SECONDS)
        except redis.RedisError:
            key = ""  # the next page ranks again and skips: good while nothing changes
        return pack_cursor({"f": request.fingerprint(), "o": position, "k": key})

    def _kept(self, key: str) -> _Found | None:
        if not key:
            return None
        try:
            body = self._floor.redis.get(_key(key))
        except redis.RedisError:
            return None
        if not isinstance(body, (bytes, str)):
            return None
        value = loads(body)
        hits = tuple(Hit(int(one), float(score)) for one, score in value["hits"])
        return _Found(hits, tuple(value["away"]), bool(value["store"]))


def _check(request: SearchRequest) -> None:
    if request.sort not in SORTS:
        raise InvalidInput(f"sort: one of {', '.join(SORTS)}", field="sort")
    if not 1 <= request.size <= MOST:
        raise InvalidInput(f"size: 1 to {MOST}", field="size")
    unknown = [name for name in request.facets if name not in FACETS]
    if unknown:
        raise InvalidInput(f"facets: any of {', '.join(FACETS)}", field="facets")


def _key(key: str) -> str:
    return f"contentcenter:search:{key}"


def _age_key(card: ItemCard) -> tuple[float, int]:
    at = card.published_at or card.created_at
    return -at.timestamp(), -card.id


def _price_key(card: ItemCard, back: bool) -> tuple[bool, int, int]:
    """Items without a price come last either way."""
    price = card.price_fen
    if price is None:
        return True, 0, card.id
    return False, -price if back else price, card.id


def _facets_of(cards: Sequence[ItemCard], names: Sequence[str]) -> dict[str, list[tuple[str, int]]]:
    def values(card: ItemCard, name: str) -> Sequence[str]:
        if name == "tag":
            return card.tag_names
        if name == "publisher":
            return sorted({book.publisher for book in card.books if book.publisher})
        return [str(getattr(card, name))]

    out: dict[str, list[tuple[str, int]]] = {}
    for name in names:
        counts = Counter(value for card in cards for value in values(card, name) if value)
        out[name] = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))[:20]
    return out


def _plain_hit(card: ItemCard, score: float) -> SearchHit:
    text = (card.summary or card.text)[:120]
    return SearchHit(card, round(score, 6), ((card.title, False),), ((text, False),))
