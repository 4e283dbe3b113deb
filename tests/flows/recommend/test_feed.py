"""The feed on real parts: never twice, what its reader likes, with reasons."""

from __future__ import annotations

from datetime import timedelta

import pytest

from contentcenter.clock import FixedClock
from contentcenter.domain.errors import InvalidInput
from tests.fixtures.topics import World, event
from tests.unit.recommend.building import Piece, add_items


def test_a_feed_never_repeats_and_ends_only_when_all_is_seen(world: World) -> None:
    seen: list[int] = []
    cursor = None
    for _ in range(20):
        page = world.services.feed.page("r1", size=5, cursor=cursor)
        seen += [one.card.id for one in page.items]
        cursor = page.next_cursor
        if cursor is None:
            break
    assert len(seen) == len(set(seen)) == 24


def test_what_was_seen_or_hidden_never_comes_back(world: World) -> None:
    first = world.services.feed.page("r1", size=10)
    world.report(
        *[
            event(n, "impression", reader_id="r1", item_id=one.card.id, trace_id=first.trace_id)
            for n, one in enumerate(first.items)
        ],
        event("hide", "dislike", reader_id="r1", item_id=world.items[0]),
    )
    rest = world.services.feed.page("r1", size=50)
    barred = {one.card.id for one in first.items} | {world.items[0]}
    assert not barred & {one.card.id for one in rest.items}
    assert len(rest.items) == 24 - len(barred)
    assert world.services.feed.page("r2", size=50).items


def test_old_answers_are_forgotten(world: World, clock: FixedClock) -> None:
    world.services.feed.page("r1", size=5)
    assert world.services.feed.forget_old() == 0
    clock.advance(timedelta(days=31))
    assert world.services.feed.forget_old() == 1


def test_a_feed_follows_what_its_reader_likes_and_says_why(world: World) -> None:
    food = world.topic("food")
    world.report(
        *[event(n, "favourite", reader_id="r1", item_id=food[n]) for n in range(3)],
        event("b1", "click", reader_id="r2", item_id=food[0]),
        event("b2", "click", reader_id="r2", item_id=food[4]),
    )
    world.services.learning.apply_events()
    page = world.services.feed.page("r1", size=6)
    assert page.items[0].card.category == "food"
    reasons = {one.card.id: one.reason for one in page.items}
    assert reasons[food[4]].code == "co_read"
    assert all(one.reason.text and one.recalls for one in page.items)
    assert len({one.card.category for one in page.items}) >= 3  # spread, not only food
    for one in page.items:
        assert round(sum(one.parts.values()), 4) == one.score


def test_unsold_unlicensed_and_unpublished_items_stay_out(world: World) -> None:
    now = world.floor.clock.now()
    out = add_items(
        world.floor,
        [
            Piece("售罄", price_fen=2_000, stock=0),
            Piece("过期", rights={"ends_at": now - timedelta(days=1)}),
            Piece("只给企微", rights={"channel_kinds": ["wecom_groups"]}),
            Piece("草稿", state="ready"),
        ],
    )
    page = world.services.feed.page("r", size=50)
    assert not set(out) & {one.card.id for one in page.items}
    assert len(page.items) == 24


def test_the_same_cursor_gives_the_same_page_and_belongs_to_its_reader(world: World) -> None:
    first = world.services.feed.page("r1", size=5)
    again = [world.services.feed.page("r1", size=5, cursor=first.next_cursor) for _ in range(2)]
    assert [one.card.id for one in again[0].items] == [one.card.id for one in again[1].items]
    assert again[0].trace_id == again[1].trace_id != first.trace_id
    with pytest.raises(InvalidInput):
        world.services.feed.page("r2", size=5, cursor=first.next_cursor)
    with pytest.raises(InvalidInput):
        world.services.feed.page("r1", cursor="%%%")
