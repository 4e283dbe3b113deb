from __future__ import annotations

import pytest

from contentcenter.text.pinyin import pinyin_tokens, question_tokens, split_syllables


@pytest.mark.parametrize(
    ("letters", "expected"),
    [
        ("santi", ["san", "ti"]),
        ("xiyouji", ["xi", "you", "ji"]),
        ("lvxing", ["lv", "xing"]),
        ("zhongguo", ["zhong", "guo"]),
        ("python", []),
        ("", []),
    ],
)
def test_letters_split_into_syllables(letters, expected):
    assert split_syllables(letters) == expected


def test_readings_follow_the_word():
    assert "chongqing" in pinyin_tokens(["重庆"])
    assert "yinhang" in pinyin_tokens(["银行"])


def test_initials_of_words_and_of_the_whole():
    tokens = pinyin_tokens(["黑暗", "森林"])
    assert {"ha", "sl", "hasl", "heian", "ansen", "senlin"} <= set(tokens)


@pytest.mark.parametrize("text", ["三体", "三体 santi", "2024", "c++", ""])
def test_only_letters_ask_for_pinyin(text):
    assert question_tokens(text) == []


@pytest.mark.parametrize("text", ["santi", "san ti", "san'ti"])
def test_spaces_and_apostrophes_do_not_matter(text):
    assert "santi" in question_tokens(text)


def test_initials_are_asked_for_as_they_are():
    assert question_tokens("xyj") == ["xyj"]
