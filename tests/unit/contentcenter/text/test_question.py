from __future__ import annotations

import pytest

from contentcenter.text.question import LONGEST, parse_question


@pytest.mark.parametrize("raw", ['"时间简史" 霍金', "“时间简史” 霍金", "霍金 「时间简史」"])
def test_quoted_parts_are_phrases(raw):
    question = parse_question(raw)
    assert question.phrases == ("时间简史",)
    assert question.text == "霍金"


def test_excluded_words_and_phrases():
    question = parse_question('科幻 -教辅 -"试卷 合集"')
    assert question.text == "科幻"
    assert set(question.excluded) == {"试卷 合集", "教辅"}
    assert question.phrases == ()


@pytest.mark.parametrize("raw", ["covid-19", "wi-fi", "三体 - 刘慈欣", '坏的"引号'])
def test_a_dash_inside_and_a_lone_quote_are_plain(raw):
    question = parse_question(raw)
    assert question.text == raw
    assert question.excluded == question.phrases == ()


def test_a_pasted_page_is_cut_at_a_border():
    question = parse_question("这是一句很长的话，" * 250)
    assert LONGEST // 2 < len(question.text) <= LONGEST
    assert question.text.endswith("话")
    assert len(parse_question("字" * 2000).text) == LONGEST
