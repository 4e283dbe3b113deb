"""Search beside the rest of the room: facets, pages, a group's order, neighbours, completions."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import update

from contentcenter.domain.errors import InvalidInput
from contentcenter.store.tables import (
    ItemRow,
)
from recommend.search.request import SearchRequest
from tests.fixtures.topics import World
from tests.unit.recommend.building import Piece, add_items


def test_search_finds_marks_filters_and_counts(world: World) -> None:
    search = world.services.search.search
    answer = search(SearchRequest(q="四川火锅", facets=("category", "tag")))
    assert answer.items[0].card.title == "四川火锅"
    assert ("四川火锅", True) in answer.items[0].title
    assert not answer.degraded
    assert dict(answer.facets["category"])["food"] >= 1
    elsewhere = search(SearchRequest(q="四川火锅", categories=("history",)))
    assert {one.card.category for one in elsewhere.items} <= {"history"}
    cheap = search(SearchRequest(q="绘本", price_max_fen=2_900))
    assert cheap.items
    assert all(one.card.price_fen <= 2_900 for one in cheap.items if one.card.price_fen)
    newest = search(SearchRequest(sort="newest", size=24)).items
    times = [one.card.published_at for one in newest]
    assert times == sorted(times, reverse=True)  # type: ignore[type-var]
    prices = [one.card.price_fen for one in search(SearchRequest(sort="price", size=24)).items]
    assert prices == sorted(prices)  # type: ignore[type-var]


def test_pages_of_a_search_do_not_repeat_while_items_come_in(world: World) -> None:
    request = SearchRequest(size=7)
    seen: list[int] = []
    page = world.services.search.search(request)
    while True:
        seen += [one.card.id for one in page.items]
        if page.next_cursor is None:
            break
        add_items(world.floor, [Piece(f"插进来的{len(seen)}", age_days=0.0)])
        page = world.services.search.search(replace(request, cursor=page.next_cursor))
    assert len(seen) == len(set(seen)) == 24
    with pytest.raises(InvalidInput):
        world.services.search.search(SearchRequest(q="别的", cursor=page.next_cursor or "abc"))


def test_an_audience_reorders_a_search(world: World) -> None:
    plain = world.services.search.search(SearchRequest(size=24))
    fitted = world.services.search.search(SearchRequest(size=24, audience_id=world.scifi))
    assert {one.card.id for one in plain.items} == {one.card.id for one in fitted.items}
    fits = [one.fit for one in fitted.items]
    assert all(fit is not None for fit in fits)
    assert fitted.items[0].card.category == "scifi"


def test_withdrawn_items_vanish_before_the_index_knows(world: World) -> None:
    gone = world.topic("food")[1]
    with world.floor.db.transaction() as session:
        session.execute(update(ItemRow).where(ItemRow.id == gone).values(state="withdrawn"))
    found = world.services.search.search(SearchRequest(q="四川火锅"))
    assert gone not in {one.card.id for one in found.items}
    feed = world.services.feed.page("r", size=24)
    assert gone not in {one.card.id for one in feed.items}
    near = world.services.search.similar(world.topic("food")[0], 20)
    assert gone not in {one.card.id for one in near.items}


def test_similar_puts_other_works_first(world: World) -> None:
    twin, other = add_items(
        world.floor,
        [
            Piece("再谈星际舰队", "科幻科幻星际舰队。", "scifi", work="星际舰队", price_fen=100),
            Piece("星际舰队外传", "科幻科幻星际舰队。", "scifi", work="外传", price_fen=100),
        ],
    )
    near = [one.card.id for one in world.services.search.similar(world.items[0], 25).items]
    assert world.items[0] not in near
    assert near.index(other) < near.index(twin)
    assert near[-1] == twin


def test_suggestions_by_characters_pinyin_and_initials(world: World) -> None:
    def texts(prefix: str) -> list[str]:
        return [one.text for one in world.services.suggest.suggest(prefix)]

    assert "四川火锅" in texts("四川")
    assert "四川火锅" in texts("sichuan")
    assert "四川火锅" in texts("schg")
    assert "科幻作者1" in texts("科幻作")
    assert texts("") == []
    assert texts("没有这样的开头") == []
