from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from contentcenter.text.build import build_analyser
from contentcenter.text.highlight import ELLIPSIS, find_matches, highlight

ANALYSER = build_analyser(["黑暗森林"])


def marked(segments):
    return [text for text, is_match in segments if is_match]


def test_raw_spelling_comes_back():
    segments = highlight("《三體》與ＰＹＴＨＯＮ：<b>紅樓夢</b>", ("三体", "python", "红楼梦"))
    assert marked(segments) == ["三體", "ＰＹＴＨＯＮ", "紅樓夢"]
    assert "".join(text for text, _ in segments) == "《三體》與ＰＹＴＨＯＮ：<b>紅樓夢</b>"


def test_characters_that_change_length_keep_the_places_right():
    segments = highlight("㎏ ß ① 三体", ("三体",))
    assert marked(segments) == ["三体"]


def test_the_sentence_with_most_words_is_shown():
    filler = "这里什么也没有发生。" * 30
    text = f"{filler}刘慈欣来了。{filler}刘慈欣写了三体和黑暗森林。{filler}"
    segments = highlight(text, ANALYSER.highlight_words("刘慈欣 三体 黑暗森林"), 40)
    assert segments[0] == (ELLIPSIS, False)
    assert segments[-1] == (ELLIPSIS, False)
    assert marked(segments) == ["刘慈欣", "三体", "黑暗森林"]
    assert segments[1] == ("刘慈欣", True)  # begins where the sentence begins


def test_without_a_match_the_beginning_is_shown():
    segments = highlight("第一句。" + "后面的话。" * 50, ("没有",), 20)
    assert segments[0][0].startswith("第一句。")
    assert marked(segments) == []


def test_a_match_far_inside_a_long_sentence_is_shown():
    text = "长" * 500 + "三体" + "长" * 500
    assert marked(highlight(text, ("三体",), 100)) == ["三体"]


def test_latin_words_match_whole_only():
    assert find_matches("party art", ["art"])[0][0].start == 6
    assert len(find_matches("party art", ["art"])) == 1


def test_longer_words_win():
    assert marked(highlight("黑暗森林", ("黑暗", "黑暗森林", "森林"))) == ["黑暗森林"]


@given(
    st.text(max_size=300), st.lists(st.text(min_size=1, max_size=3), max_size=4), st.integers(5, 80)
)
def test_segments_are_a_piece_of_the_text(text, words, length):
    segments = highlight(text, [word.casefold() for word in words], length)
    joined = "".join(part for part, _ in segments)
    assert joined.removeprefix(ELLIPSIS).removesuffix(ELLIPSIS) in text or joined in text
    assert all(part for part, _ in segments)
