"""What an approval is bound to, and the check before sending."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from contentcenter.store.cards import BookCard, ItemCard, RightsCard
from distribute.facts import Verdict, check, differences, facts_of, text_hash

NOON = datetime(2026, 11, 21, 4, 0, tzinfo=UTC)
CONTENT = {"text": "今晚读", "link": {"url": "https://shop.example/t/a"}}
BOOK = BookCard(1, 1, None, "三体", "刘慈欣", "", "", 4500, 3, "scifi", "")
ITEM = ItemCard(
    id=1,
    kind="pgc",
    form="article",
    state="published",
    title="标题",
    summary="",
    text="正文",
    author="",
    category="scifi",
    cover="",
    source="编辑部",
    source_trusted=True,
    quality=0.5,
    version=1,
    content_hash="h1",
    duplicate_of=None,
    created_at=NOON,
    updated_at=NOON,
    published_at=NOON,
    books=(BOOK,),
)
ENDED = RightsCard(None, NOON - timedelta(days=1), ())
OTHER_CHANNEL = RightsCard(None, None, ("group_robot",))
APPROVED = facts_of(ITEM, CONTENT, NOON, "wecom_groups")


def verdict(item: ItemCard | None, content: Any = None, told: bool = False) -> Verdict:
    return check(
        item,
        content or CONTENT,
        APPROVED,
        at=NOON,
        channel_kind="wecom_groups",
        told_already=told,
    )


def test_nothing_changed_may_go() -> None:
    assert verdict(ITEM) == Verdict(True)


@pytest.mark.parametrize(
    ("item", "fact"),
    [
        (replace(ITEM, books=(replace(BOOK, price_fen=4600),)), "prices"),
        (replace(ITEM, books=(replace(BOOK, stock=0),)), "in_stock"),
        (replace(ITEM, content_hash="h2"), "source_text"),
    ],
)
def test_a_changed_fact_voids_the_approval_and_is_shown(item: ItemCard, fact: str) -> None:
    found = verdict(item)
    assert (found.go, found.void, found.reason) == (False, True, "facts_changed")
    assert [difference.fact for difference in found.differences] == [fact]


def test_an_edited_message_voids_the_approval() -> None:
    found = verdict(ITEM, {**CONTENT, "text": "明晚读"})
    assert [difference.fact for difference in found.differences] == ["text"]


@pytest.mark.parametrize(
    ("item", "told", "reason"),
    [
        (None, False, "not_published"),
        (replace(ITEM, state="withdrawn"), False, "not_published"),
        (ITEM, True, "told_before"),
        (
            replace(ITEM, rights=(RightsCard(None, NOON - timedelta(1), ()),)),
            False,
            "rights_closed",
        ),
        (replace(ITEM, rights=(RightsCard(None, None, ("group_robot",)),)), False, "rights_closed"),
    ],
)
def test_what_can_never_go_is_turned_down_for_good(
    item: ItemCard | None, told: bool, reason: str
) -> None:
    found = verdict(item, told=told)
    assert (found.go, found.void, found.reason) == (False, False, reason)


def test_the_text_hash_does_not_depend_on_the_order_of_keys() -> None:
    assert text_hash({"a": 1, "b": "书"}) == text_hash({"b": "书", "a": 1})
    assert text_hash({"a": 1}) != text_hash({"a": 2})


def test_differences_name_both_values() -> None:
    (found,) = differences({"price": 1}, {"price": 2})
    assert (found.fact, found.approved, found.now) == ("price", 1, 2)
