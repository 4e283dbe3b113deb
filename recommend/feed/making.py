"""Makes a ranking: who asks, what is recalled for them, scored and put in its order."""

from __future__ import annotations

from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass, replace
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from contentcenter.embedding.ports import Vectors
from contentcenter.floor import Floor
from recommend.collaborative.serving import CoReading
from recommend.corpus_service import CorpusService
from recommend.events.learning_service import LearningService
from recommend.feed import scoring
from recommend.feed.items import Why
from recommend.feed.kept import SPARE, Prepared, picks_ahead
from recommend.feed.recall import LIKED_DEPTH, FeedRecall, Recalled, RecallFor
from recommend.feed.scenes import Anchor, Asked, SceneAnchors
from recommend.feed.scoring import Found
from recommend.feed.spreading import FeedSettings, Recall, merge_recalls, strengths
from recommend.feed.visits import Past, Visit, Visits
from recommend.matching.service import MatchService
from recommend.persona_math import Persona
from recommend.personas.service import PersonaService
from recommend.ranking.features import Context, RankReader
from recommend.ranking.serving import FeedRanker, Serving
from recommend.shelf import Shelf, ShelfItem

REST_BATCH = 600


@dataclass(frozen=True)
class Turn:
    """One page in the making: what is read for it is read over one connection."""

    connection: Connection
    visit: Visit
    asked: Asked
    size: int


@dataclass(frozen=True)
class Request:
    """What is known of who asks."""

    turn: Turn
    persona: Persona
    past: Past
    context: Context
    anchor: Anchor | None


@dataclass(frozen=True)
class Sources:
    """The parts of the room that a ranking asks."""

    corpus: CorpusService
    personas: PersonaService
    matches: MatchService
    learning: LearningService
    shelf: Shelf
    ranker: FeedRanker
    co_reading: CoReading | None = None


class RankingMaker:
    """`prepared` ranks the best few hundred for a request, `reserve` the rest of the store."""

    def __init__(
        self, floor: Floor, sources: Sources, visits: Visits, settings: FeedSettings
    ) -> None:
        self._floor = floor
        self._sources = sources
        self._visits = visits
        self._settings = settings
        self._recall = FeedRecall(floor, sources.corpus, sources.co_reading)
        self._anchors = SceneAnchors(floor, sources.corpus, sources.shelf)
        self._zone = ZoneInfo(floor.settings.timezone)

    def serving(self) -> Serving:
        return self._sources.ranker.current()

    def prepared(self, turn: Turn) -> Prepared:
        """Ranked from the beginning."""
        request = self._request(turn)
        recalled = self._recalled(request)
        came = merge_recalls(recalled.lists, turn.visit.barred, self._settings.candidates)
        found = Found(came, strengths(recalled.lists, list(came)))
        return self._ranked(request, found, picks_ahead(turn.size), recalled.away)

    def reserve(self, turn: Turn, tried: Container[int]) -> Iterator[Prepared]:
        """Published items that were not `tried`, ranked batch by batch, newest first."""
        request, after = self._request(turn), None
        while ids := self._recall.rest(turn.visit.barred, REST_BATCH, after):
            after = ids[-1]
            found = Found({one: (Recall.REST,) for one in ids if one not in tried})
            yield self._ranked(request, found, turn.size + SPARE)

    def _request(self, turn: Turn) -> Request:
        now, visit, asked = self._floor.clock.now(), turn.visit, turn.asked
        local = now.astimezone(self._zone)
        return Request(
            turn=turn,
            persona=self._sources.personas.reader(
                turn.connection, visit.reader_id, visit.audiences
            ),
            past=self._visits.past(turn.connection, visit.reader_id),
            context=Context(
                now=now,
                hour=local.hour,
                weekend=local.weekday() >= 5,
                scene=asked.scene,
                usual_rate=self._sources.learning.usual_rate(),
            ),
            anchor=self._anchors.anchor(asked, visit.reader_id),
        )

    def _recalled(self, request: Request) -> Recalled:
        turn, barred = request.turn, request.turn.visit.barred
        who = RecallFor(request.persona, request.past.liked, barred)
        found = self._recall.recall(turn.connection, who)
        if request.anchor is None:
            return found
        near = self._anchors.near(request.anchor, barred)
        return replace(found, lists={Recall.SCENE: near, **found.lists})

    def _ranked(
        self, request: Request, found: Found, places: int, away: tuple[str, ...] = ()
    ) -> Prepared:
        """The open candidates scored, and the best `places` of them in their order."""
        reader, shelf = self._on_shelf(request, found)
        if not shelf:
            return _prepared(request, found, scoring.nothing(self.serving()), (), away)
        matched = self._sources.matches.scored(shelf, request.persona)
        scored = scoring.score(
            shelf,
            found,
            matched,
            reader=reader,
            context=request.context,
            serving=self.serving(),
            served=request.past.served_lately,
            near=self._closeness(request.anchor, matched[1].told.vectors),
        )
        picks = scoring.order(scored, matched[1], places, self._settings)
        return _prepared(request, found, scored, picks, away)

    def _on_shelf(self, request: Request, found: Found) -> tuple[RankReader, list[ShelfItem]]:
        """The reader with their history, and the candidates that are open now. What was bought
        is not offered in another edition."""
        past, now = request.past, request.context.now
        loved = past.liked[:LIKED_DEPTH]
        items = self._sources.shelf.visible([*found.recalls, *loved, *past.hidden])
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
        return scoring.closeness(anchor, vectors, self._sources.corpus.view())


def _prepared(
    request: Request,
    found: Found,
    scored: scoring.Scored,
    picks: Sequence[int],
    away: tuple[str, ...],
) -> Prepared:
    return Prepared(
        page=request.turn.visit.trace_id,
        asked=request.turn.asked,
        mark=request.turn.visit.mark,
        at=request.context.now,
        why=Why.of(request.persona, found.recalls, request.anchor),
        scored=scored,
        picks=picks,
        away=away,
    )
