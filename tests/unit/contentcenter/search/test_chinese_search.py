"""Analysis and engine together: what a reader types, and what comes first."""

from __future__ import annotations

import pytest

from contentcenter.search.embedded import EmbeddedIndex
from contentcenter.search.ports import Filters, IndexDocument
from contentcenter.text.build import build_analyser

BOOKS = (
    (1, "三体", "刘慈欣", ("科幻",), "军方在山顶竖起天线，探寻外星文明。"),
    (
        2,
        "三体第二部：黑暗森林",
        "刘慈欣",
        ("科幻",),
        "宇宙就是一座黑暗森林，文明都是猎人。",
    ),
    (3, "紅樓夢", "曹雪芹", ("古典",), "賈寶玉與林黛玉的故事。"),
    (4, "中华人民共和国史", "编写组", ("历史",), "新中国的历程。"),
    (5, "流畅的Python", "Luciano Ramalho", ("计算机",), "写出地道的代码。ISBN 978-7-5366-9293-0"),
    (6, "C++ Primer 中文版", "Stanley Lippman", ("计算机",), "经典的教材与教辅。"),
    (7, "西游记", "吴承恩", ("古典",), "孙悟空大闹天宫，唐僧取经。"),
    (8, "恋爱的犀牛", "廖一梅", ("戏剧",), "一个关于爱的故事。"),
    (9, "科幻小说史", "某人", ("科幻", "教辅"), "科幻小说的来龙去脉，附教辅练习。"),
    (10, "小说与科幻", "某人", ("评论",), "谈论小说，也谈论科幻。"),
)


@pytest.fixture(scope="module")
def search(tmp_path_factory):
    index = EmbeddedIndex(tmp_path_factory.mktemp("chinese") / "index")
    analyser = build_analyser(["黑暗森林", "刘慈欣", "三体"])
    index.put(
        [
            IndexDocument(
                id=number,
                revision=1,
                text=analyser.document_fields(title, (author,), tags, (), body),
                vector=None,
                kind="pgc",
                state="published",
            )
            for number, title, author, tags, body in BOOKS
        ]
    )

    def answer(text):
        return [hit.id for hit in index.lexical(analyser.query(text), Filters(), 20)]

    return answer


@pytest.mark.parametrize(
    ("question", "first"),
    [
        ("三体", 1),
        ("三体 2", 2),
        ("三体II", 2),
        ("三體第二部", 2),
        ("三体 黑暗森林", 2),
        ("红楼梦", 3),
        ("紅樓夢 曹雪芹", 3),
        ("贾宝玉", 3),
        ("共和国", 4),
        ("ＰＹＴＨＯＮ", 5),
        ("9787536692930", 5),
        ("7-5366-9293-5", 5),
        ("c++", 6),
        ("xiyouji", 7),
        ("xyj", 7),
        ("liucixin", 1),
        ("孙悟空大闹天宫", 7),
        ("犀牛", 8),
        ("廖一梅的书", 8),
    ],
)
def test_the_right_book_comes_first(search, question, first):
    assert search(question)[:1] == [first]


@pytest.mark.parametrize(
    "question", ["流磁新", "三提", "洪楼孟", "？！", "😀", "zzzz", "9787536692931"]
)
def test_nothing_that_merely_sounds_alike(search, question):
    found = search(question)
    assert 3 not in found
    assert 1 not in found


def test_a_quoted_phrase_is_exact(search):
    assert search('"科幻小说"') == [9]
    assert set(search("科幻小说")) >= {9, 10}
    assert search("“暗森林”") == [2], "a phrase need not begin where a word does"


def test_excluding(search):
    assert set(search("科幻")) == {1, 2, 9, 10}
    assert set(search("科幻 -教辅")) == {1, 2, 10}
    assert 9 not in search('小说 -"科幻小说"')
    assert search("-教辅") == []


def test_one_character(search):
    assert 8 in search("爱")
    assert set(search("史")) == {4, 9}


def test_a_pasted_page_is_a_question(search):
    page = "西游记讲的是孙悟空的故事，" + "还有很多别的事情要说，" * 200
    assert search(page)[0] == 7
