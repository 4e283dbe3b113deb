from __future__ import annotations

from threading import Thread

from contentcenter.text.inner import pairs, single_characters
from contentcenter.text.words import Segmenter


def test_a_learnt_title_stays_whole():
    segmenter = Segmenter()
    assert "黑暗森林" not in segmenter.words("三体黑暗森林")
    assert segmenter.add_words(["《黑暗森林》".strip("《》"), "黑暗森林", "x"]) == 1
    assert "黑暗森林" in segmenter.words("三体黑暗森林")
    assert segmenter.size == 1


def test_a_traditional_spelling_teaches_the_simplified_word():
    segmenter = Segmenter(["紅樓夢魘"])
    assert segmenter.words("红楼梦魇") == ["红楼梦魇"]


def test_two_segmenters_do_not_share_a_dictionary():
    Segmenter(["黑暗森林"])
    assert "黑暗森林" not in Segmenter().words("黑暗森林")


def test_signs_that_belong_to_a_word_stay():
    assert Segmenter().words("c++ 与 c# 及 .net (at&t)") == [
        "c++", "与", "c#", "及", ".net", "at&t",
    ]  # fmt: skip


def test_punctuation_and_emoji_are_no_words():
    assert Segmenter().words("！？…😀——《》、。 ~") == []


def test_other_scripts_give_words():
    assert Segmenter().words("война и мир") == ["война", "и", "мир"]


def test_words_inside_a_word():
    assert "共和国" in Segmenter().inner_words("中华人民共和国")


def test_cutting_goes_on_while_another_thread_teaches():
    segmenter = Segmenter()
    results: list[list[str]] = []
    reader = Thread(target=lambda: results.extend(segmenter.words("三体") for _ in range(300)))
    reader.start()
    for number in range(3):
        segmenter.add_words([f"新书名{'一二三'[number]}"])
    reader.join()
    assert results == [["三体"]] * 300


def test_pairs_follow_the_text():
    assert pairs("科幻小说 python 爱") == ["科幻", "幻小", "小说", "python", "爱"]
    assert pairs("三体 §2 ") == ["三体", "§2"]
    assert single_characters("爱与爱") == ["爱", "与"]
