"""The rules that judge answers, on books made up here."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.relevance import rules
from tests.relevance.own_set import KINDS, specs
from tests.relevance.rules import Book


def book(number, title, author="", tags=(), **more):
    return Book.of({"id": str(number), "title": title, "author": author, "tags": tags, **more})


def test_every_kind_has_questions_with_ids_of_their_own():
    kept = specs()
    assert len({one["id"] for one in kept}) == len(kept) >= 300
    counts = Counter(one["kind"] for one in kept)
    assert set(counts) == set(KINDS)
    assert min(counts.values()) >= 20


def test_same_title():
    shop = [
        book(1, "活着", "余华"),
        book(2, "《活着》", "[中] 余华 / 别人"),
        book(3, "活着", "某某"),
        book(4, "活着（精装）", "余华"),
        book(5, "活着真好", "余华"),
    ]
    assert rules.same_title(shop, shop[0]) == {"1": 2.0, "2": 2.0, "3": 1.0, "4": 1.0}


@pytest.mark.parametrize(
    ("title", "volume"),
    [
        ("三体Ⅱ", None),
        ("三体2", ("三体", 2)),
        ("三体（三）：死神永生", ("三体", 3)),
        ("明朝那些事儿 第二部", ("明朝那些事儿", 2)),
        ("三体", None),
    ],
)
def test_volumes(title, volume):
    assert rules.volume_of(title) == volume


def test_another_way_to_write_a_volume():
    assert rules.volume_question("三体（三）", "roman") == "三体 III"
    assert rules.volume_question("三体3", "part") == "三体 第三部"


def test_slips():
    homophones = rules.homophones_in(["时间", "石头", "时"])
    assert homophones["石"] == "时"
    assert rules.misspelt("大石头", "homophone", homophones) == "大时头"
    assert rules.misspelt("平凡的世界", "missing", {}) == "平凡世界"
    assert rules.misspelt("平凡世界", "swapped", {}) == "平世凡界"
    assert rules.misspelt("Python", "latin", {}) == "Pyton"


def test_needs_want_a_tag_of_every_group():
    shop = [book(1, "a", tags=["科普", "儿童"]), book(2, "b", tags=["科普"]), book(3, "c")]
    assert rules.of_tags(shop, [["科普", "科学"], ["儿童"]]) == {"1": 2.0, "2": 1.0}
    assert rules.of_tags(shop, [["科普"]]) == {"1": 2.0, "2": 2.0}


def test_books_alike_share_lists_and_a_tag():
    shop = {str(n): book(n, f"书{n}", tags=["科幻"] if n != 4 else []) for n in range(1, 6)}
    shop["5"] = book(5, "书1（新版）", tags=["科幻"])
    lists = [["1", "2", "4", "5"]] * 3 + [["1", "3"]] * 2
    assert rules.alike(shop, lists, shop["1"]) == {"2": 2.0}
