from __future__ import annotations

import pytest

from contentcenter.text.names import join_initials, name_parts, without_country
from contentcenter.text.normalise import normalise


@pytest.mark.parametrize("raw", ["J.K.罗琳", "J·K·罗琳", "J. K. 罗琳", "j.k罗琳", "Ｊ．Ｋ．罗琳"])
def test_initials_are_one_word(raw):
    assert join_initials(normalise(raw)).split() == ["jk", "罗琳"]


def test_what_looks_like_initials():
    assert join_initials("j.r.r. tolkien").split() == ["jrr", "tolkien"]
    assert join_initials("c.s.lewis").split() == ["cs", "lewis"]
    for text in ("asp.net", "node.js", "vitamin a. 三", "3.14"):
        assert join_initials(text) == text


@pytest.mark.parametrize("raw", ["[美] 余华", "（日本）余华", "【清】余华", "〔法〕 余华", "余华"])
def test_countries_stand_apart(raw):
    assert without_country(normalise(raw)).strip() == "余华"


def test_a_bracket_alone_is_no_country():
    assert without_country("[美]") == "[美]"
    assert without_country("《活着》的作者") == "《活着》的作者"


def test_the_original_spelling_is_a_name_of_its_own():
    line = normalise("[哥伦比亚] 加西亚·马尔克斯（Gabriel García Márquez） 著")
    assert name_parts(line) == ["加西亚·马尔克斯", "gabriel garcia marquez"]
    assert name_parts(normalise("当年明月 著")) == ["当年明月"]


def test_every_person_of_a_line():
    line = normalise("[晋] 陈寿 (撰) / [宋] 裴松之 (注)")
    assert name_parts(line) == ["陈寿", "裴松之"]
    assert name_parts(normalise("汪永晨主编")) == ["汪永晨"]
    assert name_parts(normalise("曹雪芹、高鹗 著")) == ["曹雪芹", "高鹗"]
    assert name_parts(normalise("Stanley Lippman, Josée Lajoie")) == [
        "stanley lippman",
        "josee lajoie",
    ]
