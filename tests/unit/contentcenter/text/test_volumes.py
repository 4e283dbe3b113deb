from __future__ import annotations

import pytest

from contentcenter.text.normalise import normalise
from contentcenter.text.volumes import mark_volumes


def tokens(text):
    return mark_volumes(normalise(text)).split()


@pytest.mark.parametrize(
    "raw",
    ["三体 2", "三体2", "三体II", "三体 Ⅱ", "三体第二部", "三體第2部", "三体 第二册", "三体 卷二"],
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


@pytest.mark.parametrize(
    "raw", ["1984", "三十六计", "20世纪", "二十世纪 20 年代", "有3个苹果", "python 3"]
)
def test_other_numbers_stay(raw):
    assert not any("§" in token for token in tokens(raw))
