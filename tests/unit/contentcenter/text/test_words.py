from __future__ import annotations

from threading import Thread

from contentcenter.text.inner import pairs, single_characters
from contentcenter.text.words import Segmenter


def names(segmenter, text):
    return segmenter.names(text, segmenter.words(text))


def test_a_learnt_title_is_found_beside_the_words():
    segmenter = Segmenter()
    before = segmenter.words("三体黑暗森林")
    assert segmenter.add_words(["《黑暗森林》", "黑暗森林", "x"]) == 1
    assert segmenter.words("三体黑暗森林") == before
    assert names(segmenter, "三体黑暗森林") == ["黑暗森林"]
    assert segmenter.size == 1


def test_parts_of_titles_and_author_lines_are_names():
    segmenter = Segmenter(["三体：死神永生", "[哥伦比亚] 加西亚·马尔克斯 著"])
    assert names(segmenter, "读死神永生有感") == ["死神永生"]
    assert segmenter.add_words(["加西亚", "马尔克斯"]) == 0


def test_a_name_stands_as_often_as_the_text_has_it():
    segmenter = Segmenter(["黑暗森林"])
    assert names(segmenter, "黑暗森林与黑暗森林") == ["黑暗森林", "黑暗森林"]


def test_a_name_of_two_characters_begins_and_ends_where_words_do():
    segmenter = Segmenter(["学生", "圭吾"])
    assert names(segmenter, "大学生活") == []
    assert names(segmenter, "东野圭吾") == ["圭吾"]


def test_a_traditional_spelling_teaches_the_simplified_name():
    assert names(Segmenter(["紅樓夢魘"]), "红楼梦魇") == ["红楼梦魇"]


def test_two_segmenters_share_no_names():
    Segmenter(["黑暗森林"])
    assert names(Segmenter(), "黑暗森林") == []


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
    reader = Thread(
        target=lambda: results.extend(names(segmenter, "三体黑暗森林") for _ in range(300))
    )
    segmenter.add_words(["黑暗森林"])
    reader.start()
    for number in range(300):
        segmenter.add_words([f"新书名{chr(0x4E00 + number)}"])
    reader.join()
    assert results == [["黑暗森林"]] * 300


def test_pairs_follow_the_text():
    assert pairs("科幻小说 python 爱") == ["科幻", "幻小", "小说", "python", "爱"]
    assert pairs("三体 §2 ") == ["三体", "§2"]
    assert single_characters("爱与爱") == ["爱", "与"]
