"""Ten thousand sessions: nothing seen ever comes back, and what spreading costs and brings.

    python -m bench diversity [--sessions 10000] [--items 20000]

Readers with hidden tastes (three of sixty groups of items) visit twice a day for some days,
look at two pages and click what they like. Every reader has a twin with the same taste who
gets the same feed without spreading (all penalties zero): the twins' pages are compared.
Relevance is the hidden chance of a click, so nDCG does not depend on what the feed believes.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np

from bench.feed import GROUPS, fill, make_floor
from contentcenter.clock import FixedClock
from contentcenter.embedding.ports import Vectors
from contentcenter.floor import Floor
from recommend.events.service import IncomingEvent
from recommend.feed.service import FeedAnswer, FeedService
from recommend.feed.spreading import FeedSettings
from recommend.readers import ReaderRef
from recommend.services import RecommendServices, build_services

PAGES = 2
PAGE = 10
VISITS = 10
TASTE = (0.30, 0.15, 0.08)  # chances of a click in the three groups a reader likes
ELSEWHERE = 0.01
ARMS = ("spread", "plain")
UNSPREAD = FeedSettings(similarity=0.0, same_author=0.0, same_category=0.0, same_source=0.0)


@dataclass(frozen=True)
class Items:
    """What readers and figures need of the items, by id."""

    group: Mapping[int, int]
    vectors: Mapping[int, Vectors]


@dataclass
class Tally:
    """What one arm's pages were like."""

    pages: int = 0
    returned: int = 0  # seen items that came back
    empty: int = 0
    clicks: int = 0
    shown: int = 0
    alike: list[float] = field(default_factory=list)
    ndcg: list[float] = field(default_factory=list)
    groups: list[int] = field(default_factory=list)
    authors: list[int] = field(default_factory=list)


class Sessions:
    """Readers of both arms over the same items; everything goes through the product."""

    def __init__(self, floor: Floor, services: RecommendServices, items: Items) -> None:
        self._floor = floor
        self._services = services
        self._items = items
        self._rng = np.random.default_rng(11)
        self._feeds: dict[str, FeedService] = {
            "spread": services.feed,
            "plain": FeedService(
                floor,
                corpus=services.corpus,
                personas=services.personas,
                matches=services.matches,
                learning=services.learning,
                shelf=services.shelf,
                settings=UNSPREAD,
            ),
        }
        self._seen: dict[str, set[int]] = {}
        self.tally = {arm: Tally() for arm in ARMS}

    def run(self, readers: int) -> None:
        """Every reader of both arms visits `VISITS` times; events are learned in between."""
        tastes = [self._rng.choice(GROUPS, 3, replace=False).tolist() for _ in range(readers)]
        for _ in range(VISITS):
            events: list[IncomingEvent] = []
            for number, taste in enumerate(tastes):
                for arm in ARMS:
                    events += self._session(arm, f"{arm}-{number}", taste, len(events))
            self._record(events)
            clock = self._floor.clock
            assert isinstance(clock, FixedClock)
            clock.advance(timedelta(hours=11))

    def _session(
        self, arm: str, reader: str, taste: Sequence[int], number: int
    ) -> list[IncomingEvent]:
        seen, cursor = self._seen.setdefault(reader, set()), None
        events: list[IncomingEvent] = []
        for _ in range(PAGES):
            answer = self._feeds[arm].page(reader, size=PAGE, cursor=cursor)
            self._count(arm, answer, seen, taste)
            ids = [item.card.id for item in answer.items]
            seen.update(ids)
            for kind, one in self._reactions(arm, ids, taste):
                events.append(_event(reader, kind, one, answer.trace_id, number + len(events)))
            cursor = answer.next_cursor
            if cursor is None:
                break
        return events

    def _count(self, arm: str, answer: FeedAnswer, seen: set[int], taste: Sequence[int]) -> None:
        tally, ids = self.tally[arm], [item.card.id for item in answer.items]
        tally.pages += 1
        tally.returned += len(seen & set(ids)) + len(ids) - len(set(ids))
        tally.empty += not ids
        tally.shown += len(ids)
        tally.alike.append(_alike(np.stack([self._items.vectors[one] for one in ids])))
        tally.ndcg.append(_ndcg([self._chance(one, taste) for one in ids]))
        tally.groups.append(len({self._items.group[one] for one in ids}))
        tally.authors.append(len({item.card.author for item in answer.items}))

    def _reactions(
        self, arm: str, ids: Sequence[int], taste: Sequence[int]
    ) -> list[tuple[str, int]]:
        clicked = [one for one in ids if self._rng.random() < self._chance(one, taste)]
        self.tally[arm].clicks += len(clicked)
        return [("impression", one) for one in ids] + [("click", one) for one in clicked]

    def _chance(self, item: int, taste: Sequence[int]) -> float:
        return next(
            (
                chance
                for group, chance in zip(taste, TASTE, strict=True)
                if self._items.group[item] == group
            ),
            ELSEWHERE,
        )

    def _record(self, events: Sequence[IncomingEvent]) -> None:
        for start in range(0, len(events), 1_000):
            self._services.events.record(events[start : start + 1_000])
        self._services.learning.apply_events()


def _event(reader: str, kind: str, item: int, trace: str, number: int) -> IncomingEvent:
    return IncomingEvent(
        index=number,
        event_id=f"{trace}-{kind}-{item}",
        kind=kind,
        reader=ReaderRef(app_id=reader),
        item_id=item,
        trace_id=trace,
    )


def _alike(vectors: Vectors) -> float:
    """Mean cosine of all pairs of a page (intra-list similarity)."""
    count = len(vectors)
    if count < 2:
        return 0.0
    cosines = vectors @ vectors.T
    return float((cosines.sum() - np.trace(cosines)) / (count * (count - 1)))


def _ndcg(chances: Sequence[float]) -> float:
    """Against a page of nothing but the reader's best group."""
    discount = 1.0 / np.log2(np.arange(2, len(chances) + 2))
    return float(np.array(chances) @ discount / (TASTE[0] * discount.sum()))


def figures(tally: Tally) -> dict[str, Any]:
    return {
        "pages": tally.pages,
        "seen_items_returned": tally.returned,
        "empty": tally.empty,
        "similarity": round(float(np.mean(tally.alike)), 4),
        "ndcg@10": round(float(np.mean(tally.ndcg)), 4),
        "click_rate": round(tally.clicks / max(tally.shown, 1), 4),
        "groups_a_page": round(float(np.mean(tally.groups)), 2),
        "authors_a_page": round(float(np.mean(tally.authors)), 2),
    }


def run(sessions: int = 10_000, items: int = 20_000) -> dict[str, Any]:
    """The whole measurement in a folder of its own."""
    begin = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        floor = make_floor(Path(folder))
        placed = fill(floor, items)
        services = build_services(floor)
        services.corpus.refresh()
        view = services.corpus.view()
        ids = list(placed.groups)
        rows = view.centre(np.stack([placed.vectors[one] for one in ids]))
        known = Items(placed.groups, dict(zip(ids, rows, strict=True)))
        world = Sessions(floor, services, known)
        world.run(max(sessions // (VISITS * len(ARMS)), 1))
        floor.db.dispose()
    found = {arm: figures(tally) for arm, tally in world.tally.items()}
    spread, plain = found["spread"], found["plain"]
    return {
        "sessions": sum(tally.pages for tally in world.tally.values()) // PAGES,
        **found,
        "similarity_less": round(1 - spread["similarity"] / plain["similarity"], 4),
        "ndcg_loss": round(1 - spread["ndcg@10"] / plain["ndcg@10"], 4),
        "seconds": round(time.perf_counter() - begin, 1),
    }


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench diversity", description=__doc__)
    parser.add_argument("--sessions", type=int, default=10_000)
    parser.add_argument("--items", type=int, default=20_000)
    chosen = parser.parse_args(arguments)
    print(json.dumps(run(chosen.sessions, chosen.items), indent=1))
    return 0
