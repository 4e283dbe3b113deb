"""Experiments through their doors: the console in both languages, the API, who may do what."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from contentcenter.accounts import AccountService
from contentcenter.clock import SystemClock
from contentcenter.domain.roles import Role, Scope
from contentcenter.floor import Floor
from distribute.experiments.variants import WeightedMatches
from distribute.ext import get_distribute
from distribute.tables import PlanRow, PostRow
from recommend.ext import get_recommend
from tests.flows.console_world import make_console, visitor
from tests.flows.distribute_world import Shop
from tests.flows.experiments.groups import add_groups, tell

FORM = {
    "name": "提问开头",
    "hypothesis": "开头提问，点的人更多",
    "layer": "copy",
    "kind": "fixed",
    "metric": "clicks_per_impression",
    "days": "7",
    "uplift": "50",
    "name-1": "提问",
    "share-1": "50",
    "style-1": "question",
}


@pytest.fixture
def app(floor: Floor) -> Flask:
    return make_console(floor)


@pytest.fixture
def groups(floor: Floor, app: Flask) -> list[int]:
    return add_groups(floor, 12)


@pytest.fixture
def item(floor: Floor, app: Flask) -> int:
    with app.app_context():
        shop = Shop(floor, get_distribute(), floor.clock, None)  # type: ignore[arg-type]
        return shop.add_items(1)[0]


def test_an_operator_runs_an_experiment_from_the_console(
    floor: Floor, app: Flask, groups: list[int], item: int
) -> None:
    operator = visitor(app, Role.OPERATOR)
    assert "还没有实验" in operator.get("/experiments").text
    past = floor.clock.now() - timedelta(days=14)
    tell(floor, groups, item, past, 14, rates=[0.08 + place / 1000 for place in range(12)])
    draft = operator.post("/experiments/new", on="/experiments/new", **FORM)
    assert "看过计划再开始" in draft.text
    assert "看得出的最小差异" in draft.text
    page = "/experiments/1"
    assert "分组并开始" in draft.text
    started = operator.post(f"{page}/start", on=page)
    assert "已分组" in started.text
    assert "每一边至少要有 3 个群有数据" in started.text
    assert "提问开头" in operator.get("/experiments").text

    with app.app_context():
        service = get_distribute().experiments
        start = service.get(1).starts_at
        arms = {one[0]: one[2] for one in service.assignment(1)}
    assert start is not None
    rates = [0.2 if arms[one] else 0.08 for one in groups]
    tell(floor, groups, item, start, 7, rates=rates, leaves=[1] * 12)
    floor.clock.advance(timedelta(days=8, hours=12))  # type: ignore[attr-defined]
    shown = operator.get(page).text
    assert "“提问”比“原来的做法”好" in shown
    assert "没有看出更差" in shown
    assert 'class="chart band"' in shown
    operator.post("/language", language="en")
    english = operator.get(page).text
    assert "is better than" in english
    assert "Guard rails" in english
    assert "已停止" in visitor(app, Role.ADMIN).post(f"{page}/stop", on=page, reason="够了").text


def test_only_operators_may_and_mistakes_are_told(app: Flask, groups: list[int]) -> None:
    viewer = visitor(app, Role.VIEWER)
    assert viewer.get("/experiments").status_code == 200
    assert viewer.get("/experiments/new").status_code == 403
    assert viewer.post("/experiments/new", **FORM).status_code == 403
    operator = visitor(app, Role.OPERATOR)

    def answer(**more: str) -> Any:
        return operator.post("/experiments/new", on="/experiments/new", **{**FORM, **more})

    for more in (
        {"name-1": ""},
        {"share-1": ""},
        {"layer": "font"},
        {"match-1": "price=much"},
        {"style-1": "", "layer": "match", "match-1": "价格=0.8"},
        {"shift-1": "soon"},
        {"style-1": "", "layer": "match"},
    ):
        refused = answer(**more)
        assert refused.status_code == 422, more
        assert "开头提问，点的人更多" in refused.text, "what was typed is still there"
    good = answer(**{"style-1": "", "layer": "match", "match-1": "价格合适=0.8；fatigue=1"})
    assert "价格合适 ×0.8 · 疲劳 ×1" in good.text
    assert "补没推过的分类" in operator.get("/experiments/new").text


def test_the_api_creates_starts_tells_and_stops(
    floor: Floor, app: Flask, groups: list[int]
) -> None:
    key = AccountService(floor.db, SystemClock()).create_key("test", list(Scope), "test")
    client, headers = app.test_client(), {"Authorization": f"Bearer {key}"}
    base = "/api/v1/experiments"
    body = {
        "name": "晚一点",
        "hypothesis": "晚一小时，点的人更多",
        "layer": "slot",
        "kind": "bandit",
        "metric": "clicks_per_impression",
        "days": 14,
        "arms": [
            {"name": "原样", "share": 0.5},
            {"name": "晚", "share": 0.5, "strategy": {"slot_shift_minutes": 60}},
        ],
    }
    bad = client.post(base, json={**body, "arms": body["arms"][:1]}, headers=headers)  # type: ignore[index]
    assert bad.status_code == 422
    made = client.post(base, json=body, headers=headers)
    assert made.status_code == 201
    path = f"{base}/{made.json['id']}"  # type: ignore[index]
    assert client.post(f"{path}/start", headers=headers).json["state"] == "running"  # type: ignore[index]
    again = client.post(f"{path}/start", headers=headers)
    assert (again.status_code, again.json["error"]["code"]) == (409, "conflict")  # type: ignore[index]
    with app.app_context():
        get_distribute().experiments.result(1)
    result = client.get(f"{path}/result", headers=headers).json
    assert [round(arm["chance"], 3) for arm in result["bandit"]] == [0.5, 0.5]  # type: ignore[index]
    page = client.get(f"{base}?size=1", headers=headers).json
    assert page["items"][0]["arms"][1]["strategy"] == {"slot_shift_minutes": 60}  # type: ignore[index]
    assert client.get(f"{base}?cursor={page['next_cursor']}", headers=headers).json["items"] == []  # type: ignore[index]
    stopped = client.post(f"{path}/stop", json={"reason": "换季"}, headers=headers)
    assert stopped.json["stop_reason"] == "换季"  # type: ignore[index]
    assert client.get(f"{base}/99", headers=headers).status_code == 404
    assert client.get(path).status_code == 401


def test_the_page_says_how_many_approvals_a_start_costs(
    floor: Floor, app: Flask, groups: list[int], item: int
) -> None:
    operator = visitor(app, Role.OPERATOR)
    operator.post("/experiments/new", on="/experiments/new", **FORM)
    page = "/experiments/1"
    assert "需要再批准一次" not in operator.get(page).text
    tell(floor, groups, item, floor.clock.now() + timedelta(days=1), 1, rates=[0.0] * 12)
    with floor.db.transaction() as session:
        for post in session.scalars(select(PostRow)):
            post.state = "approved"
    assert "有 12 条已批准、还没发出的推文会重新排期" in operator.get(page).text
    assert "需要再批准一次" not in visitor(app, Role.VIEWER).get(page).text


def test_other_match_weights_reach_the_product_s_own_matcher(
    floor: Floor, app: Flask, groups: list[int], item: int
) -> None:
    with app.app_context():
        matches = get_recommend().matches
        heavy = WeightedMatches(matches, {"quality": 3.0})
        usual = matches.explain(item, groups[0]).parts
        weighed = heavy.explain(item, groups[0]).parts
    assert heavy.settings.quality == 3.0
    assert matches.settings.quality != 3.0
    assert usual["quality"] != 0
    assert weighed["quality"] == pytest.approx(
        usual["quality"] * 3.0 / matches.settings.quality, abs=1e-3
    )
    assert weighed["freshness"] == usual["freshness"]
    with floor.db.reading() as session:
        assert list(session.scalars(select(PostRow))) == []
        assert list(session.scalars(select(PlanRow))) == []
