from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contentcenter.text.normalise import fold_character, is_traditional, normalise, simplified


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("紅樓夢", "红楼梦"),
        ("Ｐｙｔｈｏｎ　３", "python 3"),
        ("  三体\t\n 全集  ", "三体 全集"),
        ("三\u200b体\ufeff", "三体"),
        ("Ⅱ", "ii"),
        ("STRASSE ß", "strasse ss"),
        ("", ""),
    ],
)
def test_spellings_become_one(raw, expected):
    assert normalise(raw) == expected


@given(st.text())
def test_result_has_no_white_space_at_the_ends_and_single_spaces_inside(text):
    result = normalise(text)
    assert result == result.strip()
    assert "  " not in result


def test_one_character_folds_like_a_text():
    assert fold_character("夢") == "梦"
    assert fold_character("Ａ") == "a"
    assert fold_character("\u3000") == " "
    assert fold_character("\u200b") == ""


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("國語學習 Ⅱ", "国语学习 Ⅱ"),
        ("著名的乾隆皇帝", "著名的乾隆皇帝"),
        ("加西亞・馬爾克斯", "加西亚・马尔克斯"),
        ("日本語の勉強", "日本語の勉強"),
        ("Straße", "Straße"),
        ("", ""),
    ],
)
def test_only_the_script_of_chinese_changes(raw, expected):
    assert simplified(raw) == expected


def test_the_script_of_a_text():
    assert is_traditional("紅樓夢")
    assert is_traditional("國", 0.5)
    assert not is_traditional("红楼梦")
    assert not is_traditional("Dune 三体")
    assert not is_traditional("")
    assert not is_traditional("他写了一个夢字在纸上", 0.1)
