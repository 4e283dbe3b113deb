"""Search as people meet it, on both engines: highlights, filters, facets, orders, pages,
explanations, drafts; and what the store answers while the engine is away."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import update

from contentcenter.clock import FixedClock
from contentcenter.domain.errors import EngineUnavailable, InvalidInput
from contentcenter.domain.roles import Scope
from contentcenter.floor import Floor
from contentcenter.search.elastic import ElasticIndex
from contentcenter.store.tables import ItemRow
from contentcenter.web.app import create_app
from contentcenter.web.auth import EXTENSION
from recommend import ext
from recommend.corpus import CorpusView, plain_view
from recommend.events.parsing import record_reported
from recommend.search.request import FACETS, SearchAnswer, SearchRequest
from recommend.services import RecommendServices, build_services
from tests.fixtures.away import AwayIndex
from tests.fixtures.floor import FloorMaker
from tests.unit.recommend.building import Piece, add_items

LONG = "窗外下着小雨，没有什么可以说的，只好把灯关掉又打开。" * 12


def shelf() -> list[Piece]:
    return [
        Piece("三体", "叶文洁在红岸基地按下了发射键。科幻的冷。", "scifi", ("科幻", "获奖"),
              price_fen=2300, author="刘慈欣", isbn="9787536692930", publisher="重庆出版社",
              published_on="2008-01", age_days=1),
        Piece("读三体的几个晚上", f"{LONG}读《三体》的时候，我总在想黑暗森林。{LONG}", "scifi",
              ("科幻",), price_fen=3900, work="科幻笔记", publisher="作家出版社",
              published_on="2019", age_days=2, kind="ugc", source="读者来信"),
        Piece("三体之外", "三体之外还有别的科幻小说可以读。", "scifi", ("科幻",), price_fen=5900,
              work="科幻笔记二", publisher="重庆出版社", published_on="2021", age_days=3),
        Piece("红楼梦里的饭局", "贾府的螃蟹宴与茶。", "food", ("美食", "古典"), price_fen=4800,
              work="红楼食单", publisher="人民文学出版社", published_on="1998", age_days=4),
        Piece("一碗好面", "和面、醒面、擀面，浇头要热。", "food", ("美食",), price_fen=1800,
              work="面", publisher="人民文学出版社", published_on="2021", age_days=5, kind="ugc"),
        Piece("没有书的随笔", "随便写写，没有价格。", "fiction", ("随笔",), age_days=6,
              kind="ugc", source="读者来信"),
        Piece("三体续集待审", "还没有人看过的科幻稿件。", "scifi", ("科幻",), price_fen=2300,
              work="待审", state="ready", age_days=0.5),
        Piece("三体旧授权", "授权已经过期的科幻。", "scifi", ("科幻",), price_fen=100, work="旧",
              rights={"ends_at": None}, age_days=7),
    ]  # fmt: skip


class World:
    def __init__(self, floor: Floor) -> None:
        self.floor = floor
        self.services: RecommendServices = build_services(floor)
        pieces = shelf()
        pieces[-1] = replace(pieces[-1], rights={"ends_at": floor.clock.now() - timedelta(days=1)})
        self.ids = add_items(floor, pieces)

    def search(self, **request: Any) -> SearchAnswer:
        return self.services.search.search(SearchRequest(**request))

    def titles(self, **request: Any) -> list[str]:
        return [hit.card.title for hit in self.search(**request).items]


@pytest.fixture(params=["embedded", "elastic"])
def world(request: pytest.FixtureRequest, make_floor: FloorMaker) -> World:
    floor = make_floor()
    if request.param == "elastic":
        options = request.getfixturevalue("elastic_options")
        floor = replace(floor, index=ElasticIndex(options))
    return World(floor)


@pytest.fixture
def plain_world(floor: Floor) -> World:
    """The embedded engine: for what does not depend on the engine."""
    return World(floor)


def walk(world: World, **request: Any) -> list[str]:
    """Titles of all pages."""
    titles: list[str] = []
    answer = world.search(**request)
    while True:
        titles += [hit.card.title for hit in answer.items]
        if answer.next_cursor is None:
            return titles
        answer = world.search(**request, cursor=answer.next_cursor)


NEWEST = ["三体", "读三体的几个晚上", "三体之外", "红楼梦里的饭局", "一碗好面", "没有书的随笔"]


def test_one_long_walk(world: World) -> None:
    """One world, many questions: starting an index costs more than asking it."""
    assert world.titles(q="三体")[0] == "三体"
    assert world.titles(q="9787536692930")[0] == "三体"
    assert "三体旧授权" not in world.titles(q="三体")

    found = {hit.card.title: hit for hit in world.search(q="三体 黑暗森林").items}
    title, snippet = found["读三体的几个晚上"].title, found["读三体的几个晚上"].snippet
    assert [text for text, match in title if match] == ["三体"]
    assert {text for text, match in snippet if match} == {"三体", "黑暗", "森林"}
    whole = "".join(text for text, _ in snippet)
    assert whole.startswith("…读《"), "cut at the border of a sentence"
    assert len(whole) < 160

    assert walk(world, size=4) == NEWEST
    assert walk(world, size=1, sort="price") == [
        *("一碗好面", "三体", "读三体的几个晚上", "红楼梦里的饭局", "三体之外", "没有书的随笔")
    ]
    assert world.titles(sort="price_desc")[:2] == ["三体之外", "红楼梦里的饭局"]
    assert world.search(size=2).total == 6
    assert walk(world, q="三体", sort="price", size=2)[0] == "三体"
    assert world.titles(q="三体", sort="price_desc")[0] == "三体之外"

    for wanted, expected in (
        ({"publishers": ("重庆出版社",)}, ["三体", "三体之外"]),
        ({"sources": ("读者来信",)}, ["读三体的几个晚上", "没有书的随笔"]),
        ({"year_min": 2019, "year_max": 2021}, ["读三体的几个晚上", "三体之外", "一碗好面"]),
        ({"price_band": "2000-2999"}, ["三体"]),
        ({"price_band": "4000-5999", "price_max_fen": 5000}, ["红楼梦里的饭局"]),
        ({"kinds": ("ugc",), "categories": ("food",)}, ["一碗好面"]),
    ):
        assert world.titles(**wanted) == expected, wanted


def test_the_like_of_a_book_is_asked_for(world: World) -> None:
    """By its tags and place among the others; never the book itself, and told how it was read."""
    answer = world.search(q="像《三体》一样的书", facets=("category",))
    titles = [hit.card.title for hit in answer.items]
    assert titles[:2] in (["读三体的几个晚上", "三体之外"], ["三体之外", "读三体的几个晚上"])
    assert "三体" not in titles
    assert answer.like == "三体"
    assert ("scifi", 2) in answer.facets["category"]
    assert world.titles(q="类似三体的小说", sort="price")[0] == "读三体的几个晚上"
    pages = walk(world, q="像《三体》一样的书", size=1)
    assert pages == titles

    unknown = world.search(q="像《没有这本书》一样的书")
    assert unknown.like is None
    assert world.search(q="三体").like is None


class ViewAway:
    def view(self) -> CorpusView:
        raise EngineUnavailable("the model does not answer")


class OtherModel:
    def view(self) -> CorpusView:
        return plain_view("another", 7)


@pytest.mark.parametrize("corpus", [ViewAway(), OtherModel()])
def test_the_like_of_a_book_without_its_vectors(
    plain_world: World, corpus: ViewAway | OtherModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plain_world.services.hybrid, "_corpus", corpus)
    answer = plain_world.search(q="像《三体》一样的书")
    titles = [hit.card.title for hit in answer.items]
    assert "三体之外" in titles
    away = isinstance(corpus, ViewAway)
    assert (answer.degraded, answer.like) == ((True, None) if away else (False, "三体"))


def test_facets_are_counted_without_their_own_choice(world: World) -> None:
    names = ("kind", "price_band", "year", "publisher", "source")
    free = world.search(facets=names).facets
    assert free["kind"] == [("pgc", 3), ("ugc", 3)]
    assert dict(free["year"]) == {"2008": 1, "2019": 1, "2021": 2, "1998": 1}
    narrowed = world.search(facets=names, kinds=("ugc",), year_min=2021, year_max=2021)
    assert [hit.card.title for hit in narrowed.items] == ["一碗好面"]
    assert narrowed.facets["kind"] == [("pgc", 1), ("ugc", 1)], "counted under the year alone"
    assert dict(narrowed.facets["year"]) == {"2019": 1, "2021": 1}, "counted under the kind"
    assert narrowed.facets["price_band"] == [("0-1999", 1)], "counted under both"
    asked = world.search(q="三体 科幻", facets=("kind", "category"), kinds=("ugc",))
    assert {hit.card.kind for hit in asked.items} == {"ugc"}
    assert dict(asked.facets["kind"])["pgc"] >= 2
    assert dict(asked.facets["category"])["scifi"] == 1


def test_editors_find_what_waits_and_readers_do_not(plain_world: World) -> None:
    world = plain_world
    assert "三体续集待审" not in world.titles(q="三体续集")
    assert world.titles(q="三体续集待审", drafts=True)[0] == "三体续集待审"
    assert {"三体续集待审", "三体旧授权"} <= set(world.titles(drafts=True))
    assert world.search(drafts=True).total == 8


def test_parts_of_a_score_are_told_when_asked(plain_world: World) -> None:
    world = plain_world
    clicks = [
        {"event_id": f"e{n}", "kind": "click", "reader_id": f"r{n}", "item_id": world.ids[2]}
        for n in range(30)
    ]
    record_reported(world.services.events, clicks)
    world.services.learning.apply_events()
    first = world.search(q="三体", explain=True, size=2)
    rest = world.search(q="三体", explain=True, size=50, cursor=first.next_cursor)
    for hit in (*first.items, *rest.items):
        assert hit.parts is not None
        assert hit.score == pytest.approx(sum(hit.parts.values()), abs=1e-6)
    parts = {hit.card.title: hit.parts or {} for hit in (*first.items, *rest.items)}
    assert parts["三体"]["exact"] == world.services.hybrid.weights.exact
    assert parts["三体之外"]["popularity"] > parts["三体"]["popularity"] == 0.0
    assert world.search(q="三体").items[0].parts is None


def test_browsing_shows_each_untouched_item_once_while_others_change(
    plain_world: World, clock: FixedClock
) -> None:
    world = plain_world
    many = add_items(world.floor, [Piece(f"第{n}篇", age_days=10 + n / 50) for n in range(450)])
    seen: list[int] = []
    cursor = None
    for turn in range(100):
        answer = world.search(size=50, cursor=cursor)
        seen += [hit.card.id for hit in answer.items]
        cursor = answer.next_cursor
        if cursor is None:
            break
        clock.advance(timedelta(seconds=1))
        add_items(world.floor, [Piece(f"新的{turn}", age_days=0.0)])
        gone = many[-1 - turn]
        with world.floor.db.transaction() as session:
            session.execute(update(ItemRow).where(ItemRow.id == gone).values(state="withdrawn"))
    assert len(seen) == len(set(seen))
    assert set(many[:430]) <= set(seen), "everything, not only the first hundreds"
    assert not set(many[-5:]) & set(seen), "withdrawn before their page came"


@pytest.mark.parametrize(
    "wrong",
    [
        {"sort": "colour"},
        {"facets": ("colour",)},
        {"kinds": ("novel",)},
        {"categories": ("nothing",)},
        {"price_band": "1-2"},
        {"price_min_fen": 5, "price_max_fen": 4},
        {"year_min": -1},
        {"size": 0},
        {"cursor": "abc"},
    ],
)
def test_wrong_requests_name_the_field(plain_world: World, wrong: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        plain_world.search(**wrong)


def test_a_cursor_belongs_to_its_search(plain_world: World) -> None:
    browsing = plain_world.search(size=2).next_cursor
    asking = plain_world.search(q="科幻", size=1).next_cursor
    for request in (
        {"q": "三体", "cursor": asking},
        {"q": "三体", "cursor": browsing},
        {"cursor": asking},
        {"sort": "price", "cursor": browsing},
    ):
        with pytest.raises(InvalidInput):
            plain_world.search(**request)


def test_the_store_answers_for_an_absent_index(plain_world: World) -> None:
    world = plain_world
    start = world.search(size=2)
    away = replace(world.floor, index=AwayIndex())
    world.services = build_services(away)

    answer = world.search(q="三体", facets=FACETS)
    assert [hit.card.title for hit in answer.items] == ["三体", "读三体的几个晚上", "三体之外"]
    assert (answer.degraded, answer.away) == (True, ("index",))
    assert answer.facets["kind"] == [("pgc", 2), ("ugc", 1)]
    assert dict(answer.facets["price_band"]) == {**{"2000-2999": 1, "3000-3999": 1, "4000-5999": 1}}
    for request, expected in (
        ({"q": "刘慈欣"}, ["三体"]),
        ({"q": "获奖"}, ["三体"]),
        ({"q": "9787536692930"}, ["三体"]),
        ({"q": "三体 -几个"}, ["三体", "三体之外"]),
        ({"q": "三体 晚上"}, ["读三体的几个晚上"]),
        ({"q": "100%"}, []),
        ({"q": "三体", "price_min_fen": 3000}, ["读三体的几个晚上", "三体之外"]),
        ({"q": "三体", "sort": "price_desc"}, ["三体之外", "读三体的几个晚上", "三体"]),
        ({"q": "三体", "year_max": 2019}, ["三体", "读三体的几个晚上"]),
        ({"publishers": ("重庆出版社",), "price_max_fen": 2300}, ["三体"]),
        ({"tags": ("美食",), "sources": ("编辑部",)}, ["红楼梦里的饭局", "一碗好面"]),
    ):
        assert world.titles(**request) == expected, request
    assert walk(world, size=2) == NEWEST
    assert walk(world, size=4, sort="price")[:2] == ["一碗好面", "三体"]
    assert walk(world, size=4, sort="price")[-1] == "没有书的随笔"
    # A chain that began on the index goes on from the same place.
    assert start.next_cursor is not None
    after = world.search(size=10, cursor=start.next_cursor)
    assert [hit.card.title for hit in after.items] == NEWEST[2:]


def test_drafts_over_http_need_the_right_to_edit(plain_world: World) -> None:
    app = create_app(plain_world.floor)
    ext.init_app(app, plain_world.floor)
    keys = {
        scope: app.extensions[EXTENSION].create_key(str(scope), [Scope.READ, scope], "test")
        for scope in (Scope.READ, Scope.CONTENT)
    }

    def get(scope: Scope, path: str) -> Any:
        head = {"Authorization": f"Bearer {keys[scope]}"}
        return app.test_client().get(f"/api/v1/search?{path}", headers=head)

    assert get(Scope.READ, "q=三体&state=all").status_code == 403
    found = get(Scope.CONTENT, "q=三体续集待审&state=all&explain=1").json["items"][0]
    assert (found["title"], found["state"]) == ("三体续集待审", "ready")
    assert found["parts"]["exact"] > 1
    assert get(Scope.READ, "q=三体").json["items"][0]["parts"] is None
    path = "publisher=重庆出版社&year_min=2020&facets=price_band,year&sort=price"
    answer = get(Scope.READ, path).json
    assert [one["title"] for one in answer["items"]] == ["三体之外"]
    assert answer["facets"]["price_band"] == [{"value": "4000-5999", "count": 1}]
    assert get(Scope.READ, "price_band=1-2").status_code == 422
