"""Messages in the limits of their channels, in the tone of their audience."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contentcenter.domain.channels import ChannelKind
from contentcenter.domain.errors import InvalidInput
from distribute.ports import BookLine, Brief
from distribute.tailor.compose import Material, compose
from distribute.tailor.copywriter import TemplateCopywriter, Tone, book_line, price_text

KINDS = [kind for kind in ChannelKind if kind is not ChannelKind.IN_APP]
URL = "https://shop.example/t/abcdefgh2345"
TEXT = st.text(alphabet="今晚读书《》。，！<>&\"'a1 👍\n", max_size=400)
BOOKS = st.lists(
    st.builds(BookLine, TEXT, TEXT, st.one_of(st.none(), st.integers(0, 10**7))), max_size=6
).map(tuple)


def brief(**more: Any) -> Brief:
    values: dict[str, Any] = {
        "title": "为什么今晚值得读《三体》",
        "author": "编辑小周",
        "form": "article",
        "passages": ("第一段。", "第二段。"),
        "books": (BookLine("三体", "刘慈欣", 4500),),
        "tags": (),
        "tone": frozenset(),
        "reading_age": None,
        "url": URL,
        **more,
    }
    return Brief(**values)


def written(kind: ChannelKind, full_text: str = "全文。", **more: Any) -> dict[str, Any]:
    return compose(Material(brief(**more), full_text, ""), kind, TemplateCopywriter())


def size(text: str) -> int:
    return len(text.encode())


def hold(kind: ChannelKind, content: dict[str, Any]) -> None:
    """The platforms' own limits, as the contracts have them."""
    if kind is ChannelKind.OFFICIAL_ACCOUNT:
        assert 0 < len(content["title"]) <= 32
        assert len(content["author"]) <= 16
        assert len(content["digest"]) <= 128
        assert len(content["html"]) < 20_000
        assert size(content["html"]) < 1_000_000
        assert content["source_url"] == URL
    elif kind is ChannelKind.GROUP_ROBOT:
        assert size(content["markdown"]) <= 4_096
        assert URL in content["markdown"]
    else:
        assert size(content["text"]) <= 4_000
        assert 0 < size(content["link"]["title"]) <= 128
        assert size(content["link"]["desc"]) <= 512
        assert content["link"]["url"] == URL


@settings(deadline=None)
@given(
    kind=st.sampled_from(KINDS),
    title=TEXT,
    passages=st.lists(TEXT, max_size=4).map(tuple),
    books=BOOKS,
    tone=st.sets(st.sampled_from(list(Tone))).map(frozenset),
    full_text=st.lists(TEXT, max_size=4).map(lambda parts: "\n".join(parts) * 20),
)
def test_every_limit_holds_whatever_the_content(
    kind: ChannelKind, full_text: str, **more: Any
) -> None:
    content = written(kind, full_text, **more)
    hold(kind, content)
    html = str(content.get("html", ""))
    assert "<script" not in html
    assert "<img" not in html


@pytest.mark.parametrize("kind", KINDS)
def test_a_very_long_item_fits(kind: ChannelKind) -> None:
    long = "一句很长的话，里面有许多字。" * 3_000
    content = written(kind, long, title=long, passages=(long, long), author=long)
    hold(kind, content)


def test_the_same_brief_gives_the_same_words() -> None:
    assert written(ChannelKind.WECOM_GROUPS) == written(ChannelKind.WECOM_GROUPS)


def test_a_group_post_names_book_author_price_and_the_way_on() -> None:
    content = written(ChannelKind.WECOM_GROUPS)
    assert "《三体》 刘慈欣 ¥45.00" in content["text"]
    assert "第一段。" in content["text"]
    assert content["link"]["title"] == "为什么今晚值得读《三体》"


def test_markup_in_a_text_stays_text() -> None:
    html = written(ChannelKind.OFFICIAL_ACCOUNT, "<script>alert(1)</script>")["html"]
    assert "&lt;script&gt;" in html


@pytest.mark.parametrize(
    ("tone", "age", "said"),
    [
        (Tone.PRICE, None, "¥45.00"),
        (Tone.PARENTS, 6, "6岁以上"),
        (Tone.KEEN, None, ""),
    ],
)
def test_the_opening_is_in_the_audiences_tone(tone: Tone, age: int | None, said: str) -> None:
    wording = TemplateCopywriter().write(brief(tone=frozenset({tone}), reading_age=age))
    plain = TemplateCopywriter().write(brief())
    assert said in wording.opening
    assert wording.opening != plain.opening


def test_no_price_talk_without_a_price() -> None:
    books = (BookLine("三体", "刘慈欣", None),)
    wording = TemplateCopywriter().write(brief(books=books, tone=frozenset({Tone.PRICE})))
    assert "¥" not in wording.opening + "".join(wording.book_lines)


def test_book_lines_and_prices() -> None:
    assert price_text(4500) == "¥45.00"
    assert price_text(5) == "¥0.05"
    assert book_line(BookLine("《三体》", "", None)) == "《三体》"


def test_a_link_too_long_for_the_platform_is_refused() -> None:
    with pytest.raises(InvalidInput):
        written(ChannelKind.OFFICIAL_ACCOUNT, url="https://shop.example/" + "x" * 1_100)
