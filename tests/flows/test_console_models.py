"""The page of learned models: versions, a card beside the serving one, promote and roll back."""

from __future__ import annotations

import pytest
from flask import Flask

from contentcenter.domain.roles import Role
from contentcenter.floor import Floor
from recommend.models import ModelKind, ModelRegistry
from tests.flows.console_world import make_console, visitor

KIND = ModelKind.FEED_RANKING


@pytest.fixture
def app(floor: Floor) -> Flask:
    return make_console(floor)


@pytest.fixture
def registry(floor: Floor) -> ModelRegistry:
    models = ModelRegistry(floor)
    for loss in (0.21, 0.19):
        models.save(KIND, b"{}", {"last_days": {"log_loss": loss}, "trees": 7})
    models.promote(KIND, 1)
    return models


@pytest.mark.usefixtures("registry")
def test_a_card_is_shown_beside_the_serving_one(app: Flask) -> None:
    admin = visitor(app, Role.ADMIN)
    listed = admin.get("/models").text
    assert "信息流排序" in listed
    assert "还没有训练过" in listed  # the other kinds
    card = admin.get("/models/feed_ranking/2").text
    assert "<ins>0.19</ins>" in card
    assert "0.21" in card
    assert "启用这个版本" in card


def test_an_administrator_promotes_and_goes_back(app: Flask, registry: ModelRegistry) -> None:
    admin = visitor(app, Role.ADMIN)
    assert admin.post("/models/feed_ranking/promote", version="2").status_code == 200
    assert _serving(registry) == 2
    assert admin.post("/models/feed_ranking/roll-back").status_code == 200
    assert _serving(registry) == 1


def test_others_look_but_do_not_touch(app: Flask, registry: ModelRegistry) -> None:
    operator = visitor(app, Role.OPERATOR)
    assert "启用这个版本" not in operator.get("/models/feed_ranking/2").text
    answer = operator.post("/models/feed_ranking/promote", on="/", version="2")
    assert answer.status_code == 403
    assert _serving(registry) == 1


@pytest.mark.usefixtures("registry")
def test_what_is_not_there_is_said_so(app: Flask) -> None:
    admin = visitor(app, Role.ADMIN)
    assert admin.get("/models/feed_ranking/9").status_code == 404
    assert admin.get("/models/horoscope/1").status_code == 404
    assert "请选择一个版本" in admin.post("/models/feed_ranking/promote").text


@pytest.mark.parametrize(
    ("origin", "words"),
    [
        (
            "prior",
            "权重不是学来的，是手工设定的先验：只有 0 次选择和 0 次检验（至少要 40 和 10 次）",
        ),
        ("kept", "权重沿用以前学到的"),
        ("learned", "权重从读者的 0 次选择学来"),
        ("", ""),
    ],
)
def test_a_matching_model_says_what_it_has_not_learned(
    app: Flask, floor: Floor, origin: str, words: str
) -> None:
    models = ModelRegistry(floor)
    needed = {"choices": 40, "checked": 10}
    card = {"choices": 0, "checked": 0, "choices_needed": needed, "items": 24}
    models.save(ModelKind.MATCHING, b"{}", {**card, "weights_from": origin})
    models.promote(ModelKind.MATCHING, 1)
    admin = visitor(app, Role.ADMIN)
    for page in ("/models", "/models/matching/1"):
        text = admin.get(page).text
        assert words in text
        told = [one for one in ("不是学来的", "沿用以前", "学来，另用") if one in text]
        assert len(told) == bool(words)
    assert "至少需要 · 选择次数" in admin.get("/models/matching/1").text


def _serving(registry: ModelRegistry) -> int:
    active = registry.active(KIND)
    assert active is not None
    return active.version
