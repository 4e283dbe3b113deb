"""Readers and their visits for `bench diversity`.

A reader likes three of sixty groups of items; the hidden chance of a click depends on the group
alone. No reader tires of a page that repeats itself, so what spreading costs in nDCG is, if
anything, overstated.

What a reader has met is kept here, apart from the product: every page is compared with it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from unittest.mock import patch

import numpy as np

from bench.diversity_items import Items
from bench.feed import GROUPS
from contentcenter.clock import FixedClock
from contentcenter.embedding.ports import Vectors
from contentcenter.floor import Floor
from recommend.events.service import IncomingEvent
from recommend.feed import scoring
from recommend.feed.scoring import Scored
from recommend.feed.service import FeedAnswer, FeedService
from recommend.feed.spreading import FeedSettings
from recommend.readers import ReaderRef
from recommend.services import RecommendServices, build_services
from recommend.shelf_table import ShelfColumns

PAGES = 2
PAGE = 10
VISITS = 10
TASTE = (0.30, 0.15, 0.08)  # chances of a click in the three groups a reader likes
ELSEWHERE = 0.01
HIDES = 0.1  # visits in which an item of the first page is waved away
MEETS = 0.1  # visits before which a few items are met outside the feed, one is waved away
MET = 3
BEST = 50
ASKS_AGAIN = 0.1  # visits that ask for their last page once more, having seen it


@dataclass
class Tally:
    """What one arm's pages were like. Lists are page by page; `reader` says whose page."""

    shown_returned: int = 0  # items of earlier pages or visits that came back
    met_returned: int = 0  # items met outside the feed that were shown in it
    hidden_returned: int = 0  # items waved away, wherever, that were shown
    empty: int = 0
    hidden: int = 0
    met: int = 0
    asked_again: int = 0
    clicks: int = 0
    shown: int = 0
    reader: list[int] = field(default_factory=list)
    alike: list[float] = field(default_factory=list)
    ndcg: list[float] = field(default_factory=list)
    groups: list[int] = field(default_factory=list)
    categories: list[int] = field(default_factory=list)
    authors: list[int] = field(default_factory=list)
    author_doubled: list[bool] = field(default_factory=list)
    work_doubled: list[bool] = field(default_factory=list)


@dataclass
class Known:
    """What a reader has met, by how. `coming`: what the feed thought best at the last visit and
    did not show."""

    coming: list[int] = field(default_factory=list)
    shown: set[int] = field(default_factory=set)
    met: set[int] = field(default_factory=set)
    hidden: set[int] = field(default_factory=set)


@dataclass(frozen=True)
class Reader:
    """A reader of one arm; twins share `number`, taste and luck."""

    arm: str
    number: int
    taste: tuple[int, ...]

    @property
    def name(self) -> str:
        return f"{self.arm}-{self.number}"

    def chance(self, group: int) -> float:
        return TASTE[self.taste.index(group)] if group in self.taste else ELSEWHERE


class Sessions:
    """Readers of all arms over the same items; everything goes through the product."""

    def __init__(
        self,
        floor: Floor,
        items: Items,
        arms: Mapping[str, FeedSettings],
        seed: int,
        tried: Mapping[str, FeedSettings] | None = None,
    ) -> None:
        """`arms` serve readers of their own; `tried` only order the candidates of the first
        arm's visits, which tells strengths apart with far fewer readers."""
        self._floor = floor
        self._items = items
        self._tried = tried or {}
        self._settings = arms
        self._first = next(iter(arms))
        self._seed = seed
        self._known: dict[str, Known] = defaultdict(Known)
        self.tally = {arm: Tally() for arm in [*arms, *self._tried]}
        self.done = 0
        self.start()

    def start(self) -> None:
        """The processes anew: what they kept in memory is gone, the store has all."""
        self._services: RecommendServices = build_services(self._floor)
        self._services.corpus.refresh()
        self._feeds = {arm: self._feed(one) for arm, one in self._settings.items()}

    def _feed(self, settings: FeedSettings) -> FeedService:
        services = self._services
        return FeedService(
            self._floor,
            corpus=services.corpus,
            personas=services.personas,
            matches=services.matches,
            learning=services.learning,
            shelf=services.shelf,
            settings=settings,
        )

    def readers(self, count: int) -> list[Reader]:
        """`count` twins (a reader of every arm), each with a taste."""
        luck = np.random.default_rng(self._seed)
        tastes = [luck.choice(GROUPS, 3, replace=False).tolist() for _ in range(count)]
        return [
            Reader(arm, number, tuple(taste))
            for number, taste in enumerate(tastes)
            for arm in self._settings
        ]

    def visit(self, number: int, readers: Sequence[Reader]) -> None:
        """Every reader visits once. Waved away is heard at once, all else after the visits."""
        events: list[IncomingEvent] = []
        for reader in readers:
            luck = np.random.default_rng((self._seed, number, reader.number))
            events += self._session(reader, luck)
            self.done += 1
        self._record(events)
        self._services.learning.apply_events()
        clock = self._floor.clock
        assert isinstance(clock, FixedClock)
        clock.advance(timedelta(hours=11))

    def _session(self, reader: Reader, luck: np.random.Generator) -> list[IncomingEvent]:
        meets, hides, again = luck.random(3) < (MEETS, HIDES, ASKS_AGAIN)
        if meets:
            self._meet(reader)
        events: list[IncomingEvent] = []
        cursor = None
        for page in range(PAGES):
            answer = self._page(reader, cursor, first=page == 0)
            ids = self._count(reader, answer)
            told = self._reactions(reader, ids, answer.trace_id, luck)
            if page + 1 == PAGES and again:
                self._ask_again(reader, cursor, ids, told)
            events += told
            if page == 0 and hides and ids:
                self._hide(reader, ids[int(luck.integers(len(ids)))], answer.trace_id)
            cursor = answer.next_cursor
            if cursor is None:
                break
        return events

    def _page(self, reader: Reader, cursor: str | None, *, first: bool) -> FeedAnswer:
        with _candidates() as found:
            answer = self._feeds[reader.arm].page(reader.name, size=PAGE, cursor=cursor)
        if first:
            scored, columns = found[0]
            best = np.argsort(-scored.log_odds, kind="stable")[:BEST]
            self._known[reader.name].coming = [scored.items[row].id for row in best]
            if reader.arm == self._first:
                self._try(reader, scored, columns)
        return answer

    def _meet(self, reader: Reader) -> None:
        """What the feed would show next is met in a search or a post; the first is waved away."""
        known = self._known[reader.name]
        found = [one for one in known.coming if one not in known.shown | known.met][:MET]
        self._record([_event(reader, "impression", one) for one in found])
        known.met.update(found)
        self.tally[reader.arm].met += len(found)
        if found:
            self._hide(reader, found[0])

    def _hide(self, reader: Reader, item: int, trace: str | None = None) -> None:
        self._record([_event(reader, "dislike", item, trace)])
        self._known[reader.name].hidden.add(item)
        self.tally[reader.arm].hidden += 1

    def _ask_again(
        self, reader: Reader, cursor: str | None, ids: Sequence[int], told: list[IncomingEvent]
    ) -> None:
        """The same page once more, after its impressions have arrived."""
        self._record(told)
        answer = self._feeds[reader.arm].page(reader.name, size=PAGE, cursor=cursor)
        tally = self.tally[reader.arm]
        tally.asked_again += 1
        tally.shown_returned += len(set(ids) & {item.card.id for item in answer.items})

    def _count(self, reader: Reader, answer: FeedAnswer) -> list[int]:
        """Tallies a page and returns its ids, which are known from now on."""
        tally, known = self.tally[reader.arm], self._known[reader.name]
        ids = [item.card.id for item in answer.items]
        tally.shown_returned += len(known.shown & set(ids)) + len(ids) - len(set(ids))
        tally.met_returned += len(known.met & set(ids))
        tally.hidden_returned += len(known.hidden & set(ids))
        known.shown.update(ids)
        tally.empty += not ids
        tally.shown += len(ids)
        cards = [item.card for item in answer.items]
        self._describe(
            tally, reader, ids, [one.author for one in cards], [one.category for one in cards]
        )
        return ids

    def _try(self, reader: Reader, scored: Scored, columns: ShelfColumns) -> None:
        """The pages that other strengths would make of the same candidates."""
        for arm, settings in self._tried.items():
            rows = scoring.order(scored, columns, PAGES * PAGE, settings)
            for start in range(0, len(rows), PAGE):
                page = [scored.items[row] for row in rows[start : start + PAGE]]
                authors = [one.author for one in page]
                categories = [one.match.category for one in page]
                ids = [one.id for one in page]
                self._describe(self.tally[arm], reader, ids, authors, categories)

    def _describe(
        self,
        tally: Tally,
        reader: Reader,
        ids: Sequence[int],
        authors: Sequence[str],
        categories: Sequence[str],
    ) -> None:
        tally.reader.append(reader.number)
        tally.alike.append(similarity([self._items.vectors[one] for one in ids]))
        tally.ndcg.append(_ndcg([reader.chance(self._items.group[one]) for one in ids]))
        tally.groups.append(len({self._items.group[one] for one in ids}))
        tally.categories.append(len(set(categories)))
        tally.authors.append(len(set(authors)))
        tally.author_doubled.append(len(set(authors)) < len(ids))
        tally.work_doubled.append(len({self._items.work[one] for one in ids}) < len(ids))

    def _reactions(
        self, reader: Reader, ids: Sequence[int], trace: str, luck: np.random.Generator
    ) -> list[IncomingEvent]:
        draws = luck.random(len(ids))
        chances = [reader.chance(self._items.group[one]) for one in ids]
        clicked = [one for one, draw, p in zip(ids, draws, chances, strict=True) if draw < p]
        self.tally[reader.arm].clicks += len(clicked)
        shown = [_event(reader, "impression", one, trace) for one in ids]
        return shown + [_event(reader, "click", one, trace) for one in clicked]

    def _record(self, events: Sequence[IncomingEvent]) -> None:
        for start in range(0, len(events), 1_000):
            self._services.events.record(events[start : start + 1_000])


@contextmanager
def _candidates() -> Iterator[list[tuple[Scored, ShelfColumns]]]:
    """What the feed puts in order inside the block, with its columns."""
    found: list[tuple[Scored, ShelfColumns]] = []
    order = scoring.order

    def heard(
        scored: Scored, columns: ShelfColumns, size: int, settings: FeedSettings
    ) -> list[int]:
        found.append((scored, columns))
        return order(scored, columns, size, settings)

    with patch.object(scoring, "order", heard):
        yield found


def _event(reader: Reader, kind: str, item: int, trace: str | None = None) -> IncomingEvent:
    return IncomingEvent(
        index=0,
        event_id=f"{reader.name}-{kind}-{item}",
        kind=kind,
        reader=ReaderRef(app_id=reader.name),
        item_id=item,
        trace_id=trace,
    )


def similarity(vectors: Sequence[Vectors]) -> float:
    """Mean cosine of all pairs of a page (intra-list similarity, Ziegler et al. 2005)."""
    count = len(vectors)
    if count < 2:
        return 0.0
    rows = np.stack(vectors)
    cosines = rows @ rows.T
    return float((cosines.sum() - np.trace(cosines)) / (count * (count - 1)))


def _ndcg(chances: Sequence[float]) -> float:
    """Against a page of nothing but the reader's best group."""
    discount = 1.0 / np.log2(np.arange(2, PAGE + 2))
    return float(np.array(chances) @ discount[: len(chances)] / (TASTE[0] * discount.sum()))
