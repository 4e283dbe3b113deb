"""Did you mean and related questions, over HTTP and in the console."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask

from contentcenter.domain.roles import Role, Scope
from contentcenter.floor import Floor
from contentcenter.web.auth import EXTENSION
from tests.flows.console_world import make_console, visitor
from tests.unit.recommend.building import Piece, add_items


@pytest.fixture
def app(floor: Floor) -> Flask:
    pieces = [
        Piece(f"明朝那些事儿 卷{n}", "写的是大明王朝。", tags=("明史", "好书"), author="当年明月",
              work="明朝那些事儿", category="history")
        for n in "一二三"
    ]  # fmt: skip
    pieces += [Piece(f"四川火锅的第{n}种做法", "辣。", tags=("美食", "好书")) for n in range(24)]
    add_items(floor, pieces)
    app = make_console(floor)
    app.extensions["recommend"].suggest.suggest("明")  # the first build
    return app


def ask(app: Flask, question: str, **more: Any) -> Any:
    key = app.extensions[EXTENSION].create_key(f"k{question}{more}", [Scope.READ], "test")
    answer = app.test_client().get(
        "/api/v1/search",
        query_string={"q": question, **more},
        headers={"Authorization": f"Bearer {key}"},
    )
    assert answer.status_code == 200
    return answer.get_json()


def test_a_slip_is_answered_with_the_right_spelling_beside_its_own_answers(app: Flask) -> None:
    assert ask(app, "明朝那些是儿")["did_you_mean"] == "明朝那些事儿"
    right = ask(app, "明朝那些事儿")
    assert right["did_you_mean"] is None
    assert right["items"][0]["title"].startswith("明朝那些事儿")


def test_signs_alone_get_a_clear_empty_answer(app: Flask) -> None:
    answer = ask(app, "？！…😀")
    assert answer["items"] == []
    assert (answer["total"], answer["did_you_mean"], answer["related"]) == (0, None, [])


def test_related_questions_come_with_the_first_page_only(app: Flask) -> None:
    first = ask(app, "明朝那些事儿", size=2)
    texts = [one["text"] for one in first["related"]]
    assert {"当年明月", "明史"} <= set(texts)
    assert "好书" not in texts
    second = ask(app, "明朝那些事儿", size=2, cursor=first["next_cursor"])
    assert second["related"] == []


def test_the_console_offers_both(app: Flask) -> None:
    reader = visitor(app, Role.VIEWER)
    assert "<strong>明朝那些事儿</strong>" in reader.get("/search?q=明朝那些是儿").text
    assert "相关搜索" in reader.get("/search?q=明朝那些事儿").text
