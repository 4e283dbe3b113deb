"""Tags, categories, near-duplicates, markup, headers: the pure decisions."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contentcenter.domain.errors import InvalidInput
from ingest.fingerprints import bands, nearest_original, signature, similarity
from ingest.headers import read_header
from ingest.markup import render
from ingest.tagging import BookEvidence, Evidence, Neighbour, suggest_category, suggest_tags

LONG = "".join(chr(0x4E00 + (n * 7919) % 3000) for n in range(600))


def evidence(**fields: object) -> Evidence:
    values = {
        "title_words": (), "body_words": (), "tags_by_word": {}, "books": (), "neighbours": (),
        **fields,
    }  # fmt: skip
    return Evidence(**values)


def test_tags_from_words_books_and_neighbours() -> None:
    found = suggest_tags(
        evidence(
            title_words=("科幻",),
            body_words=("宇宙", "宇宙", "茶"),
            tags_by_word={"科幻": "科幻", "宇宙": "宇宙"},
            books=[BookEvidence(0.95, "scifi", ("刘慈欣",))],
            neighbours=[Neighbour("scifi", ("硬科幻",)), Neighbour("scifi", ("硬科幻",))],
            given_tags=("硬科幻",),
        )
    )
    assert [(tag.name, tag.confidence) for tag in found] == [
        ("科幻", 0.85),
        ("刘慈欣", 0.665),
        ("宇宙", 0.5),
    ]


def test_hints_for_one_tag_add_up_and_one_neighbour_is_none() -> None:
    both = evidence(
        title_words=("科幻",), tags_by_word={"科幻": "科幻"},
        books=[BookEvidence(1.0, "scifi", ("科幻",))],
    )  # fmt: skip
    assert suggest_tags(both)[0].confidence == pytest.approx(1 - 0.15 * 0.3)
    assert suggest_tags(evidence(neighbours=[Neighbour("scifi", ("硬科幻",))])) == []


def test_category() -> None:
    books = [BookEvidence(0.9, "history", ())]
    assert suggest_category(evidence(books=books), ()) == "history"
    assert suggest_category(evidence(), ("科普",)) == "science"
    near = [Neighbour("food", ()), Neighbour("food", ()), Neighbour("life", ())]
    assert suggest_category(evidence(neighbours=near), ()) == "food"
    assert suggest_category(evidence(), ("随便",)) == "other"


def test_signatures() -> None:
    edited = LONG[:100] + "改了几个字" + LONG[110:]
    one, two = signature(LONG), signature(edited)
    assert one is not None
    assert two is not None
    assert similarity(one, two) > 0.85
    assert set(bands(one)) & set(bands(two))
    assert len(bands(one)) == 32
    assert signature("太短") is None
    assert similarity(one, signature(LONG[::-1]) or b"") < 0.1


def test_the_later_one_is_the_duplicate() -> None:
    signed = signature(LONG) or b""
    assert nearest_original(5, signed, {7: signed}) is None
    found = nearest_original(5, signed, {3: signed, 4: signed, 7: signed})
    assert found is not None
    assert (found.item_id, found.similarity) == (3, 1.0)


def test_markup() -> None:
    done = render("## 题\n\n**“重点”**中文，第一行\n第二行\n\n| a | b |\n|---|---|\n| 1 | 2 |\n")
    assert "<strong>“重点”</strong>中文" in done.html
    assert done.text == "题\n“重点”中文，第一行第二行\na b\n1 2"
    assert done.notes == ()
    own = "/media/" + "a" * 64
    assert render(f"![图]({own})").pictures == (own,)
    assert "img" not in render("![图](https://example.com/a.png)").html
    assert 'href="https://example.com"' in render("[链](https://example.com)").html


@settings(max_examples=60)
@given(st.text(alphabet="<>/\"'=ab[]()!#*`\n: scriptonerjv&;", max_size=120))
def test_no_markup_lets_active_content_through(body: str) -> None:
    html = render(body).html.lower()
    assert "<script" not in html
    assert "<img" not in html
    assert "<iframe" not in html


def test_headers() -> None:
    columns = read_header(["书 号", "书名*", "定价(元)", "备注", "售价"])
    assert columns.names == ("number", "title", "price", None, None)
    assert [note.field for note in columns.notes] == ["售价"]
    with pytest.raises(InvalidInput, match="缺少必需的列：ISBN"):
        read_header(["书名", "作者"])
    with pytest.raises(InvalidInput, match="列名重复"):
        read_header(["书名", "书名", "书号"])
