"""Works, mentions and links."""

from __future__ import annotations

import pytest

from contentcenter.store.cards import BookCard
from ingest.linking import Catalogue, best_meaning, choose_links, find_mentions
from ingest.titles import author_key, mention_keys, mentioned_titles, work_key


def book(book_id: int, title: str, author: str, work: int | None = None) -> BookCard:
    return BookCard(
        book_id, work or book_id, f"978{book_id}", title, author, "", "", 100, 1, "fiction", ""
    )


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (("红楼梦（精装）", "[清]曹雪芹 著"), ("紅樓夢", "曹雪芹、高鹗"), True),
        (("三体II", "刘慈欣"), ("三体 2", "刘慈欣"), True),
        (("三体", "刘慈欣"), ("三体2", "刘慈欣"), False),
        (("百年孤独", "[哥伦比亚] 加西亚·马尔克斯"), ("百年孤独", "加西亚马尔克斯"), True),
        (("围城", "钱锺书"), ("围城", "张三"), False),
        (("中国通史（上册）", "吕思勉"), ("中国通史（下册）", "吕思勉"), False),
        (("活着（第2版）", "余华"), ("活着", "余华 著"), True),
    ],
)
def test_editions_of_one_work(one: tuple[str, str], other: tuple[str, str], same: bool) -> None:
    assert (work_key(*one) == work_key(*other)) is same


def test_keys_stay_within_their_column() -> None:
    assert len(work_key("长" * 200, "人" * 200)) <= 200
    assert work_key("长" * 200, "甲乙") != work_key("长" * 200, "丙丁")


def test_mentions() -> None:
    assert mentioned_titles("《三体》和《活着》，还有《三体》") == ("三体", "活着")
    assert mention_keys("被讨厌的勇气：“自我启发之父”阿德勒的哲学课")[1] == "被讨厌的勇气"
    assert mention_keys("三体：地球往事")[1] == "三体"
    assert mention_keys("三体II：黑暗森林") == (mention_keys("三体2:黑暗森林"))
    assert author_key("[美] 特德·姜 著 / 李克勤 译") == "特德姜"


def test_what_a_title_means() -> None:
    three = book(1, "三体", "刘慈欣")
    fortress, other = book(2, "围城", "钱锺书"), book(3, "围城", "别人某")
    assert best_meaning("三体", False, [three], "刘慈欣写的") == (three, 0.95)
    assert best_meaning("三体", False, [three], "没有作者") == (three, 0.65)
    assert best_meaning("三体", True, [three], "没有作者") == (three, 0.75)
    assert best_meaning("围城", False, [fortress, other], "没有作者") is None
    assert best_meaning("围城", False, [fortress, other], "别人某写的") == (other, 0.95)
    assert best_meaning("家", False, [book(4, "家", "巴金")], "没有") is None


def test_one_link_for_a_work() -> None:
    mentions = find_mentions("读《三体》", "刘慈欣。ISBN 978-7-02-000220-7，《三体》真好")
    catalogue = Catalogue(
        {"9787020002207": book(9, "三体", "刘慈欣", work=1)}, {"三体": [book(1, "三体", "刘慈欣")]}
    )
    links = choose_links(mentions, catalogue)
    assert [(link.book_id, link.origin, link.confidence) for link in links] == [(9, "isbn", 1.0)]
