"""Where a match trails the first: in words an operator can act on, for every part."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest

from contentcenter.console.language import english
from recommend.matching.lags import TEXTS, Lag, lags_of
from recommend.matching.settings import PARTS
from recommend.shelf import ShelfItem
from tests.unit.recommend.matching.test_scores import NOW, item, persona


def on_shelf(author: str = "汪曾祺", **values: Any) -> ShelfItem:
    """What lags look at of an item on the shelf."""
    return cast("ShelfItem", SimpleNamespace(match=replace(item(41), **values), author=author))


def lags(parts: dict[str, float], first: dict[str, float], on: ShelfItem) -> list[Lag]:
    return list(lags_of(parts, first, on, persona(1, 10_000), NOW))


def kind(part: str, on: ShelfItem, **values: Any) -> str:
    who = replace(persona(1, 10_000), **values)
    (found,) = lags_of({part: 0.0}, {part: 0.5}, on, who, NOW)
    return found.kind


def test_the_worst_three_come_first_and_leads_are_no_lags() -> None:
    mine = {"price": 0.1, "tags": 0.3, "words": 0.0, "semantic": 0.9, "quality": 0.0}
    first = {"price": 0.4, "tags": 0.2, "words": 0.1, "semantic": 0.9, "quality": 0.05}
    found = lags(mine, first, on_shelf())
    assert [(one.part, one.behind) for one in found] == [
        ("price", 0.3),
        ("words", 0.1),
        ("quality", 0.05),
    ]
    mine["quality"] = first["quality"] - 0.02
    assert [one.part for one in lags(mine, first, on_shelf())] == ["price", "words"]
    (close,) = lags({"words": 0.5, "tags": 0.3}, {"words": 0.504, "tags": 0.303}, on_shelf())
    assert "差 <0.01 分" in close.text
    assert len(lags(dict.fromkeys(PARTS, 0.0), dict.fromkeys(PARTS, 1.0), on_shelf())) == 3


@pytest.mark.parametrize("part", PARTS)
def test_every_part_speaks_chinese_and_english(part: str) -> None:
    (found,) = lags({part: 0.0}, {part: 0.5}, on_shelf(category="food"))
    assert "0.50" in found.text
    assert "{" not in found.text
    assert part not in found.text
    told = english()[found.template].format(**found.filled("en"))
    assert "0.50" in told
    assert "美食" not in told


def test_every_situation_has_its_english_with_the_same_blanks() -> None:
    assert {text for text in TEXTS.values() if text not in english()} == set()


def test_missing_tags_are_named_strongest_first() -> None:
    who: dict[str, Any] = {"tags": {"科幻": 0.9, "太空": 0.5, "机器人": 0.7, "美食": -0.2}}
    (found,) = lags_of(
        {"tags": 0.0}, {"tags": 0.14}, on_shelf(tags=("科幻",)), replace(persona(1), **who), NOW
    )
    assert found.values == {"tags": "机器人、太空"}
    assert found.text == "没有读者常看的标签“机器人、太空”，差 0.14 分：内容确实相关就补上"
    assert kind("tags", on_shelf(tags=tuple(who["tags"])), **who) == "tags"


def test_a_price_is_held_against_the_habit() -> None:
    band = persona(1, 10_000).price
    told = {
        kind("price", on_shelf(price_fen=price)): price
        for price in (int(band.p80) + 500, max(int(band.p20) - 500, 1), int(band.p50), None)
    }
    assert list(told) == ["price_dear", "price_cheap", "price", "price_unknown"]


def test_what_is_missing_is_said_to_be_missing() -> None:
    assert kind("authors", on_shelf(author="")) == "authors_unknown"
    assert kind("freshness", on_shelf(published_at=None)) == "freshness_undated"
    (old,) = lags({"freshness": 0.0}, {"freshness": 0.1}, on_shelf(
        published_at=NOW - timedelta(days=40)
    ))  # fmt: skip
    assert old.values == {"days": 40}
