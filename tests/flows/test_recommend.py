"""The recommend room on real parts: personas, matches, search, feed, events, over HTTP too."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import redis
from sqlalchemy import func, select, update

from contentcenter.clock import FixedClock
from contentcenter.domain.errors import EngineUnavailable, InvalidInput, NotFound
from contentcenter.domain.roles import Scope
from contentcenter.embedding.client import RemoteEmbedder
from contentcenter.floor import Floor
from contentcenter.jobs.names import JobName
from contentcenter.store.tables import (
    EventRow,
    ItemRow,
    MembershipRow,
    OutboxRow,
    ReaderRow,
)
from contentcenter.web.app import create_app
from contentcenter.web.auth import EXTENSION
from recommend import ext
from recommend.events.parsing import record_reported
from recommend.events.service import PostRef
from recommend.personas.store import Subject, load_personas
from recommend.search.request import SearchRequest
from recommend.services import RecommendServices, build_services
from recommend.tables import SeenRow
from tests.fixtures.floor import FloorMaker
from tests.fixtures.valkey import free_port
from tests.unit.recommend.building import Piece, add_audience, add_items, library


class World:
    """A floor with twenty items of four topics and two groups."""

    def __init__(self, floor: Floor) -> None:
        self.floor = floor
        self.services: RecommendServices = build_services(floor)
        self.items = add_items(floor, library(6))
        self.scifi = add_audience(
            floor, "科幻迷", description="科幻小说和星际舰队", tags=["科幻"], categories=["scifi"]
        )
        self.kids = add_audience(
            floor, "绘本妈妈", description="亲子共读绘本", tags=["绘本"], categories=["children"],
            price_ceiling_fen=3_000,
        )  # fmt: skip
        self.services.personas.refresh([self.scifi, self.kids])

    def topic(self, name: str) -> list[int]:
        start = ["scifi", "food", "history", "children"].index(name) * 6
        return self.items[start : start + 6]

    def report(self, *events: dict[str, Any]) -> Any:
        return record_reported(self.services.events, events)


@pytest.fixture
def world(floor: Floor) -> World:
    return World(floor)


def event(number: int | str, kind: str, **values: Any) -> dict[str, Any]:
    return {"event_id": f"e{number}", "kind": kind, **values}


# --- matches ----------------------------------------------------------------------------------


def test_parts_sum_to_the_score_and_the_declared_topic_leads(world: World) -> None:
    matches = world.services.matches.match_items_for_audience(world.scifi, 6)
    assert {one.item_id for one in matches} == set(world.topic("scifi"))
    for one in matches:
        assert round(sum(one.parts.values()), 4) == one.score


def test_a_price_above_the_ceiling_is_refused_with_its_reason(world: World) -> None:
    ranked = world.services.matches.ranked(world.kids, 100)
    assert all(one.eligible for one in ranked.items)
    assert {one.refused[0].reason for one in ranked.refused} == {"price_ceiling"}
    dear = world.topic("history")[0]
    assert dear not in {one.item_id for one in ranked.items}
    told = world.services.matches.explain(dear, world.kids)
    assert [one.reason for one in told.refused] == ["price_ceiling"]
    assert told.parts


def test_rights_and_stock_refuse_too(world: World) -> None:
    now = world.floor.clock.now()
    closed, other_channel, sold = add_items(
        world.floor,
        [
            Piece("过期授权", rights={"ends_at": now - timedelta(days=1)}),
            Piece("仅站内", rights={"channel_kinds": ["in_app"]}),
            Piece("售罄的书", price_fen=2_000, stock=0),
        ],
    )
    reasons = {
        one: [r.reason for r in world.services.matches.explain(one, world.scifi).refused]
        for one in (closed, other_channel, sold)
    }
    assert reasons == {
        closed: ["rights_closed"],
        other_channel: ["rights_channel"],
        sold: ["out_of_stock"],
    }
    with pytest.raises(NotFound):
        world.services.matches.explain(10_000, world.scifi)


def test_audiences_for_an_item_are_ranked_by_the_same_numbers(world: World) -> None:
    item = world.topic("scifi")[0]
    found = world.services.matches.match_audiences_for_item(item)
    assert [one.audience_id for one in found.items] == [world.scifi]
    assert [one.audience_id for one in found.refused] == [world.kids]
    assert found.items[0].score == world.services.matches.explain(item, world.scifi).score


def test_many_audiences_at_once_get_what_each_gets_alone(world: World) -> None:
    many = world.services.matches.match_many([world.scifi, world.kids], 5)
    for audience in (world.scifi, world.kids):
        alone = world.services.matches.match_items_for_audience(audience, 5)
        assert [(one.item_id, one.score) for one in many[audience]] == [
            (one.item_id, one.score) for one in alone
        ]


# --- events and personas ----------------------------------------------------------------------


def test_clicks_move_the_persona_and_the_matches(world: World) -> None:
    before = world.services.matches.match_items_for_audience(world.scifi, 1)[0]
    assert before.item_id in world.topic("scifi")
    food = world.topic("food")
    world.report(
        *[
            event(n, "order", reader_id=f"r{n}", item_id=food[n % 3], audience_id=world.scifi)
            for n in range(40)
        ]
    )
    assert world.services.learning.apply_events() == 40
    view = world.services.personas.get(world.scifi)
    categories = next(one for one in view.fields if one.name == "categories")
    assert categories.value["food"] > categories.value["scifi"]
    assert categories.origin in {"blended", "learned"}
    top = world.services.matches.match_items_for_audience(world.scifi, 3)
    assert {one.item_id for one in top} <= set(food)
    assert sum(one.share for one in view.interests) == pytest.approx(1.0, abs=0.01)


def test_a_rebuild_gives_the_same_persona_as_living_through_it(world: World) -> None:
    kinds = ["impression", "click", "favourite", "order", "dislike", "refund"]
    for batch in range(5):
        world.report(
            *[
                event(
                    batch * 100 + n,
                    kinds[(batch + n) % 6],
                    reader_id=f"r{n % 4}",
                    item_id=world.items[(n * 7 + batch) % 24],
                    audience_id=world.scifi,
                    at=(world.floor.clock.now() - timedelta(days=(n * 13) % 60)).isoformat(),
                )
                for n in range(30)
            ]
        )
        world.services.learning.apply_events()
    corpus = world.services.corpus.view()
    for subject, one in ((Subject.AUDIENCE, world.scifi), (Subject.READER, 1)):
        with world.floor.db.reading() as session:
            lived = load_personas(session, subject, [one], corpus.model, corpus.dimension)[one]
        rebuilt = world.services.learning.rebuild(subject, one)
        assert rebuilt.to_json() == lived.learned.to_json()
        assert rebuilt.centres.vectors.tobytes() == lived.learned.centres.vectors.tobytes()


def test_events_are_counted_once_and_bad_ones_are_named(world: World) -> None:
    item = world.items[0]
    good = [event(n, "click", reader_id="r", item_id=item) for n in range(3)]
    bad: list[Any] = [
        event("x1", "wink", reader_id="r", item_id=item),
        event("x2", "click", reader_id="r", item_id=99_999),
        event("x3", "click", reader_id="r"),
        event("x4", "click", reader_id="r", item_id=item, at="yesterday"),
        event("x5", "click", reader_id="r", item_id=item, at="2026-11-21T12:00:00"),
        event("x6", "click", reader_id="r", item_id=item, at="2027-11-21T12:00:00+08:00"),
        event("x7", "join", reader_id="r"),
        event("x8", "click", reader_id="r", post_code="nobody"),
        event("x9", "click", reader_id="r", item_id=True),
        {"kind": "click", "reader_id": "r", "item_id": item},
        "not an event",
    ]
    counts = world.report(*good, good[0], *bad)
    assert (counts.accepted, counts.duplicates, len(counts.rejected)) == (3, 1, len(bad))
    assert [one.index for one in counts.rejected] == list(range(4, 4 + len(bad)))
    fields = [one.reason.split(":")[0] for one in counts.rejected[:9]]
    assert fields == [
        *("kind", "item_id", "item_id", "at", "at", "at"),
        *("audience_id", "post_code", "item_id"),
    ]
    again = world.report(*good)
    assert (again.accepted, again.duplicates) == (0, 3)
    assert world.services.learning.apply_events() == 3
    assert world.services.learning.apply_events() == 0


def test_a_post_code_brings_item_audience_and_post(world: World) -> None:
    codes: list[str] = []

    def lookup(wanted: Any) -> dict[str, PostRef]:
        codes.extend(wanted)
        return {"abc": PostRef(77, world.items[2], world.scifi)}

    world.services.events.post_lookup = lookup
    world.report(event(1, "click", reader={"openid": "o1"}, post_code="abc"))
    with world.floor.db.reading() as session:
        row = session.scalars(select(EventRow)).one()
    assert (row.post_id, row.item_id, row.audience_id) == (77, world.items[2], world.scifi)
    assert codes == ["abc"]


def test_readers_are_found_by_any_id_and_learn_the_others(world: World) -> None:
    item = world.items[0]
    world.report(
        event(1, "click", reader={"openid": "o1"}, item_id=item),
        event(2, "click", reader={"openid": "o1", "unionid": "u1"}, item_id=item),
        event(3, "click", reader={"app_id": "a1", "unionid": "u1"}, item_id=item),
        event(4, "click", reader_id="a1", item_id=item),
    )
    with world.floor.db.reading() as session:
        rows = session.scalars(select(ReaderRow)).all()
        readers = set(session.scalars(select(EventRow.reader_id)))
    assert [(row.openid, row.unionid, row.app_id) for row in rows] == [("o1", "u1", "a1")]
    assert readers == {rows[0].id}


def test_joins_and_leaves_in_any_order(world: World) -> None:
    now = world.floor.clock.now()

    def at(days: int) -> str:
        return (now - timedelta(days=days)).isoformat()

    ref = {"audience_ref": "chat-科幻迷", "reader_id": "m"}
    world.report(event(1, "join", at=at(9), **ref), event(2, "leave", at=at(5), **ref))
    world.report(event(3, "join", at=at(7), **ref))  # late: before the leave
    with world.floor.db.reading() as session:
        row = session.scalars(select(MembershipRow)).one()
        assert row.left_at == now - timedelta(days=5)
    world.report(event(4, "join", at=at(1), **ref))
    with world.floor.db.reading() as session:
        assert session.scalars(select(MembershipRow)).one().left_at is None
    world.services.learning.apply_events()
    view = world.services.personas.get(world.scifi)
    assert next(one.value for one in view.fields if one.name == "fatigue") > 0


def test_recording_tells_the_learning_job(world: World) -> None:
    world.report(event(1, "click", reader_id="r", item_id=world.items[0]))
    with world.floor.db.reading() as session:
        payload = session.scalars(
            select(OutboxRow.payload).where(OutboxRow.topic == "events_recorded")
        ).one()
        assert payload == {"first_id": 1, "last_id": 1}
        assert session.scalar(select(func.count()).select_from(SeenRow)) == 1


def test_an_override_wins_is_visible_and_can_be_given_back(world: World) -> None:
    personas = world.services.personas
    band = {"p20": 1_000, "p50": 1_500, "p80": 2_000}
    view = personas.override(world.scifi, "price", band, "li")
    price = next(one for one in view.fields if one.name == "price")
    assert (price.value["p50"], price.origin, price.confidence) == (1_500, "override", 1.0)
    view = personas.override(world.scifi, "interests", ["美食火锅"], "li")
    assert len(view.interests) == 1
    view = personas.override(world.scifi, "price", None, "li")
    assert next(one for one in view.fields if one.name == "price").origin != "override"
    for field, value in (("price", {"p20": 5}), ("colour", 1), ("fatigue", 3), ("tags", [])):
        with pytest.raises(InvalidInput):
            personas.override(world.scifi, field, value, "li")


def test_history_keeps_one_picture_an_hour(world: World, clock: FixedClock) -> None:
    personas = world.services.personas
    assert personas.remember() == 2
    assert personas.remember() == 0
    world.report(event(1, "click", reader_id="r", item_id=world.items[0], audience_id=world.scifi))
    world.services.learning.apply_events()
    clock.advance(timedelta(hours=2))
    world.report(event(2, "click", reader_id="r", item_id=world.items[1], audience_id=world.scifi))
    world.services.learning.apply_events()
    assert personas.remember() == 1
    first, second = personas.history(world.scifi)
    assert first.at > second.at
    assert first.snapshot["evidence"] > second.snapshot["evidence"]


def test_the_roof_jobs_and_ticks_are_there(world: World) -> None:
    from recommend.jobs import JOBS
    from recommend.ticks import ticks

    due = {JobName.APPLY_EVENTS, JobName.REFRESH_AUDIENCE, JobName.FOLLOW_FEED_ANSWERS}
    assert due < set(JOBS)
    add_audience(world.floor, "新群")
    world.report(event(1, "click", reader_id="r", item_id=world.items[0]))
    before = sum(one.queued for one in world.floor.queue.counts().values())
    for tick in ticks(world.services, world.floor.queue):
        tick.run()
    after = sum(one.queued for one in world.floor.queue.counts().values())
    assert after - before >= len(due)


# --- search -----------------------------------------------------------------------------------


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


# --- degraded ---------------------------------------------------------------------------------


class AwayIndex:
    """The real index, unplugged: every question fails as the adapter says it would."""

    def __getattr__(self, name: str) -> Any:
        def away(*_: Any, **__: Any) -> Any:
            raise EngineUnavailable("The index does not answer", engine="index")

        return away


def test_without_the_index_search_and_feed_answer_from_the_store(world: World) -> None:
    view = world.services.corpus.view()
    broken = build_services(replace(world.floor, index=AwayIndex()))
    broken.corpus._keep(view)
    answer = broken.search.search(SearchRequest(q="火锅", facets=("category",)))
    assert [one.card.title for one in answer.items] == ["四川火锅"]
    assert (answer.degraded, answer.away) == (True, ("index",))
    assert dict(answer.facets["category"]) == {"food": 1}
    feed = broken.feed.page("r", size=10)
    assert len(feed.items) == 10
    assert feed.away == ("index",)
    matches = broken.matches.ranked(world.scifi, 5)
    assert matches.degraded
    assert len(matches.items) == 5
    assert broken.search.similar(world.items[0]).degraded


def test_without_the_embedder_search_uses_words_alone(world: World) -> None:
    away = RemoteEmbedder(f"http://127.0.0.1:{free_port()}")
    services = build_services(replace(world.floor, embedder=away))
    answer = services.search.search(SearchRequest(q="四川火锅"))
    away.close()
    assert answer.items[0].card.title == "四川火锅"
    assert answer.away == ("embedder",)


def test_without_redis_pages_still_follow_each_other(world: World) -> None:
    gone = redis.Redis(port=free_port(), socket_timeout=1)
    services = build_services(replace(world.floor, redis=gone))
    first = services.search.search(SearchRequest(size=20))
    second = services.search.search(SearchRequest(size=20, cursor=first.next_cursor))
    ids = [one.card.id for one in (*first.items, *second.items)]
    assert len(ids) == len(set(ids)) == 24
    assert services.feed.page("r").items


# --- feed -------------------------------------------------------------------------------------


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


# --- HTTP -------------------------------------------------------------------------------------


def test_every_door_over_http(world: World) -> None:
    app = create_app(world.floor)
    ext.init_app(app, world.floor)
    key = app.extensions[EXTENSION].create_key("app", [Scope.READ, Scope.EVENTS], "test")
    client = app.test_client()
    head = {"Authorization": f"Bearer {key}"}

    def get(path: str) -> Any:
        answer = client.get(f"/api/v1{path}", headers=head)
        assert answer.status_code == 200, answer.text
        return answer.json

    found = get("/search?q=四川火锅&facets=category,tag&kind=pgc&tag=美食")
    hit = found["items"][0]
    assert hit["highlights"]["title"] == "<em>四川火锅</em>"
    assert found["facets"]["category"][0] == {"value": "food", "count": found["total"]}
    assert found["degraded"] is False
    assert get(f"/items/{hit['id']}/similar?size=3")["items"]
    assert get("/suggest?q=schg")["items"][0]["text"] == "四川火锅"
    for path in (f"/items/{hit['id']}/audiences", f"/audiences/{world.scifi}/items"):
        for one in get(path)["items"]:
            assert round(sum(one["parts"].values()), 4) == one["score"]
    persona = get(f"/audiences/{world.scifi}/persona")
    assert {"interests", "price", "active_hours"} <= {one["name"] for one in persona["fields"]}
    feed = get("/feed?reader_id=r1&scene=home&size=3")
    assert feed["trace_id"]
    assert all(one["reason"]["text"] for one in feed["items"])
    events = [
        event(1, "click", reader_id="r1", item_id=feed["items"][0]["id"], trace_id=feed["trace_id"])
    ]
    posted = client.post("/api/v1/events", headers=head, json={"events": events})
    assert posted.json == {"accepted": 1, "duplicates": 0, "rejected": []}


def test_wrong_questions_get_our_error_shape(world: World) -> None:
    app = create_app(world.floor)
    ext.init_app(app, world.floor)
    secret = app.extensions[EXTENSION].create_key("r", [Scope.READ], "test")
    client, head = app.test_client(), {"Authorization": f"Bearer {secret}"}
    paths = ("/feed?reader_id=r", "/search?sort=x", "/audiences/999/items", "/items/999/similar")
    codes = [client.get(f"/api/v1{path}", headers=head).status_code for path in paths]
    assert codes == [403, 422, 404, 404]
    assert client.get("/api/v1/search").status_code == 401
    answer: Any = client.get("/api/v1/audiences/999/persona", headers=head).json
    assert answer["error"]["code"] == "not_found"


def test_commands_print_what_services_answer(world: World) -> None:
    app = create_app(world.floor)
    ext.init_app(app, world.floor)
    runner = app.test_cli_runner()
    assert "四川火锅" in runner.invoke(args=["search", "四川火锅"]).output
    listed = runner.invoke(args=["audiences", "list"]).output
    assert "科幻迷" in listed
    assert "scifi" in listed


def test_on_a_new_floor_everything_is_empty_but_nothing_fails(make_floor: FloorMaker) -> None:
    services = build_services(make_floor())
    assert services.search.search(SearchRequest(q="三体")).items == ()
    assert services.feed.page("r").items == ()
    assert services.suggest.suggest("三") == []
    assert services.learning.apply_events() == 0
    assert services.personas.remember() == 0


# --- members teach their groups ----------------------------------------------------------------


def joined(number: str, reader: str, audience: int) -> dict[str, Any]:
    return event(number, "join", reader_id=reader, audience_id=audience)


def test_what_members_do_in_the_app_moves_their_group_and_a_rebuild_agrees(world: World) -> None:
    world.report(*[joined(f"j{n}", f"m{n}", world.scifi) for n in range(4)])
    world.services.learning.apply_events()
    before = world.services.personas.personas([world.scifi])[world.scifi]
    food = world.topic("food")
    world.report(
        *[
            event(f"c{n}-{item}", "favourite", reader_id=f"m{n}", item_id=item)
            for n in range(4)
            for item in food[:3]
        ],
        event("stranger", "favourite", reader_id="nobody", item_id=world.topic("history")[0]),
    )
    world.services.learning.apply_events()
    after = world.services.personas.personas([world.scifi])[world.scifi]
    assert before.categories.get("food", 0.0) == 0.0
    assert after.categories["food"] > 0.3
    assert after.categories.get("history", 0.0) == 0.0
    assert after.fatigue == before.fatigue
    assert not world.services.learning.mend(Subject.AUDIENCE, world.scifi)


def test_after_leaving_a_group_nothing_is_taught_to_it(world: World) -> None:
    world.report(joined("j", "m", world.scifi))
    world.report(event("l", "leave", reader_id="m", audience_id=world.scifi))
    world.report(event("c", "order", reader_id="m", item_id=world.topic("food")[0]))
    world.services.learning.apply_events()
    persona = world.services.personas.personas([world.scifi])[world.scifi]
    assert persona.categories.get("food", 0.0) == 0.0
