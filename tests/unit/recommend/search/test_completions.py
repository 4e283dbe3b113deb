"""Completions: what may be typed for a text, and which come first."""

from __future__ import annotations

import pytest

from recommend.search.completions import Completions, spells
from recommend.search.known_texts import KnownText

TEXTS = Completions(
    [
        KnownText("三体", "book", 9),
        KnownText("三体II：黑暗森林", "book", 5),
        KnownText("三国演义", "book", 7),
        KnownText("平凡的世界", "book", 4),
        KnownText("重庆森林手记", "book", 2),
        KnownText("音乐之声", "book", 1),
        KnownText("加西亚·马尔克斯", "author", 6),
        KnownText("刘慈欣", "author", 8),
        KnownText("Python编程：从入门到实践", "book", 3),
        KnownText("Harry Potter and the Philosopher's Stone", "book", 3),
        KnownText("一个特别长特别长特别长特别长的书名之上", "book", 1),
        KnownText("一个特别长特别长特别长特别长的书名之下", "book", 1),
        KnownText("紅樓夢", "book", 5),
        KnownText("红楼梦", "title", 1),
    ]
)


def first(typed: str) -> str | None:
    return next((one.text for one in TEXTS.complete(typed, 5)), None)


@pytest.mark.parametrize(
    ("typed", "text"),
    [
        ("三", "三体"),
        ("三体i", "三体II：黑暗森林"),
        ("santi", "三体"),
        ("sanguo", "三国演义"),
        ("sgyy", "三国演义"),
        ("三ti", "三体"),
        ("三g", "三国演义"),
        ("san体", "三体"),
        ("s国yan", "三国演义"),
        ("马尔", "加西亚·马尔克斯"),
        ("chongqing", "重庆森林手记"),
        ("yinyue", "音乐之声"),
        ("pyhton", "Python编程：从入门到实践"),
        ("pythn", "Python编程：从入门到实践"),
        ("hary", "Harry Potter and the Philosopher's Stone"),
        ("harry potter and the philosopher", "Harry Potter and the Philosopher's Stone"),
        ("平凡的是界", "平凡的世界"),
        ("一个特别长特别长特别长特别长的书名之下", "一个特别长特别长特别长特别长的书名之下"),
        ("紅樓", "紅樓夢"),
    ],
)
def test_what_may_be_typed(typed: str, text: str) -> None:
    assert first(typed) == text


@pytest.mark.parametrize("typed", ["", "！？", "😀", "zzzz", "三提国", "qython"])
def test_what_finds_nothing(typed: str) -> None:
    assert TEXTS.complete(typed, 5) == []


def test_the_most_used_come_first_and_each_spelling_once() -> None:
    assert [one.text for one in TEXTS.complete("三", 3)] == ["三体", "三国演义", "三体II：黑暗森林"]
    assert [one.text for one in TEXTS.complete("红楼", 5)] == ["紅樓夢"]


def test_a_right_beginning_beats_a_mended_one() -> None:
    texts = Completions([KnownText("santi", "tag", 1), KnownText("sanji", "tag", 99)])
    assert [one.text for one in texts.complete("santi", 5)] == ["santi"]


def test_popularity_decides_in_a_long_range_too() -> None:
    texts = [KnownText(f"书{number:05}", "book", 1) for number in range(6_000)]
    texts.append(KnownText("书99999", "book", 2))
    assert Completions(texts).complete("书", 1)[0].text == "书99999"


def test_spelling_by_the_way() -> None:
    assert spells("三国演义", "sg演y")
    assert not spells("三国演义", "三演")


def test_nothing_is_known_yet() -> None:
    assert Completions([]).complete("三", 5) == []
