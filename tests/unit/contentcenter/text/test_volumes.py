from __future__ import annotations

import pytest

from contentcenter.text.normalise import normalise
from contentcenter.text.volumes import find_volumes, mark_volumes


def tokens(text):
    return mark_volumes(normalise(text)).split()


@pytest.mark.parametrize(
    "raw",
    [
        "三体 2",
        "三体2",
        "三体II",
        "三体 Ⅱ",
        "三体第二部",
        "三體第2部",
        "三体 第二册",
        "三体 卷二",
        "三体（二）",
        "三体(2)",
        "三体【II】",
        "三体（贰）",
        "三体 贰",
        "三体·二",
        "三体之二",
        "三体Vol.2",
        "三体 第２集",
    ],
)
def test_every_way_of_writing_a_volume_is_one_token(raw):
    assert tokens(raw) == ["三体", "§2"]


def test_brackets_and_subtitles_do_not_hide_a_volume():
    assert "§2" in tokens("三体（第2册）")
    assert "§2" in tokens("三体2：黑暗森林")
    assert "§12" in tokens("资治通鉴 卷十二")
    assert "§23" in tokens("全唐诗第二十三卷")
    assert "§上" in tokens("平凡的世界（上册）")
    assert "§3" in tokens("Harry Potter vol. 3")
    assert (
        tokens("红楼梦（上）") == tokens("红楼梦 上") == tokens("红楼梦上册") == ["红楼梦", "§上"]
    )
    assert tokens("三体I") == tokens("三体 第一部") == ["三体", "§1"]


def test_an_edition_is_no_volume():
    for raw in (
        "C++ Primer 第5版",
        "C++ Primer 第五版",
        "C++ Primer 5th Edition",
        "C++ Primer, 5th ed.",
    ):
        assert "§5版" in tokens(raw)


def test_a_digit_inside_a_title_may_be_a_volume_or_a_number():
    assert tokens("三体2黑暗森林") == ["三体", "2", "§2", "黑暗森林"]
    assert "8" in tokens("四十岁前的8堂课")


def test_places_are_those_of_the_text():
    text = normalise("三体（二）与史记 卷三")
    places = [(volume.token, text[volume.start : volume.end]) for volume in find_volumes(text)]
    assert places == [("§2", "(二)"), ("§3", "卷三")]


@pytest.mark.parametrize(
    "raw",
    [
        "1984",
        "三十六计",
        "20世纪",
        "二十世纪 20 年代",
        "有3个苹果",
        "python 3",
        "第二季度报告",
        "第一部分",
        "三分之二",
        "最好的书之一。",
        "试卷一",
        "二十四史",
        "（一）背景",
        "史记（2023）",
    ],
)
def test_other_numbers_stay(raw):
    assert not any("§" in token for token in tokens(raw))
