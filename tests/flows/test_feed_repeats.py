"""Readers who visit, hide, meet items elsewhere and ask twice: nothing known comes back.

`python -m bench diversity` is the same with 10,000 sessions and 20,000 items; here every visit
does all of it. The last test takes the memory away and must be told so.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest
from sqlalchemy import Connection

from bench import diversity_world
from bench.diversity_items import Items, furnish
from bench.diversity_world import Sessions, Tally
from bench.feed import fill
from contentcenter.floor import Floor
from recommend.feed.spreading import FeedSettings
from recommend.feed.visits import Past, Visit, Visits
from recommend.services import build_services

ITEMS = 900
ARM = "served"


@dataclass(frozen=True)
class World:
    floor: Floor
    items: Items

    def sessions(self, visits: int) -> Sessions:
        """Two readers, so many visits each; all processes anew after the second."""
        world = Sessions(self.floor, self.items, {ARM: FeedSettings()}, seed=7)
        readers = world.readers(2)
        for number in range(visits):
            world.visit(number, readers)
            if number == 1:
                world.start()
        return world


@pytest.fixture
def world(floor: Floor, monkeypatch: pytest.MonkeyPatch) -> World:
    for name in ("HIDES", "MEETS", "ASKS_AGAIN"):
        monkeypatch.setattr(diversity_world, name, 1.0)
    placed = fill(floor, ITEMS)
    works = furnish(floor, placed)
    services = build_services(floor)
    services.corpus.refresh()
    vectors = {one: services.corpus.view().centre(row) for one, row in placed.vectors.items()}
    return World(floor, Items(placed.groups, works, vectors))


def returned(tally: Tally) -> tuple[int, int, int]:
    return tally.shown_returned, tally.met_returned, tally.hidden_returned


def test_nothing_shown_met_or_hidden_comes_back(world: World) -> None:
    tally = world.sessions(visits=3).tally[ARM]
    assert returned(tally) == (0, 0, 0)
    # Two of the six visits are first ones: there was nothing to meet yet.
    assert (tally.hidden, tally.met, tally.asked_again) == (10, 12, 6)
    assert (len(tally.alike), tally.shown, tally.empty) == (12, 120, 0)
    assert not any(tally.work_doubled)


def test_a_feed_that_forgets_is_found_out(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    visit_before, past_before = Visits.visit, Visits.past

    def nobody_seen(
        self: Visits, connection: Connection, app_reader_id: str, cursor: str | None
    ) -> Visit:
        visit = visit_before(self, connection, app_reader_id, cursor)
        return replace(visit, seen=frozenset(), barred=frozenset())

    def nothing_hidden(self: Visits, connection: Connection, reader_id: int) -> Past:
        past = past_before(self, connection, reader_id)
        return replace(past, hidden={}, served_lately=frozenset())

    monkeypatch.setattr(Visits, "visit", nobody_seen)
    monkeypatch.setattr(Visits, "past", nothing_hidden)
    shown, met, hidden = returned(world.sessions(visits=4).tally[ARM])
    assert shown > 0
    assert met + hidden > 0
