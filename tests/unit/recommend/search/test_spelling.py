"""What was meant by a slip, and what is no slip."""

from __future__ import annotations

import pytest

from recommend.search.known_texts import KnownText
from recommend.search.spelling import Spelling

SPELLING = Spelling(
    KnownText(text, kind, weight)
    for text, kind, weight in [
        ("三体", "book", 9),
        ("明朝那些事儿（壹）", "book", 5),
        ("当年明月", "author", 3),
        ("平凡的世界（全三部）", "book", 4),
        ("百年孤独", "book", 5),
        ("村上春树", "author", 6),
        ("经济学原理", "book", 3),
        ("经济学", "tag", 8),
        ("刘慈欣", "author", 5),
        ("西游记", "book", 4),
        ("Harry Potter and the Goblet of Fire", "book", 5),
        ("流畅的Python", "book", 4),
        ("JavaScript高级程序设计", "book", 4),
        ("围城", "book", 5),
        ("哲学", "tag", 5),
        ("活着", "book", 9),
    ]
)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("三休", "三体"),
        ("明朝那些是儿", "明朝那些事儿"),
        ("明朝那些事", "明朝那些事儿"),
        ("名朝那些事儿", "明朝那些事儿"),
        ("平凡的事界", "平凡的世界"),
        ("百年孤读", "百年孤独"),
        ("百年的孤独", "百年孤独"),
        ("村上春数", "村上春树"),
        ("经记学", "经济学"),
        ("围诚", "围城"),
        ("話着", "活着"),
        ("harry poter", "harry potter"),
        ("hary potter", "harry potter"),
        ("pyhton", "python"),
        ("pythn", "python"),
        ("javascirpt", "javascript"),
        ("jvascrit", "javascript"),
        ("sanit", "三体"),
        ("liucixn", "刘慈欣"),
        ("xiyuoji", "西游记"),
        ("百年孤读 村上春数", "百年孤独 村上春树"),
        ("平凡的事界 好看", "平凡的世界 好看"),
    ],
)
def test_slips(typed: str, meant: str) -> None:
    assert SPELLING.correct(typed) == meant


@pytest.mark.parametrize(
    "typed",
    [
        "三体", "平凡的世界", "三國", "santi", "python", "harry potter", "xiyouji", "好看的小说",
        "", "！？", "😀", "体", "oython", "pyt", "9787536692930", "三" * 200, "a" * 2000,
    ],
)  # fmt: skip
def test_no_slips(typed: str) -> None:
    assert SPELLING.correct(typed) is None
