"""Callbacks, tracked links and the API, through the web application."""

from __future__ import annotations

from collections.abc import Iterator
from threading import Thread
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.serving import make_server

from contentcenter.accounts import AccountService
from contentcenter.clock import FixedClock
from contentcenter.domain.channels import AudienceKind
from contentcenter.domain.roles import Scope
from contentcenter.floor import Floor
from contentcenter.store.tables import EventRow
from distribute.envelope import signature
from distribute.ext import EXTENSION
from distribute.services import DistributeServices
from tests.fixtures.floor import FloorMaker
from tests.fixtures.twin import TwinProcess, wait_for
from tests.flows.distribute_world import AES_KEY, APPID, CORPID, TOKEN, Shop, make_shop
from wsgi import create_app


@pytest.fixture
def floor(make_floor: FloorMaker, twin: TwinProcess) -> Floor:
    return make_floor(
        official_account_url=twin.official_url,
        wecom_url=twin.wecom_url,
        public_url="https://shop.example",
    )


@pytest.fixture
def app(floor: Floor) -> Flask:
    return create_app(floor=floor)


@pytest.fixture
def shop(floor: Floor, app: Flask, clock: FixedClock, twin: TwinProcess) -> Shop:
    shop = make_shop(floor, clock, twin)
    shop.add_items(4)
    return shop


@pytest.fixture
def address(app: Flask) -> Iterator[str]:
    """The application behind a real port, for the twin's callbacks."""
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.port}"
    server.shutdown()
    thread.join()
    server.server_close()


class Api:
    """A client with a key."""

    def __init__(self, client: FlaskClient, key: str) -> None:
        self._client = client
        self._headers = {"Authorization": f"Bearer {key}"}

    def __call__(self, method: str, path: str, body: Any = None, status: int = 200) -> Any:
        answer = self._client.open(
            f"/api/v1{path}", method=method, json=body, headers=self._headers
        )
        assert answer.status_code == status, answer.get_data(as_text=True)
        return answer.get_json()


@pytest.fixture
def api(app: Flask, floor: Floor) -> Api:
    accounts = AccountService(floor.db, floor.clock)
    key = accounts.create_key("test", [Scope.READ, Scope.DISTRIBUTE], "tester")
    return Api(app.test_client(), key)


def events(floor: Floor) -> list[EventRow]:
    with floor.db.reading() as session:
        return list(session.scalars(select(EventRow).order_by(EventRow.id)))


# -- tracked links ---------------------------------------------------------------------------


def test_a_click_is_counted_once_an_hour_and_leads_on(shop: Shop, app: Flask) -> None:
    shop.groups(1)
    shop.plan()
    post = shop.only_post()
    client = app.test_client()
    for _ in range(2):
        answer = client.get(f"/t/{post.code}?external_userid=wmReader1")
        assert answer.status_code == 302
    (event,) = events(shop.floor)
    assert (event.kind, event.post_id, event.item_id) == ("click", post.id, post.item_id)
    assert event.audience_id == post.audience_id
    assert event.reader_id is not None
    page = client.get(answer.headers["Location"])
    assert page.status_code == 200
    assert "夜读之书" in page.get_data(as_text=True)


def test_somebody_without_an_id_counts_too(shop: Shop, app: Flask) -> None:
    shop.groups(1)
    shop.plan()
    app.test_client().get(f"/t/{shop.only_post().code}")
    (event,) = events(shop.floor)
    assert event.reader_id is None


def test_a_preview_reads_nothing(shop: Shop, app: Flask) -> None:
    shop.groups(1)
    shop.plan()
    assert app.test_client().head(f"/t/{shop.only_post().code}").status_code == 200
    assert events(shop.floor) == []


@pytest.mark.parametrize("code", ["nobody", "x" * 300, "%27%20or%201"])
def test_an_unknown_link_is_answered_kindly(app: Flask, code: str) -> None:
    for path in (f"/t/{code}", f"/t/{code}/read"):
        answer = app.test_client().get(path)
        assert answer.status_code == 404
        assert "已经不在了" in answer.get_data(as_text=True)


# -- callbacks -------------------------------------------------------------------------------


def test_the_twins_callbacks_finish_a_mass_send(shop: Shop, address: str) -> None:
    shop.set_up_twin(followers=3)
    channel = shop.official_channel()
    shop.audience(channel, AudienceKind.FOLLOWERS, "all")
    callback = {
        "appid": APPID,
        "callback_url": f"{address}/callbacks/official-account/{channel.id}",
        "token": TOKEN,
        "aes_key": AES_KEY,
    }
    # The account waits for its administrator, so that the report comes after our answer.
    shop.twin.setup({"official_accounts": [{**callback, "protected": True}]})
    shop.plan()
    shop.advance(minutes=2)
    shop.deliver()
    shop.follow()
    post = shop.only_post()
    assert post.state == "waiting_owner"
    shop.twin.admin("approve", {"appid": APPID, "msg_id": post.reference})
    wait_for(lambda: shop.only_post().state == "delivered")
    assert shop.only_post().reached == 3


def test_readers_who_join_and_leave_a_group_become_events(shop: Shop, address: str) -> None:
    (audience,) = shop.groups(1)
    url = f"{address}/callbacks/wecom/{audience.card.channel_id}"
    secrets = {"callback_url": url, "token": TOKEN, "aes_key": AES_KEY}
    shop.twin.setup({"corps": [{"corpid": CORPID, **secrets}]})
    joined = {"external_userids": ["wmNew1", "wmNew2"]}
    shop.twin.admin(f"groups/{CORPID}/wr00000/join", joined)
    wait_for(lambda: len(events(shop.floor)) == 2)
    shop.twin.fault("wecom", "callback", "callback_duplicate")
    shop.twin.admin(f"groups/{CORPID}/wr00000/leave", {"external_userids": ["wmNew1"]})
    wait_for(lambda: len(events(shop.floor)) == 3)
    wait_for(lambda: len(shop.twin.callbacks()) == 3, what="the repeated callback")
    found = events(shop.floor)
    assert [event.kind for event in found] == ["join", "join", "leave"]
    assert {event.audience_id for event in found} == {audience.card.id}


@pytest.mark.parametrize("path", ["official-account", "wecom"])
def test_a_callback_with_a_wrong_signature_changes_nothing(
    shop: Shop, app: Flask, path: str
) -> None:
    channel = shop.official_channel() if path == "official-account" else shop.wecom_channel()
    url = f"/callbacks/{path}/{channel.id}?timestamp=1&nonce=2&signature=no&msg_signature=no"
    client = app.test_client()
    assert client.get(url).status_code == 403
    body = "<xml><Encrypt>AAAA</Encrypt></xml>"
    assert client.post(url, data=body).status_code == 403
    assert client.post(f"/callbacks/{path}/999", data=body).status_code == 404
    assert client.post(url, data="no xml").status_code == 422


def test_the_address_check_is_answered(shop: Shop, app: Flask) -> None:
    channel = shop.official_channel()
    signed = signature(TOKEN, "1", "2")
    answer = app.test_client().get(
        f"/callbacks/official-account/{channel.id}"
        f"?signature={signed}&timestamp=1&nonce=2&echostr=hello"
    )
    assert (answer.status_code, answer.get_data(as_text=True)) == (200, "hello")


# -- the API ---------------------------------------------------------------------------------


def test_channels_come_back_without_their_secrets(api: Api) -> None:
    body = {
        "kind": "wecom_groups",
        "name": "企业微信",
        "account": "ww1",
        "credentials": {"secret": "very-secret", "token": "t"},
    }
    made = api("POST", "/channels", body, 201)
    assert made["credentials"] == ["secret", "token"]
    listed = api("GET", "/channels")
    assert "very-secret" not in str(listed) + str(made)
    assert api("POST", f"/channels/{made['id']}/pause")["state"] == "paused"
    api("POST", f"/channels/{made['id']}/pause", status=409)
    assert api("POST", f"/channels/{made['id']}/resume")["state"] == "active"
    api("POST", "/channels", body, 409)
    api("POST", "/channels", {**body, "account": "ww2", "credentials": {}}, 422)


def test_audiences_are_checked_against_their_channel(api: Api) -> None:
    channel = api(
        "POST",
        "/channels",
        {"kind": "wecom_groups", "name": "a", "account": "w", "credentials": {"secret": "s"}},
        201,
    )
    body = {
        "channel_id": channel["id"],
        "kind": "group",
        "name": "科幻夜读",
        "platform_ref": "wr1",
        "owner_userid": "zhang",
        "slots": [{"weekdays": [0, 1, 2, 3, 4, 5, 6], "local_time": "20:30"}],
        "cap_per_day": 0,
    }
    made = api("POST", "/audiences", body, 201)
    assert made["slots"][0]["local_time"] == "20:30"
    assert made["cap_per_day"] == 0
    changed = api("PATCH", f"/audiences/{made['id']}", {"cap_per_day": None, "state": "paused"})
    assert (changed["cap_per_day"], changed["state"]) == (None, "paused")
    assert api("GET", "/audiences")["items"][0]["name"] == "科幻夜读"
    for wrong in (
        {"kind": "followers"},
        {"owner_userid": ""},
        {"timezone": "Mars/Base"},
        {"slots": [{"weekdays": [], "local_time": "20:30"}]},
        {"slots": [{"weekdays": [1], "local_time": "25:30"}]},
        {"categories": ["nonsense"]},
        {"cap_per_day": -1},
    ):
        api("POST", "/audiences", {**body, "platform_ref": "wr2", **wrong}, 422)


def test_plans_and_posts_over_http(api: Api, shop: Shop, app: Flask) -> None:
    shop.groups(2, auto_approve=False)
    # The application plans with its real matcher; what is asked here is the door.
    plan = api("POST", "/plans", {"days": 1}, 202)
    assert plan["state"] == "requested"
    services: DistributeServices = app.extensions[EXTENSION]
    services.plans.run(plan["id"])
    assert api("GET", f"/plans/{plan['id']}")["state"] == "done"
    shop.plan()
    page = api("GET", "/posts?size=1&state=planned")
    following = api("GET", f"/posts?size=1&state=planned&cursor={page['next_cursor']}")
    first, second = page["items"][0], following["items"][0]
    assert first["id"] != second["id"]
    assert api("POST", f"/posts/{first['id']}/approve")["state"] == "approved"
    assert api("POST", f"/posts/{second['id']}/cancel")["state"] == "cancelled"
    api("POST", f"/posts/{second['id']}/retry", status=409)
    story = api("GET", f"/posts/{first['id']}")
    assert [step["state"] for step in story["steps"]] == ["planned", "approved"]
    api("GET", "/posts/999", status=404)
    api("GET", "/posts?cursor=nonsense", status=422)


def test_a_plan_says_why(api: Api, shop: Shop) -> None:
    shop.groups(1, cap_per_day=0)
    shop.plan()
    (plan,) = api("GET", "/plans")["items"]
    detail = api("GET", f"/plans/{plan['id']}")
    assert detail["summary"]["empty"] == {"cap_zero": 1}
    assert [one["reason"] for one in detail["refusals"]] == ["cap_zero"]


def test_the_command_line_plans_and_lists(shop: Shop, app: Flask) -> None:
    shop.groups(1)
    shop.plan()
    listed = app.test_cli_runner().invoke(args=["posts", "list", "--state", "approved"])
    assert "夜读之书" in listed.output
    planned = app.test_cli_runner().invoke(args=["plan", "run", "--days", "2"])
    assert ": done" in planned.output
