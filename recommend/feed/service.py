"""The feed: recall, rank, spread, say why; never a seen item, never empty without need."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from threading import BoundedSemaphore
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from contentcenter.domain.errors import InvalidInput
from contentcenter.embedding.ports import Vectors
from contentcenter.floor import Floor
from contentcenter.store.cards import ItemCard, load_items
from recommend.collaborative.serving import CoReading
from recommend.corpus_service import CorpusService
from recommend.events.learning_service import LearningService
from recommend.feed import scoring
from recommend.feed.answers import forget_answers, store_answer, stored_entries
from recommend.feed.items import FeedItem, Why, entry_of, feed_items, from_entry, showable
from recommend.feed.kept import SPARE, KeptRankings, Ranking, Request, picks_ahead
from recommend.feed.recall import LIKED_DEPTH, FeedRecall, Recalled, RecallFor
from recommend.feed.scenes import Anchor, Asked, SceneAnchors
from recommend.feed.scoring import Found, Pick
from recommend.feed.spreading import FeedSettings, Recall, merge_recalls, strengths
from recommend.feed.visits import Visit, Visits
from recommend.matching.service import MatchService
from recommend.models import ModelRegistry
from recommend.personas.service import PersonaService
from recommend.ranking.explore import ExploreSettings, places_to_explore
from recommend.ranking.features import Context, RankReader
from recommend.ranking.scenes import scene_of
from recommend.ranking.serving import FeedRanker
from recommend.readers import LONGEST_ID
from recommend.shelf import Shelf, ShelfItem

LARGEST_PAGE = 50
REST_BATCH = 600
# Pages in the making at once: where everything they ask is in this process's own files, they never
# wait, and two of them would only take the interpreter from each other; servers are waited for
# (docs/decisions/0013).
PAGES_WITHOUT_SERVERS, PAGES_WITH_SERVERS = 1, 4
ANSWERS_KEPT = timedelta(days=30)


@dataclass(frozen=True)
class FeedAnswer:
    """`trace_id` belongs to this page: events that name it are traced to it."""

    items: tuple[FeedItem, ...]
    trace_id: str
    next_cursor: str | None
    degraded: bool = False
    away: tuple[str, ...] = ()


@dataclass(frozen=True)
class Turn:
    """One page in the making: what is read for it is read over one connection."""

    connection: Connection
    visit: Visit
    asked: Asked
    size: int


class FeedService:
    """`page` answers one page of a reader's feed."""

    def __init__(
        self,
        floor: Floor,
        *,
        corpus: CorpusService,
        personas: PersonaService,
        matches: MatchService,
        learning: LearningService,
        shelf: Shelf,
        ranker: FeedRanker | None = None,
        co_reading: CoReading | None = None,
        settings: FeedSettings | None = None,
        explore: ExploreSettings | None = None,
    ) -> None:
        self._floor = floor
        self._corpus = corpus
        self._personas = personas
        self._matches = matches
        self._learning = learning
        self._shelf = shelf
        self._recall = FeedRecall(floor, corpus, co_reading)
        self._anchors = SceneAnchors(floor, corpus, shelf)
        self._ranker = ranker or FeedRanker(floor, ModelRegistry(floor))
        self._settings = settings or FeedSettings()
        self._explore = explore or ExploreSettings()
        self._zone = ZoneInfo(floor.settings.timezone)
        self._visits = Visits(floor)
        self._in_the_making = BoundedSemaphore(_pages_at_once(floor))
        self._kept = KeptRankings()

    def page(
        self,
        app_reader_id: str,
        scene: str = "home",
        size: int = 10,
        cursor: str | None = None,
        *,
        item_id: int | None = None,
        question: str = "",
    ) -> FeedAnswer:
        """One page. A reader is created on first sight. Items of one cursor chain never
        repeat, and what a reader has seen never comes back at all. `item_id` and `question`
        say what the scene is about: the book just bought, the search that found nothing."""
        _check(app_reader_id, scene, size)
        asked = Asked(scene_of(scene), item_id, question)
        with self._in_the_making, self._floor.db.connected() as connection:
            visit = self._visits.visit(connection, app_reader_id, cursor)
            if visit.answered:
                return self._replayed(visit, size)
            turn = Turn(connection, visit, asked, size)
            ranking = self._ranking(turn)
            items = self._choose(turn, ranking)
        self._remember(visit, scene, items)
        return FeedAnswer(
            items=tuple(items),
            trace_id=visit.trace_id,
            next_cursor=visit.cursor if len(items) == size else None,
            degraded=bool(ranking.away),
            away=ranking.away,
        )

    def forget_old(self) -> int:
        """Drop answers that no late event will be traced to any more; returns how many."""
        before = self._floor.clock.now() - ANSWERS_KEPT
        return forget_answers(self._floor, before)

    def _ranking(self, turn: Turn) -> Ranking:
        """What this visit goes on with, or all of it anew."""
        now, version = self._floor.clock.now(), self._ranker.current().version
        visit, asked, size = turn.visit, turn.asked, turn.size
        kept = self._kept.still_good(visit, asked, size, version=version, now=now)
        if kept is not None:
            return kept
        request = self._request(turn)
        recalled = self._recalled(turn, request)
        came = merge_recalls(recalled.lists, visit.barred, self._settings.candidates)
        found = Found(came, strengths(recalled.lists, list(came)))
        ranking = self._ranked(request, found, picks_ahead(size), recalled.away)
        if not ranking.away:
            self._kept.keep(visit.session, ranking)
        return ranking

    def _request(self, turn: Turn) -> Request:
        now, visit, asked = self._floor.clock.now(), turn.visit, turn.asked
        local = now.astimezone(self._zone)
        return Request(
            asked=asked,
            mark=visit.mark,
            persona=self._personas.reader(turn.connection, visit.reader_id, visit.audiences),
            past=self._visits.past(turn.connection, visit.reader_id),
            context=Context(
                now=now,
                hour=local.hour,
                weekend=local.weekday() >= 5,
                scene=asked.scene,
                usual_rate=self._learning.usual_rate(),
            ),
            anchor=self._anchors.anchor(asked, visit.reader_id),
        )

    def _recalled(self, turn: Turn, request: Request) -> Recalled:
        barred = turn.visit.barred
        who = RecallFor(request.persona, request.past.liked, barred)
        found = self._recall.recall(turn.connection, who)
        if request.anchor is None:
            return found
        near = self._anchors.near(request.anchor, barred)
        return replace(found, lists={Recall.SCENE: near, **found.lists})

    def _choose(self, turn: Turn, ranking: Ranking) -> list[FeedItem]:
        """A full page if there is enough to fill one; the rest of the store is the reserve."""
        visit, size = turn.visit, turn.size
        wanted = 0 if ranking.away else places_to_explore(visit.served, size, self._explore)
        chosen = self._page(turn, ranking, wanted)
        tried, after = set(ranking.found.recalls), None
        while len(chosen) < size:
            ids = self._recall.rest(visit.barred, REST_BATCH, after)
            if not ids:
                break
            after = ids[-1]
            fresh = Found({one: (Recall.REST,) for one in ids if one not in tried})
            tried |= set(fresh.recalls)
            more = self._ranked(ranking.request, fresh, size - len(chosen) + SPARE)
            chosen += self._page(turn, more, before=len(chosen))
        return chosen

    def _page(
        self, turn: Turn, ranking: Ranking, explore: int = 0, before: int = 0
    ) -> list[FeedItem]:
        """The next of these, `before` items of the page being chosen already."""
        visit, size, scored = turn.visit, turn.size - before, ranking.scored
        picks = [Pick(row) for row in ranking.left(visit.barred)[: size + SPARE]]
        if explore and picks:
            picks = scoring.explore(
                picks,
                scored,
                barred=visit.barred,
                wanted=explore,
                size=size,
                rules=self._explore,
                luck=visit.luck(),
            )
        cards = self._cards(turn.connection, [scored.items[pick.row].id for pick in picks])
        pairs = [(card, pick) for card, pick in zip(cards, picks, strict=True) if card][:size]
        if not pairs:
            return []
        why = Why.of(ranking.request.persona, ranking.found, ranking.request.anchor)
        shown = scoring.shown(scored, [pick for _, pick in pairs])
        told = [(card, one) for (card, _), one in zip(pairs, shown, strict=True)]
        return feed_items(told, why, visit.served + before + 1)

    def _ranked(
        self, request: Request, found: Found, places: int, away: tuple[str, ...] = ()
    ) -> Ranking:
        """The open candidates scored, and the best `places` of them in their order."""
        reader, shelf = self._on_shelf(request, found)
        if not shelf:
            return Ranking(request, found, scoring.nothing(self._ranker.current()), (), away)
        matched = self._matches.scored(shelf, request.persona)
        scored = scoring.score(
            shelf,
            found,
            matched,
            reader=reader,
            context=request.context,
            serving=self._ranker.current(),
            served=request.past.served_lately,
            near=self._closeness(request.anchor, matched[1].told.vectors),
        )
        picks = scoring.order(scored, matched[1], places, self._settings)
        return Ranking(request, Found(found.recalls), scored, picks, away)

    def _on_shelf(self, request: Request, found: Found) -> tuple[RankReader, list[ShelfItem]]:
        """The reader with their history, and the candidates that are open now. What was bought
        is not offered in another edition."""
        past, now = request.past, request.context.now
        loved = past.liked[:LIKED_DEPTH]
        items = self._shelf.visible([*found.recalls, *loved, *past.hidden])
        liked = [items[one] for one in loved if one in items]
        history = scoring.history(liked, past.hidden, items, now)
        owned = frozenset(request.anchor.works if request.anchor else ())
        shelf = [
            item
            for one in found.recalls
            if (item := items.get(one)) is not None
            and (item.unbound or item.open(now))
            and (not owned or owned.isdisjoint(item.works))
        ]
        return RankReader(request.persona, history), shelf

    def _closeness(self, anchor: Anchor | None, vectors: Vectors) -> Vectors | None:
        if anchor is None:
            return None
        return scoring.closeness(anchor, vectors, self._corpus.view())

    def _cards(self, connection: Connection, ids: Sequence[int]) -> list[ItemCard | None]:
        """The facts once more from the store, right before they are shown; None for what may
        not be shown any more."""
        now = self._floor.clock.now()
        cards = self._shelf.current(connection, ids)
        found = (cards.get(one) for one in ids)
        return [one if one is not None and showable(one, now) else None for one in found]

    def _remember(self, visit: Visit, scene: str, items: Sequence[FeedItem]) -> None:
        answer = {
            "trace_id": visit.trace_id,
            "reader_id": visit.reader_id,
            "scene": scene,
            "entries": [entry_of(item) for item in items],
            "at": self._floor.clock.now(),
        }
        store_answer(self._floor.db, answer)
        self._visits.answered(visit.trace_id, [item.card.id for item in items])

    def _replayed(self, visit: Visit, size: int) -> FeedAnswer:
        """The same cursor asked twice gets the same page, less what was seen since."""
        now = self._floor.clock.now()
        with self._floor.db.reading() as session:
            entries = stored_entries(session.connection(), visit.trace_id)
            cards = load_items(session, [entry["item_id"] for entry in entries])
        items = [
            from_entry(cards[entry["item_id"]], entry)
            for entry in entries
            if entry["item_id"] in cards
            and entry["item_id"] not in visit.seen
            and showable(cards[entry["item_id"]], now)
        ]
        cursor = visit.cursor if len(entries) >= size else None
        return FeedAnswer(tuple(items), visit.trace_id, cursor)


def _pages_at_once(floor: Floor) -> int:
    served = floor.settings.search_engine != "embedded" or not floor.db.is_sqlite
    return PAGES_WITH_SERVERS if served else PAGES_WITHOUT_SERVERS


def _check(app_reader_id: str, scene: str, size: int) -> None:
    if not 1 <= len(app_reader_id) <= LONGEST_ID:
        raise InvalidInput(f"reader_id: 1 to {LONGEST_ID} characters", field="reader_id")
    if not 1 <= len(scene) <= 24:
        raise InvalidInput("scene: 1 to 24 characters", field="scene")
    if not 1 <= size <= LARGEST_PAGE:
        raise InvalidInput(f"size: 1 to {LARGEST_PAGE}", field="size")
