"""The feed: recall, rank, spread, say why; never a seen item, never empty without need."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import delete

from contentcenter.domain.errors import InvalidInput
from contentcenter.embedding.ports import Vectors
from contentcenter.floor import Floor
from contentcenter.store.cards import ItemCard, load_items
from recommend import feed_ranking
from recommend.collaborative.serving import CoReading
from recommend.corpus_service import CorpusService
from recommend.feed import (
    FeedSettings,
    Recall,
    merge_recalls,
    strengths,
)
from recommend.feed_items import FeedItem, Why, entry_of, feed_items, from_entry, showable
from recommend.feed_ranking import Found
from recommend.feed_recall import FeedRecall, Recalled, RecallFor
from recommend.feed_scene import Anchor, Asked, SceneAnchors
from recommend.feed_visit import Visit, visit_of
from recommend.learning_service import LearningService
from recommend.match_service import MatchService
from recommend.matching import ItemFeatures
from recommend.models import ModelRegistry
from recommend.persona_math import Persona
from recommend.persona_service import PersonaService
from recommend.ranking.explore import ExploreSettings, places_to_explore
from recommend.ranking.features import Context, RankReader
from recommend.ranking.scenes import scene_of
from recommend.ranking.serving import FeedRanker
from recommend.readers import LONGEST_ID
from recommend.shelf import Shelf, ShelfItem
from recommend.tables import FeedAnswerRow

LARGEST_PAGE = 50
SPARE = 5  # picked beyond the page, in case a fact changed since the shelf was filled
REST_BATCH = 600
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
class _Request:
    """One page being made: who asks, what for, what is known of them."""

    visit: Visit
    persona: Persona
    context: Context
    liked: Sequence[int]
    anchor: Anchor | None


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
        visit = visit_of(self._floor, app_reader_id, cursor)
        again = self._replayed(visit, size)
        if again is not None:
            return again
        asked = Asked(scene_of(scene), item_id, question)
        request, found = self._request(visit, asked)
        lists = self._lists(request, found)
        came = merge_recalls(lists, visit.barred, self._settings.candidates)
        wanted = 0 if found.away else places_to_explore(visit.served, size, self._explore)
        items = self._choose(request, Found(came, strengths(lists, came)), size, wanted)
        more = len(items) == size
        self._remember(visit, scene, items)
        return FeedAnswer(
            items=tuple(items),
            trace_id=visit.trace_id,
            next_cursor=visit.cursor if more else None,
            degraded=bool(found.away),
            away=found.away,
        )

    def forget_old(self) -> int:
        """Drop answers that no late event will be traced to any more; returns how many."""
        before = self._floor.clock.now() - ANSWERS_KEPT
        with self._floor.db.transaction() as session:
            done = session.execute(delete(FeedAnswerRow).where(FeedAnswerRow.at < before))
        return int(done.rowcount)  # type: ignore[attr-defined]

    def _request(self, visit: Visit, asked: Asked) -> tuple[_Request, Recalled]:
        persona = self._personas.reader(visit.reader_id, visit.audiences)
        found = self._recall.recall(RecallFor(visit.reader_id, persona, visit.barred))
        now = self._floor.clock.now()
        local = now.astimezone(self._zone)
        context = Context(
            now=now,
            hour=local.hour,
            weekend=local.weekday() >= 5,
            scene=asked.scene,
            usual_rate=self._learning.usual_rate(),
        )
        anchor = self._anchors.anchor(asked, visit.reader_id)
        return _Request(visit, persona, context, found.liked, anchor), found

    def _lists(self, request: _Request, found: Recalled) -> Mapping[Recall, Sequence[int]]:
        if request.anchor is None:
            return found.lists
        near = self._anchors.near(request.anchor, request.visit.barred)
        return {Recall.SCENE: near, **found.lists}

    def _choose(self, request: _Request, found: Found, size: int, explore: int) -> list[FeedItem]:
        """A full page if there is enough to fill one; the rest of the store is the reserve."""
        barred = request.visit.barred
        chosen = self._ranked(request, found, size, explore)
        tried, after = set(found.recalls), None
        while len(chosen) < size:
            ids = self._recall.rest(barred, REST_BATCH, after)
            if not ids:
                break
            after = ids[-1]
            fresh = Found({one: (Recall.REST,) for one in ids if one not in tried})
            tried |= set(fresh.recalls)
            chosen += self._ranked(request, fresh, size - len(chosen), 0, len(chosen))
        return chosen

    def _ranked(
        self, request: _Request, found: Found, size: int, explore: int, before: int = 0
    ) -> list[FeedItem]:
        """The best of these, `before` items of the page being chosen already."""
        reader, shelf = self._on_shelf(request, found)
        if not shelf:
            return []
        serving = self._ranker.current()
        matched = self._matches.scored(shelf, request.persona)
        scored = feed_ranking.score(
            shelf,
            found,
            matched,
            reader=reader,
            context=request.context,
            serving=serving,
            served=request.visit.served_lately,
            near=self._closeness(request.anchor, matched[1]),
        )
        slope = serving.model.prior.slope
        picks = feed_ranking.order(scored, found, size + SPARE, self._settings, slope)
        if explore:
            luck = request.visit.luck()
            picks = feed_ranking.explore(
                picks, scored, wanted=explore, size=size, rules=self._explore, luck=luck
            )
        facts = feed_ranking.shown(scored, picks, matched[0], serving)
        why = Why(request.persona, found, request.anchor)
        first = request.visit.served + before + 1
        cards = self._cards([shelf[pick.row].id for pick in picks])
        return feed_items(zip(cards, facts, strict=True), why, size, first)

    def _on_shelf(self, request: _Request, found: Found) -> tuple[RankReader, list[ShelfItem]]:
        """The reader with their history, and the candidates that are open now. What was bought
        is not offered in another edition."""
        visit, now = request.visit, request.context.now
        wanted = [*found.recalls, *request.liked, *visit.hidden]
        items = self._shelf.visible(wanted)
        liked = [items[one] for one in request.liked if one in items]
        past = feed_ranking.history(liked, visit.hidden, items, now)
        owned = frozenset(request.anchor.works if request.anchor else ())
        shelf = [
            items[one]
            for one in found.recalls
            if one in items and items[one].open(now) and not owned.intersection(items[one].works)
        ]
        return RankReader(request.persona, past), shelf

    def _closeness(self, anchor: Anchor | None, columns: ItemFeatures) -> Vectors | None:
        if anchor is None:
            return None
        return feed_ranking.closeness(anchor, columns.vectors, self._corpus.view())

    def _cards(self, ids: Sequence[int]) -> list[ItemCard | None]:
        """The facts once more from the store, right before they are shown; None for what may
        not be shown any more."""
        now = self._floor.clock.now()
        cards = self._shelf.current(ids)
        found = (cards.get(one) for one in ids)
        return [one if one is not None and showable(one, now) else None for one in found]

    def _remember(self, visit: Visit, scene: str, items: Sequence[FeedItem]) -> None:
        row = FeedAnswerRow(
            trace_id=visit.trace_id,
            reader_id=visit.reader_id,
            scene=scene,
            entries=[entry_of(item) for item in items],
            at=self._floor.clock.now(),
        )
        with self._floor.db.transaction() as session:
            session.add(row)

    def _replayed(self, visit: Visit, size: int) -> FeedAnswer | None:
        """The same cursor asked twice gets the same page, less what was seen since."""
        if visit.page == 0:
            return None  # a session that has just been made up
        now = self._floor.clock.now()
        with self._floor.db.reading() as session:
            row = session.get(FeedAnswerRow, visit.trace_id)
            if row is None:
                return None
            if row.reader_id != visit.reader_id:
                raise InvalidInput("This cursor belongs to another reader", field="cursor")
            cards = load_items(session, [entry["item_id"] for entry in row.entries])
        items = [
            from_entry(cards[entry["item_id"]], entry)
            for entry in row.entries
            if entry["item_id"] in cards
            and entry["item_id"] not in visit.seen
            and showable(cards[entry["item_id"]], now)
        ]
        cursor = visit.cursor if len(row.entries) >= size else None
        return FeedAnswer(tuple(items), visit.trace_id, cursor)


def _check(app_reader_id: str, scene: str, size: int) -> None:
    if not 1 <= len(app_reader_id) <= LONGEST_ID:
        raise InvalidInput(f"reader_id: 1 to {LONGEST_ID} characters", field="reader_id")
    if not 1 <= len(scene) <= 24:
        raise InvalidInput("scene: 1 to 24 characters", field="scene")
    if not 1 <= size <= LARGEST_PAGE:
        raise InvalidInput(f"size: 1 to {LARGEST_PAGE}", field="size")
