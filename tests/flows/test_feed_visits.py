"""Visits that go on where they stopped: until the reader acts, an item goes, or time passes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np
import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry
from sqlalchemy import update

from contentcenter.clock import FixedClock
from contentcenter.domain import facts
from contentcenter.domain.errors import InvalidInput
from contentcenter.floor import Floor
from contentcenter.store import outbox
from contentcenter.store.tables import ItemRow
from recommend import schemas
from recommend.cursors import pack_cursor
from recommend.events.parsing import record_reported
from recommend.feed import scoring
from recommend.feed.handover import COLUMNS, packed, unpacked
from recommend.feed.kept import Prepared
from recommend.feed.making import Turn
from recommend.feed.page_json import page_json
from recommend.feed.scenes import Asked
from recommend.feed.scoring import Pick
from recommend.feed.service import FeedAnswer
from recommend.feed.turnstile import Turnstile
from recommend.feed.visits import Visits
from recommend.ranking.explore import ExploreSettings
from recommend.services import RecommendServices, build_services
from recommend.tables import FeedAnswerRow
from tests.fixtures.valkey import free_port
from tests.unit.recommend.building import add_items, library

SIZE = 4


class World:
    """Thirty-two items; what was ranked, in whichever process, is counted by the scores that
    the feeds have asked for."""

    def __init__(self, floor: Floor, clock: FixedClock, counted: pytest.MonkeyPatch) -> None:
        self.floor, self.clock = floor, clock
        self._counted = counted
        self.ranked = 0
        self.services = self.process(floor)
        self.elsewhere = self.process(floor)
        self.items = add_items(floor, library(8))

    def process(self, floor: Floor) -> RecommendServices:
        """The room as another process has it."""
        services = build_services(floor)
        before = services.matches.scored

        def scored(*asked: object) -> object:
            self.ranked += 1
            return before(*asked)  # type: ignore[arg-type]

        self._counted.setattr(services.matches, "scored", scored)
        return services

    def crowd(self) -> None:
        """From now on a crowd waits for pages."""

        @contextmanager
        def crowded(_: Turnstile) -> Iterator[bool]:
            yield True

        self._counted.setattr(Turnstile, "turn", crowded)

    def page(self, cursor: str | None = None, reader: str = "r1") -> FeedAnswer:
        return self.services.feed.page(reader, size=SIZE, cursor=cursor)

    def report(self, kind: str, item: int, reader: str = "r1", *, elsewhere: bool = False) -> None:
        events = (self.elsewhere if elsewhere else self.services).events
        told = {"event_id": f"{reader}-{kind}-{item}", "kind": kind, "reader_id": reader}
        assert record_reported(events, [{**told, "item_id": item}]).accepted == 1


@pytest.fixture
def world(floor: Floor, clock: FixedClock, monkeypatch: pytest.MonkeyPatch) -> World:
    return World(floor, clock, monkeypatch)


def ids(page: FeedAnswer) -> list[int]:
    return [one.card.id for one in page.items]


def test_three_pages_are_ranked_once_and_the_fourth_anew(world: World) -> None:
    page = world.page()
    shown = ids(page)
    for ranked in (1, 1, 2):
        page = world.page(page.next_cursor)
        assert world.ranked == ranked
        assert len(page.items) == SIZE
        assert not set(shown) & set(ids(page))
        shown += ids(page)


def test_impressions_only_filter(world: World) -> None:
    first = world.page()
    for one in ids(first):
        world.report("impression", one)
    unseen = ids(world.services.feed.page("r2", size=20))
    other = next(one for one in unseen if one not in ids(first))
    world.report("impression", other)
    second = world.page(first.next_cursor)
    assert world.ranked == 2  # once for each reader
    assert other not in ids(second)


@pytest.mark.parametrize(
    ("kind", "elsewhere"), [("click", False), ("click", True), ("dislike", True), ("order", True)]
)
def test_what_a_reader_does_is_heard_at_once_in_every_process(
    world: World, kind: str, elsewhere: bool
) -> None:
    first = world.page()
    world.report(kind, ids(first)[0], elsewhere=elsewhere)
    world.page(first.next_cursor)
    assert world.ranked == 2


def test_what_the_persona_learns_of_it_is_heard_too(world: World) -> None:
    world.report("click", world.items[0])
    first = world.page()
    world.elsewhere.learning.apply_events()
    second = world.page(first.next_cursor)
    assert world.ranked == 2
    world.report("impression", ids(second)[0])
    world.elsewhere.learning.apply_events()
    world.page(second.next_cursor)
    assert world.ranked == 2


def test_a_withdrawn_item_is_not_shown_from_what_was_ranked(world: World) -> None:
    first = world.page()
    coming = ids(world.elsewhere.feed.page("r1", size=3 * SIZE))
    gone = [one for one in coming if one not in ids(first)][:3]
    with world.floor.db.transaction() as session:
        session.execute(update(ItemRow).where(ItemRow.id.in_(gone)).values(state="withdrawn"))
        for one in gone:
            outbox.record(session, facts.ItemChanged(one), world.clock.now())
    second = world.page(first.next_cursor)
    third = world.page(second.next_cursor)
    assert len(second.items) == len(third.items) == SIZE
    assert not set(gone) & {*ids(second), *ids(third)}


def test_a_cursor_asked_twice_gives_the_same_page_here_and_elsewhere(world: World) -> None:
    first = world.page()
    second = world.page(first.next_cursor)
    for services in (world.services, world.elsewhere):
        again = services.feed.page("r1", size=SIZE, cursor=first.next_cursor)
        assert (ids(again), again.trace_id) == (ids(second), second.trace_id)
        assert [one.reason for one in again.items] == [one.reason for one in second.items]


def test_another_process_goes_on_with_what_was_ranked(world: World) -> None:
    page, shown = world.page(), list[int]()
    for services, ranked in ((world.elsewhere, 1), (world.services, 1), (world.elsewhere, 2)):
        shown += ids(page)
        page = services.feed.page("r1", size=SIZE, cursor=page.next_cursor)
        assert world.ranked == ranked
        assert not set(shown) & set(ids(page))


def test_a_process_without_valkey_ranks_for_itself(world: World) -> None:
    with redis.Redis(port=free_port(), retry=Retry(NoBackoff(), 0)) as nowhere:
        alone = world.process(replace(world.floor, redis=nowhere))
        first = world.page()
        second = alone.feed.page("r1", size=SIZE, cursor=first.next_cursor)
        assert (world.ranked, len(second.items), second.degraded) == (2, SIZE, False)
        world.page(second.next_cursor)
        assert world.ranked == 2


def test_what_another_process_is_handed_is_what_was_ranked(world: World) -> None:
    made = prepared(world)
    handed = unpacked(packed(made), made.scored.serving, world.elsewhere.shelf.visible)
    assert handed is not None
    for name in ("rows", *COLUMNS):
        assert np.array_equal(getattr(handed.scored, name), getattr(made.scored, name)), name
    items = [one.match.id for one in handed.scored.items]
    assert items == [one.match.id for one in made.scored.items]
    assert (handed.page, handed.asked, handed.mark) == (made.page, made.asked, made.mark)
    assert (handed.at, list(handed.picks)) == (made.at, list(made.picks))
    assert handed.why.recalls == made.why.recalls
    assert scoring.shown(handed.scored, [Pick(3)])[0].parts == (
        scoring.shown(made.scored, [Pick(3)])[0].parts
    )


def test_what_has_left_the_shelf_or_was_ranked_otherwise_is_not_taken(world: World) -> None:
    made = prepared(world)
    another = replace(made.scored.serving, version=7)
    assert unpacked(packed(made), another, world.elsewhere.shelf.visible) is None
    with world.floor.db.transaction() as session:
        gone = made.scored.items[0].match.id
        session.execute(update(ItemRow).where(ItemRow.id == gone).values(state="withdrawn"))
    shelf = build_services(world.floor).shelf
    assert unpacked(packed(made), made.scored.serving, shelf.visible) is None


def test_draws_are_the_same_from_what_is_kept_as_from_all_candidates(world: World) -> None:
    add_items(world.floor, [replace(one, title=f"又{one.title}") for one in library(40)])
    rules, made = ExploreSettings(), prepared(world)
    kept = made.narrowed(rules)
    assert len(kept.scored.items) < len(made.scored.items)
    assert drawn(kept, rules) == drawn(made, rules)


def prepared(world: World) -> Prepared:
    """Ranked for the first page of somebody new."""
    feed = world.services.feed
    with world.floor.db.connected() as connection:
        visit = Visits(world.floor).visit(connection, "somebody", None)
        return feed.making.prepared(Turn(connection, visit, Asked(), SIZE))


def drawn(one: Prepared, rules: ExploreSettings) -> list[list[tuple[int, float]]]:
    """Pages with two drawn places, as ids and the chances of what was drawn."""
    pages = []
    for seed in range(20):
        picks = scoring.explore(
            [Pick(row) for row in one.picks],
            one.scored,
            barred=frozenset(),
            wanted=2,
            size=SIZE,
            rules=rules,
            luck=np.random.default_rng(seed),
        )
        chances = [pick.offer.chances[pick.offer.chosen] if pick.offer else 0.0 for pick in picks]
        items = [one.scored.items[pick.row].match.id for pick in picks]
        pages.append(list(zip(items, chances, strict=True)))
    return pages


@pytest.mark.parametrize("elsewhere", [False, True])
def test_in_a_crowd_a_visit_goes_on_with_what_was_ranked_before_the_click(
    world: World, elsewhere: bool
) -> None:
    first = world.page()
    coming = ids(world.services.feed.page("r2", size=20))
    world.report("click", ids(first)[0])
    hidden = next(one for one in coming if one not in ids(first))
    world.report("dislike", hidden)
    world.crowd()
    services = world.elsewhere if elsewhere else world.services
    second = services.feed.page("r1", size=SIZE, cursor=first.next_cursor)
    assert world.ranked == 2  # once for each reader
    assert (second.degraded, second.away) == (True, ("ranking",))
    assert len(second.items) == SIZE
    assert not {hidden, *ids(first)} & set(ids(second))


def test_in_a_crowd_first_pages_and_undisturbed_visits_are_as_ever(world: World) -> None:
    world.crowd()
    first = world.page()
    second = world.page(first.next_cursor)
    assert world.ranked == 1
    assert (first.degraded, second.degraded) == (False, False)
    world.report("click", ids(first)[0])
    anew = world.page()
    assert (world.ranked, anew.degraded) == (2, False)


class TickingClock(FixedClock):
    """Time passes between two looks, as it does."""

    def now(self) -> datetime:
        self.advance(timedelta(milliseconds=1))
        return super().now()


def test_while_time_passes_a_page_ranked_just_now_is_not_one_of_before(world: World) -> None:
    ticking = TickingClock(world.clock.now())
    services = world.process(replace(world.floor, clock=ticking))
    world.crowd()
    first = services.feed.page("r3", size=SIZE)
    second = services.feed.page("r3", size=SIZE, cursor=first.next_cursor)
    assert world.ranked == 1
    assert (first.away, second.away) == ((), ())


def test_in_a_crowd_what_was_ranked_serves_for_longer(world: World) -> None:
    first = world.page()
    world.clock.advance(timedelta(seconds=61))
    world.crowd()
    second = world.page(first.next_cursor)
    assert (world.ranked, second.away) == (1, ("ranking",))


def test_after_a_minute_or_in_another_scene_it_is_ranked_anew(world: World) -> None:
    first = world.page()
    world.clock.advance(timedelta(seconds=59))
    second = world.page(first.next_cursor)
    assert world.ranked == 1
    world.services.feed.page("r1", "channel", SIZE, second.next_cursor)
    assert world.ranked == 2
    world.clock.advance(timedelta(seconds=61))
    other = world.page(reader="r2")
    world.clock.advance(timedelta(seconds=61))
    world.page(other.next_cursor, "r2")
    assert world.ranked == 4


def test_sessions_of_one_reader_never_return_what_was_seen(world: World) -> None:
    seen: set[int] = set()
    for _ in range(3):
        page = world.page()
        for _ in range(2):
            assert not seen & set(ids(page))
            report_all(world, ids(page))
            seen |= set(ids(page))
            page = world.page(page.next_cursor)
        assert not seen & set(ids(page))


def report_all(world: World, items: Sequence[int]) -> None:
    for one in items:
        world.report("impression", one)


def test_what_is_logged_of_a_later_page_is_what_was_ranked(world: World) -> None:
    first = world.page()
    second = world.page(first.next_cursor)
    with world.floor.db.reading() as session:
        entries = session.get_one(FeedAnswerRow, second.trace_id).entries
    assert [entry["place"] for entry in entries] == [5, 6, 7, 8]
    for entry, item in zip(entries, second.items, strict=True):
        assert item.ranked is not None
        assert item.ranked.as_json()["x"] == entry["x"]
        assert round(sum(item.parts.values()), 4) == item.score


def test_a_cursor_belongs_to_its_reader_and_is_one_of_ours(world: World) -> None:
    first = world.page()
    world.page(first.next_cursor)
    with pytest.raises(InvalidInput, match="another reader"):
        world.page(first.next_cursor, "r2")
    with pytest.raises(InvalidInput, match="not one of ours"):
        world.page(pack_cursor({"s": "%", "p": 1}))


def test_the_page_over_http_says_what_its_schema_says(world: World) -> None:
    page = world.page()
    assert page_json(page) == schemas.FeedPage().dump(page)
