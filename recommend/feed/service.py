"""The feed: recall, rank, spread, say why; never a seen item, never empty without need."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from sqlalchemy import Connection

from contentcenter.domain.errors import InvalidInput
from contentcenter.floor import Floor
from contentcenter.store.cards import ItemCard, load_items
from recommend.collaborative.serving import CoReading
from recommend.corpus_service import CorpusService
from recommend.events.learning_service import LearningService
from recommend.feed import scoring
from recommend.feed.answers import forget_answers, store_answer, stored_entries
from recommend.feed.handover import Handover
from recommend.feed.items import FeedItem, entry_of, feed_items, from_entry, showable
from recommend.feed.kept import SPARE, KeptPages, Prepared
from recommend.feed.making import RankingMaker, Sources, Turn
from recommend.feed.scenes import Asked
from recommend.feed.scoring import Pick
from recommend.feed.spreading import FeedSettings
from recommend.feed.turnstile import Turnstile
from recommend.feed.visits import Visit, Visits
from recommend.matching.service import MatchService
from recommend.models import ModelRegistry
from recommend.personas.service import PersonaService
from recommend.ranking.explore import ExploreSettings, places_to_explore
from recommend.ranking.scenes import scene_of
from recommend.ranking.serving import FeedRanker
from recommend.readers import LONGEST_ID
from recommend.shelf import Shelf

LARGEST_PAGE = 50
# Pages in the making at once: where everything they ask is in this process's own files, they never
# wait, and two of them would only take the interpreter from each other; servers are waited for
# (docs/decisions/0013).
PAGES_WITHOUT_SERVERS, PAGES_WITH_SERVERS = 1, 4
ANSWERS_KEPT = timedelta(days=30)
# Named in `away` when the reader's last clicks did not count yet because a crowd waited.
BUSY = "ranking"


@dataclass(frozen=True)
class FeedAnswer:
    """`trace_id` belongs to this page: events that name it are traced to it."""

    items: tuple[FeedItem, ...]
    trace_id: str
    next_cursor: str | None
    degraded: bool = False
    away: tuple[str, ...] = ()


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
        self._shelf = shelf
        self._explore = explore or ExploreSettings()
        self._visits = Visits(floor)
        ranker = ranker or FeedRanker(floor, ModelRegistry(floor))
        sources = Sources(corpus, personas, matches, learning, shelf, ranker, co_reading)
        self.making = RankingMaker(floor, sources, self._visits, settings or FeedSettings())
        self._turnstile = Turnstile(_pages_at_once(floor))
        self._kept = KeptPages()
        self._handover = Handover(floor.redis, shelf.visible)

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
        with self._turnstile.turn() as crowded, self._floor.db.connected() as connection:
            visit = self._visits.visit(connection, app_reader_id, cursor)
            if visit.answered:
                return self._replayed(visit, size)
            turn = Turn(connection, visit, asked, size)
            prepared = self._prepared(turn, crowded=crowded)
            items = self._choose(turn, prepared)
        self._remember(visit, scene, items)
        self._hand_over(visit, prepared)
        return FeedAnswer(
            items=tuple(items),
            trace_id=visit.trace_id,
            next_cursor=visit.cursor if len(items) == size else None,
            degraded=bool(prepared.away),
            away=prepared.away,
        )

    def forget_old(self) -> int:
        """Drop answers that no late event will be traced to any more; returns how many."""
        before = self._floor.clock.now() - ANSWERS_KEPT
        return forget_answers(self._floor, before)

    def _prepared(self, turn: Turn, *, crowded: bool) -> Prepared:
        """What this visit goes on with, or all of it anew. While a crowd waits, a visit goes on
        with what was ranked before the reader's last clicks."""
        mark, session, now = turn.visit.mark, turn.visit.session, self._floor.clock.now()
        known = self._if_it_serves(turn, self._kept.find(session))
        if known is None or not (crowded or known.fresh(mark, now)):
            known = self._from_elsewhere(turn) or known
        if known is not None and known.fresh(mark, now):
            return known
        if known is not None and crowded:
            return replace(known, away=(BUSY,))
        made = self.making.prepared(turn).narrowed(self._explore)
        if not made.away:
            self._kept.keep(session, made)
        return made

    def _from_elsewhere(self, turn: Turn) -> Prepared | None:
        if not turn.visit.page:
            return None
        taken = self._handover.take(turn.visit.session, self.making.serving())
        found = self._if_it_serves(turn, taken)
        if found is not None:
            self._kept.keep(turn.visit.session, found)
        return found

    def _if_it_serves(self, turn: Turn, found: Prepared | None) -> Prepared | None:
        version = self.making.serving().version
        if found is None or not found.serves(turn.visit, turn.asked, turn.size, version):
            return None
        return found

    def _hand_over(self, visit: Visit, prepared: Prepared) -> None:
        """To the other processes, what was made for this page."""
        if prepared.page == visit.trace_id and not prepared.away:
            self._handover.give(visit.session, prepared)

    def _choose(self, turn: Turn, prepared: Prepared) -> list[FeedItem]:
        """A full page if there is enough to fill one; the rest of the store is the reserve."""
        visit, size = turn.visit, turn.size
        wanted = 0 if prepared.away else places_to_explore(visit.served, size, self._explore)
        chosen = self._page(turn, prepared, wanted)
        if len(chosen) < size:
            for more in self.making.reserve(turn, prepared.why.recalls):
                chosen += self._page(turn, more, before=len(chosen))
                if len(chosen) >= size:
                    break
        return chosen

    def _page(
        self, turn: Turn, prepared: Prepared, explore: int = 0, before: int = 0
    ) -> list[FeedItem]:
        """The next of these, `before` items of the page being chosen already."""
        visit, size, scored = turn.visit, turn.size - before, prepared.scored
        picks = [Pick(row) for row in prepared.left(visit.barred)[: size + SPARE]]
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
        shown = scoring.shown(scored, [pick for _, pick in pairs], visit.served + before + 1)
        told = [(card, one) for (card, _), one in zip(pairs, shown, strict=True)]
        return feed_items(told, prepared.why)

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
