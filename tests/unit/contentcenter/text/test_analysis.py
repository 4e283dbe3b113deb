from __future__ import annotations

import pytest

from contentcenter.text.build import build_analyser
from contentcenter.text.query import LexicalQuery, TextField

ANALYSER = build_analyser(["黑暗森林", "刘慈欣"])


def fields(title="", people=(), tags=(), isbns=(), body=""):
    return ANALYSER.document_fields(title, people, tags, isbns, body)


def tokens(query, field):
    return {t for clause in query.should if clause.field is field for t in clause.tokens}


def matches(question, **document):
    """Whether a document would be found: a token of a clause stands in its field."""
    found = fields(**document)
    return any(
        set(clause.tokens) & set(found.get(clause.field, "").split())
        for clause in ANALYSER.query(question).should
    )


@pytest.mark.parametrize("text", ["", "   ", "！？。", "😀🎉", "-", '""', "“”", "“ ”"])
def test_nothing_to_look_for_is_an_empty_query(text):
    assert ANALYSER.query(text) == LexicalQuery()


def test_excluding_alone_looks_for_nothing():
    query = ANALYSER.query("-教辅")
    assert query.should == query.phrases == ()
    assert query.not_phrases


def test_words_stand_above_inner_words_above_pinyin():
    query = ANALYSER.query("santi")
    boosts = {clause.field: clause.boost for clause in query.should}
    assert boosts[TextField.TITLE] > boosts[TextField.INNER]
    assert boosts[TextField.INNER] > boosts[TextField.PINYIN]


@pytest.mark.parametrize(
    "text", ["9787536692930", "978-7-5366-9293-0", "ISBN 7-5366-9293-5", "ISBN：9787536692930"]
)
def test_an_isbn_asks_for_its_code_alone(text):
    query = ANALYSER.query(text)
    assert [clause.field for clause in query.should] == [TextField.CODES]
    assert query.should[0].tokens == ("9787536692930",)


def test_an_isbn_beside_words_keeps_the_words():
    query = ANALYSER.query("三体 9787536692930")
    assert tokens(query, TextField.CODES) == {"9787536692930"}
    assert tokens(query, TextField.TITLE) == {"三体"}


def test_codes_come_from_books_and_text():
    found = fields(isbns=["7-5366-9293-5", "broken"], body="见 0-8044-2957-X")
    assert found[TextField.CODES] == "9787536692930 9780804429573"


@pytest.mark.parametrize(
    ("question", "title"),
    [
        ("红楼梦", "紅樓夢"),
        ("紅樓夢", "红楼梦"),
        ("三体 2", "三体第二部"),
        ("三体II", "三体 2：黑暗森林"),
        ("共和国", "中华人民共和国史"),
        ("森林", "黑暗森林"),
        ("爱", "恋爱的人"),
        ("santi", "三体"),
        ("xyj", "西游记"),
        ("PYTHON", "Ｐｙｔｈｏｎ编程"),
        ("c++", "C++ Primer"),
    ],
)
def test_found(question, title):
    assert matches(question, title=title)


@pytest.mark.parametrize(
    ("question", "title"),
    [("诗集", "失急"), ("三提", "三体"), ("势力", "实力"), ("c", "C++"), ("art", "party")],
)
def test_not_found(question, title):
    assert not matches(question, title=title)


def test_chinese_never_asks_for_pinyin():
    for text in ("三体", "三体 santi", "红楼梦"):
        assert tokens(ANALYSER.query(text), TextField.PINYIN) == set()


def test_names_and_tags_are_one_token_too():
    found = fields(people=["加西亚·马尔克斯"], tags=["科幻 小说"])
    assert "加西亚马尔克斯" in found[TextField.PEOPLE].split()
    assert "科幻小说" in found[TextField.TAGS].split()
    assert "加西亚马尔克斯" in tokens(ANALYSER.query("加西亚·马尔克斯"), TextField.PEOPLE)


def test_a_quoted_phrase_is_pairs_in_order_in_any_field():
    query = ANALYSER.query('"黑暗森林法则" "刘慈欣"')
    groups = {clause.group for clause in query.phrases}
    assert groups == {0, 1}
    inner = [c.tokens for c in query.phrases if c.field is TextField.INNER and c.group == 0]
    assert inner == [("黑暗", "暗森", "森林", "林法", "法则")]
    assert fields(title="黑暗森林法则")[TextField.INNER].startswith("黑暗 暗森 森林 林法 法则")


def test_an_excluded_word_is_a_phrase_that_must_not_stand():
    query = ANALYSER.query("科幻 -教辅")
    assert ("教辅",) in [c.tokens for c in query.not_phrases if c.field is TextField.INNER]
    assert tokens(query, TextField.TITLE) == {"科幻"}


def test_a_long_question_keeps_a_bounded_number_of_telling_words():
    text = "".join(chr(0x4E00 + i) + "经济学原理" for i in range(400))
    query = ANALYSER.query(text)
    assert len(tokens(query, TextField.TITLE)) <= 32
    assert sum(len(clause.tokens) for clause in query.should) < 600


def test_function_words_are_dropped_beside_others_only():
    assert tokens(ANALYSER.query("平凡的世界"), TextField.TITLE) == {"平凡", "世界"}
    assert tokens(ANALYSER.query("的"), TextField.TITLE) == {"的"}


def test_a_learnt_title_is_one_more_word():
    analyser = build_analyser()
    assert analyser.learn(["不能承受之轻"]) == 1
    title = analyser.document_fields("不能承受之轻", (), (), (), "")[TextField.TITLE]
    assert title == "不能 承受 之轻 不能承受之轻"
    assert "不能承受之轻" in tokens(analyser.query("不能承受之轻"), TextField.TITLE)


def test_what_one_process_has_learnt_and_another_has_not_still_meets():
    """The web process knows every title, a worker just started knows none."""
    web, worker = build_analyser(["时间的皱褶录", "迟宇宙"]), build_analyser()
    for text in ("时间的皱褶录", "迟宇宙"):
        indexed = set(worker.document_fields(text, (), (), (), "")[TextField.TITLE].split())
        asked = tokens(web.query(text), TextField.TITLE)
        assert indexed <= asked | {"的"}


def test_understanding_names_every_part():
    seen = ANALYSER.understand('我想找刘慈欣的三体2 "黑暗森林" -教辅 9787536692930')
    assert "刘慈欣" in {*seen.words, *seen.names}
    assert seen.volumes == ("2",)
    assert seen.phrases == ("黑暗森林",)
    assert seen.excluded == ("教辅",)
    assert seen.isbns == ("9787536692930",)
    assert "的" in seen.dropped
    assert not seen.empty
    assert ANALYSER.understand("？！…").empty
    assert ANALYSER.understand("santi").pinyin == ("santi",)


def test_traditional_characters_prefer_what_is_printed_in_them():
    def also(question, **document):
        found = fields(**document)
        return sum(
            one in found.get(clause.field, "").split()
            for clause in ANALYSER.query(question).also
            for one in clause.tokens
        )

    assert matches("紅樓夢", title="红楼梦")
    assert matches("红楼梦", title="紅樓夢")
    assert also("紅樓夢", title="紅樓夢") == also("紅樓夢", title="红楼梦") + 1
    assert also("红楼梦", title="紅樓夢") == also("红楼梦", title="红楼梦")
    quoting = "他在信里只写了一个繁体的「夢」字，其余都是简体。" * 3
    assert also("夢", body=quoting) == also("梦", body=quoting), "a quotation is no print"
