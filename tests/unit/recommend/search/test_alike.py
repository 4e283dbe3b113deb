"""Questions for the like of a book: which are, which only look so."""

from __future__ import annotations

import pytest

from recommend.search.alike import named_in, without_named
from recommend.search.ranking import ItemFacts, Ranked, Wanted


@pytest.mark.parametrize(
    ("question", "title"),
    [
        ("像《活着》一样的书", "活着"),
        ("有没有跟《三体》差不多的小说？", "三体"),
        ("类似于《小王子》的绘本", "小王子"),
        ("喜欢《平凡的世界》的人还看什么", "平凡的世界"),
        ("看完《白夜行》还可以看什么书", "白夜行"),
        ("像活着一样的书", "活着"),
        ("和三体类似的小说", "三体"),
        ("像小王子那样温暖的书", "小王子"),
        ("类似三体的小说", "三体"),
        ("books like Dune", "Dune"),
        ("Novels similar to The Hobbit", "The Hobbit"),
    ],
)
def test_the_title_whose_like_is_wanted(question: str, title: str) -> None:
    assert named_in(question) == title


@pytest.mark.parametrize(
    "question",
    [
        "活着",
        "《活着》",
        "《像自由一样美丽》",
        "余华《活着》书评",
        "《活着》好看吗",
        "好像有人在看",
        "类似",
        "",
        "像",
        "我昨天在图书馆里读到一篇文章讲了很多关于《活着》的事情，说它像一把刀，又不像一把刀",
    ],
)
def test_other_questions_stay_what_they_are(question: str) -> None:
    assert named_in(question) is None


def test_other_editions_of_the_book_are_no_answer() -> None:
    facts = {
        1: ItemFacts(1, names=frozenset({"活着"})),
        2: ItemFacts(2, book_names=frozenset({"活着"})),
        3: ItemFacts(3, names=frozenset({"活着之外"})),
    }
    ranked = [Ranked(one) for one in (1, 2, 3, 4)]
    assert [one.id for one in without_named(ranked, facts, Wanted("活着"))] == [3, 4]
