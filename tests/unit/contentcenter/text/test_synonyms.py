from __future__ import annotations

import pytest

from contentcenter.domain.errors import InvalidInput
from contentcenter.text.build import build_analyser
from contentcenter.text.query import TextField
from contentcenter.text.starter_words import STARTER
from contentcenter.text.synonyms import MOST_TERMS, SearchWords, WordKind
from contentcenter.text.word_lines import (
    MOST_LINES,
    build_words,
    export_text,
    import_text,
    parse_lines,
)

GROUP, ONE_WAY, ALIAS, STOP = WordKind


def expansions(words: SearchWords, text: str) -> list[tuple[str, tuple[str, ...]]]:
    analyser = build_analyser()
    analyser.use(words)
    return [(one.term, one.words) for one in analyser.understand(text).expansions]


def asked(words: SearchWords, text: str) -> dict[str, float]:
    """Tokens looked for in titles with what a match is worth."""
    analyser = build_analyser()
    analyser.use(words)
    clauses = [c for c in analyser.query(text).should if c.field is TextField.TITLE]
    return {token: clause.boost for clause in clauses for token in clause.tokens}


def test_a_group_works_in_every_direction_and_weaker_than_the_word_itself():
    words = SearchWords.build(groups=[("电脑", "计算机")])
    assert expansions(words, "电脑入门") == [("电脑", ("计算机",))]
    assert expansions(words, "计算机入门") == [("计算机", ("电脑",))]
    found = asked(words, "电脑入门")
    assert 0 < found["计算机"] < found["电脑"]


def test_one_way_goes_one_way():
    words = SearchWords.build(one_way=[("奥数", "数学竞赛")])
    assert expansions(words, "奥数") == [("奥数", ("数学竞赛",))]
    assert expansions(words, "数学竞赛") == []


def test_circles_are_one_step():
    words = SearchWords.build(
        one_way=[("电脑", "手机"), ("手机", "电脑")], groups=[("手机", "平板")]
    )
    assert [found for _, found in expansions(words, "电脑")] == [("手机",)]


def test_signs_spelling_and_word_borders():
    words = SearchWords.build(aliases=[("加西亚·马尔克斯", "馬奎斯")], groups=[("学生", "学子")])
    for text in ("加西亚马尔克斯", "加西亞・馬爾克斯", "读加西亚.马尔克斯的书"):
        assert [found for _, found in expansions(words, text)] == [("马奎斯",)]
    assert expansions(words, "大学生活") == []


def test_a_question_of_synonyms_stays_bounded():
    lines = [
        (f"甲{c}乙", *(f"{c}丙{n}" for n in range(19))) for c in "一二三四五六七八九十子丑寅卯"
    ]
    words = SearchWords.build(groups=lines)
    question = " ".join(first for first, *_ in lines)
    assert len(expansions(words, question)) == MOST_TERMS
    query = build_analyser()
    query.use(words)
    assert sum(len(clause.tokens) for clause in query.query(question).should) < 1500


def test_stop_words_fall_out_beside_other_words_only():
    words = SearchWords.build(stop_words=["这本书", "我想看"])
    assert set(asked(words, "我想看围城这本书")) == {"围城"}
    assert asked(words, "这本书")


@pytest.mark.parametrize(
    ("kind", "text", "fault"),
    [
        (GROUP, "电脑", "第 1 行：至少要两个词"),
        (GROUP, "电脑、計算機\n\n计算机，电脑", "第 3 行：与第 1 行重复"),
        (GROUP, "电脑、Ｄ、d", "写了两次"),
        (GROUP, "电脑、！！", "「！！」没有文字"),
        (GROUP, "电脑、" + "长" * 41, "太长"),
        (GROUP, "、".join(f"词{n}" for n in range(21)), "最多 20 个词"),
        (GROUP, "\n".join(f"词{n}、字{n}" for n in range(MOST_LINES + 1)), "最多 2000 行"),
        (ONE_WAY, "奥数、数学竞赛", "左边 => 右边"),
        (ONE_WAY, "甲 => 乙 => 丙", "左边 => 右边"),
        (ONE_WAY, "奥数、竞赛 => 数学", "箭头左边只能有一个词"),
        (ONE_WAY, "奥数 =>", "至少要两个词"),
        (STOP, "这是一个非常非常长的停用词", "太长"),
    ],
)
def test_what_is_wrong_is_said_by_line(kind, text, fault):
    with pytest.raises(InvalidInput) as caught:
        parse_lines(kind, text)
    assert fault in caught.value.message
    assert caught.value.details["field"] == str(kind)


def test_lines_have_one_spelling():
    assert parse_lines(GROUP, " 电脑 , 计算机\r\n\r\n") == ["电脑、计算机"]
    assert parse_lines(ONE_WAY, "奥数→数学竞赛，数学") == ["奥数 => 数学竞赛、数学"]
    assert parse_lines(ALIAS, "鲁迅＝周树人") == ["鲁迅 = 周树人"]
    assert parse_lines(STOP, "请问、想找") == ["请问", "想找"]


def test_a_list_comes_back_from_its_text():
    text = export_text(STARTER)
    back = {kind: tuple(parse_lines(kind, part)) for kind, part in import_text(text).items()}
    assert back == dict(STARTER)
    assert import_text("[停用词]\n请问") == {STOP: "请问"}
    with pytest.raises(InvalidInput, match="缺少标题"):
        import_text("请问")


def test_the_starter_lists_are_clean_and_work():
    for kind, lines in STARTER.items():
        assert tuple(parse_lines(kind, "\n".join(lines))) == lines
    assert "周树人" in [w for _, words in expansions(build_words(STARTER), "鲁迅") for w in words]
