"""The recommend room through its doors: HTTP, commands, jobs, and on a new floor."""

from __future__ import annotations

from typing import Any

from contentcenter.domain.roles import Scope
from contentcenter.jobs.names import JobName
from contentcenter.web.app import create_app
from contentcenter.web.auth import EXTENSION
from recommend import ext
from recommend.search.request import SearchRequest
from recommend.services import build_services
from tests.fixtures.floor import FloorMaker
from tests.fixtures.topics import World, event
from tests.unit.recommend.building import add_audience


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


def test_on_a_new_floor_everything_is_empty_but_nothing_fails(make_floor: FloorMaker) -> None:
    services = build_services(make_floor())
    assert services.search.search(SearchRequest(q="三体")).items == ()
    assert services.feed.page("r").items == ()
    assert services.suggest.suggest("三") == []
    assert services.learning.apply_events() == 0
    assert services.personas.remember() == 0
