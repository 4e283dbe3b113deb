"""Word lists in the console and over HTTP, from the line typed to the item found."""

from __future__ import annotations

import io
from typing import Any

import pytest
from flask import Flask

from contentcenter.domain.roles import Role, Scope
from contentcenter.floor import Floor
from contentcenter.web.auth import EXTENSION
from tests.flows.console_world import Visitor, make_console, visitor

PAGE = "/search/words"


@pytest.fixture
def app(floor: Floor) -> Flask:
    return make_console(floor)


@pytest.fixture
def operator(app: Flask) -> Visitor:
    return visitor(app, Role.OPERATOR)


def save(who: Visitor, kind: str, text: str, version: int) -> Any:
    return who.post(PAGE, on=PAGE, kind=kind, text=text, version=version)


def test_a_list_is_written_tried_and_told(operator: Visitor) -> None:
    assert "初始词表" in operator.get(PAGE).text
    answer = save(operator, "group", "折叠宇宙、袖珍世界\n绘本、图画书", 0)
    assert "半分钟内" in answer.text
    tried = operator.get(f"{PAGE}?q=折叠宇宙").text
    assert '→ <span class="chip brand">袖珍世界</span>' in tried
    assert "修改了词表" in tried
    assert "折叠宇宙、袖珍世界" in tried


def test_what_is_wrong_stays_on_the_page_with_its_reason(operator: Visitor) -> None:
    answer = save(operator, "group", "电脑\n<b>手机</b>、电话", 0)
    assert answer.status_code == 422
    assert "第 1 行：至少要两个词" in answer.text
    assert "&lt;b&gt;手机&lt;/b&gt;、电话" in answer.text


def test_a_change_under_another_one_is_refused(operator: Visitor) -> None:
    save(operator, "stop", "请问", 0)
    answer = save(operator, "stop", "想找", 0)
    assert answer.status_code == 409
    assert "刷新页面" in answer.text


def test_a_file_goes_out_and_comes_back(operator: Visitor) -> None:
    save(operator, "stop", "请问\n劳驾", 0)
    text = operator.get(f"{PAGE}.txt").text
    assert "[停用词]\n请问\n劳驾" in text
    changed = text.replace("劳驾", "麻烦").encode()
    answer = operator.post(
        f"{PAGE}/import", on=PAGE, version=1, file=(io.BytesIO(changed), "words.txt")
    )
    assert "已导入" in answer.text
    assert "麻烦" in operator.get(f"{PAGE}.txt").text


def test_restoring_the_starter(operator: Visitor) -> None:
    save(operator, "stop", "劳驾", 0)
    operator.post(f"{PAGE}/reset", on=PAGE, kind="stop", version=1)
    assert "劳驾" not in operator.get(f"{PAGE}.txt").text


def test_viewers_look_and_do_not_touch(app: Flask) -> None:
    viewer = visitor(app, Role.VIEWER)
    assert "textarea" not in viewer.get(PAGE).text
    assert save(viewer, "stop", "请问", 0).status_code == 403


def test_the_api_reads_writes_and_explains(app: Flask) -> None:
    accounts = app.extensions[EXTENSION]
    key = accounts.create_key("ops", [Scope.READ, Scope.DISTRIBUTE], "test")
    reader = accounts.create_key("app", [Scope.READ], "test")
    client = app.test_client()

    def call(method: str, path: str, secret: str = key, **options: Any) -> Any:
        headers = {"Authorization": f"Bearer {secret}"}
        return client.open(f"/api/v1{path}", method=method, headers=headers, **options)

    before = call("GET", "/search-words").get_json()
    assert (before["version"], before["edited"]) == (0, [])
    body = {"version": 0, "lists": {"alias": ["鲁迅 = 周树人 = 豫才"]}}
    assert call("PUT", "/search-words", reader, json=body).status_code == 403
    after = call("PUT", "/search-words", json=body).get_json()
    assert after["lists"]["alias"] == ["鲁迅 = 周树人 = 豫才"]
    assert after["lists"]["group"] == before["lists"]["group"]
    assert call("PUT", "/search-words", json=body).status_code == 409
    wrong = call("PUT", "/search-words", json={"version": 1, "lists": {"alias": ["鲁迅"]}})
    assert wrong.status_code == 422
    assert "第 1 行" in wrong.get_json()["error"]["message"]
    seen = call("GET", "/search-words/understanding?q=豫才的小说", reader).get_json()
    assert seen["expansions"] == [{"term": "豫才", "words": ["鲁迅", "周树人"], "kind": "alias"}]
