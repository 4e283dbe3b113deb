"""Readers over HTTP and in the console: looked up, joined, parted; who may do what."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from contentcenter.domain.roles import Role, Scope
from contentcenter.floor import Floor
from contentcenter.web.auth import EXTENSION
from tests.flows.console_world import make_console, visitor
from tests.unit.recommend.building import Piece, add_items

PAGE = "/readers"


class Shop:
    """The application, an item, and two readers with one click each."""

    def __init__(self, floor: Floor) -> None:
        self.app: Flask = make_console(floor)
        self.client: FlaskClient = self.app.test_client()
        (self.item,) = add_items(floor, [Piece("星际舰队")])
        accounts = self.app.extensions[EXTENSION]
        scopes = {"all": list(Scope), "events": [Scope.EVENTS], "look": [Scope.READ]}
        self.keys = {name: accounts.create_key(name, some, "test") for name, some in scopes.items()}
        self.tell({"app_id": "a1"}, {"openid": "o1"})

    def call(self, method: str, path: str, body: Any = None, key: str = "all") -> Any:
        headers = {"Authorization": f"Bearer {self.keys[key]}"}
        return self.client.open(f"/api/v1{path}", method=method, json=body, headers=headers)

    def tell(self, *readers: dict[str, str]) -> None:
        for who in readers:
            name = "-".join(f"{kind}.{value}" for kind, value in who.items())
            event = {"event_id": name, "kind": "click", "reader": who, "item_id": self.item}
            answer = self.call("POST", "/events", {"events": [event]})
            assert answer.get_json()["accepted"] == 1


@pytest.fixture
def shop(floor: Floor) -> Shop:
    return Shop(floor)


def test_a_reader_is_looked_up_joined_and_parted_over_http(shop: Shop) -> None:
    first = shop.call("GET", "/readers/app_id:a1").get_json()
    second = shop.call("GET", "/readers/o1").get_json()
    body = {"reader": "a1", "other": "openid:o1", "note": "客服确认"}
    joined = shop.call("POST", "/readers/join", body)
    assert joined.status_code == 200
    told = joined.get_json()
    assert told["rows"] == [first["id"], second["id"]]
    assert told["counts"] == {"click": 2}
    assert told["pending"] == ["attribution", "persona"]
    assert told["joins"][0]["evidence"]["note"] == "客服确认"
    assert {one["name"] for one in told["persona"]} > {"categories", "price", "fatigue"}
    parted = shop.call("POST", f"/readers/{second['id']}/part", {"note": "认错了"}).get_json()
    assert parted["left"]["counts"] == parted["reader"]["counts"] == {"click": 1}
    again = shop.call("POST", f"/readers/{second['id']}/part", {})
    assert (again.status_code, again.get_json()["error"]["code"]) == (409, "conflict")


def test_conflicts_are_listed_page_by_page_and_dismissed(shop: Shop) -> None:
    shop.tell(*[{"app_id": "a1", "unionid": f"u{number}"} for number in range(4)])
    page = shop.call("GET", "/readers/conflicts?size=2").get_json()
    assert [one["claim"] for one in page["items"]] == ["unionid u0 u1", "unionid u0 u2"]
    rest = shop.call("GET", f"/readers/conflicts?size=2&cursor={page['next_cursor']}").get_json()
    assert [one["claim"] for one in rest["items"]] == ["unionid u0 u3"]
    assert rest["next_cursor"] is None
    done = shop.call("POST", f"/readers/conflicts/{rest['items'][0]['id']}/dismiss", {})
    assert done.status_code == 204
    assert len(shop.call("GET", "/readers/conflicts").get_json()["items"]) == 2


def test_what_is_wrong_is_said(shop: Shop) -> None:
    wrong = [
        ("GET", "/readers/nobody", "look", 404), ("GET", "/readers/id:x", "look", 422),
        ("GET", "/readers/a1", "events", 403), ("POST", "/readers/join", "look", 403),
        ("POST", "/readers/1/part", "events", 403), ("POST", "/readers/99/part", "all", 404),
        ("POST", "/readers/conflicts/9/dismiss", "all", 404),
    ]  # fmt: skip
    for method, path, key, status in wrong:
        body = {"reader": "a1", "other": "o1"} if method == "POST" else None
        assert shop.call(method, path, body, key).status_code == status, path


def test_an_operator_finds_joins_and_parts(shop: Shop) -> None:
    operator = visitor(shop.app, Role.OPERATOR)
    assert "看看这位读者" in operator.get(PAGE).text
    assert "没有这个编号的读者" in operator.get(f"{PAGE}?q=nobody").text
    page = operator.get(f"{PAGE}?q=openid:o1").text
    for text in ("公众号 openid", "星际舰队", "和另一个读者合并", "购买力"):
        assert text in page
    answer = operator.post(f"{PAGE}/join", on=f"{PAGE}?q=o1", reader="o1", other="a1", note="本人")
    assert "已合并" in answer.text
    assert "拆开后两边恢复" in answer.text
    assert "本人" in answer.text
    answer = operator.post(f"{PAGE}/2/part", on=f"{PAGE}?q=o1")
    assert "已拆开" in answer.text
    shop.tell({"app_id": "a1", "openid": "o1"})
    page = operator.get(PAGE).text
    assert "parted 1 2" in page
    operator.post(f"{PAGE}/conflicts/2/dismiss", on=PAGE)
    assert "parted 1 2" not in operator.get(PAGE).text


def test_a_viewer_looks_and_cannot_join(shop: Shop) -> None:
    viewer = visitor(shop.app, Role.VIEWER)
    assert "和另一个读者合并" not in viewer.get(f"{PAGE}?q=o1").text
    refused = viewer.post(f"{PAGE}/join", reader="o1", other="a1")
    assert refused.status_code == 403
    assert viewer.get("/readers?q=id:1").status_code == 200


def test_one_text_that_several_have_asks_which(shop: Shop) -> None:
    shop.tell({"openid": "a1"})
    assert shop.call("GET", "/readers/a1").status_code == 409
    assert "id:1、id:3" in visitor(shop.app, Role.VIEWER).get(f"{PAGE}?q=a1").text
