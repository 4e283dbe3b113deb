"""Parsing bodies and mark-up as the platforms do."""

from __future__ import annotations

import pytest

from sandbox.messages import tracked_links
from sandbox.official.markup import filtered, text_only
from sandbox.wire import PlatformError, parse_body


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b"", 44002),
        (b"[1]", 47001),
        (b"{", 47001),
        (b"\xff\xfe", 47001),
        (rb'{"a":"\u4e66"}', 40033),
    ],
)
def test_bad_bodies(raw: bytes, code: int) -> None:
    with pytest.raises(PlatformError) as refused:
        parse_body(raw)
    assert refused.value.code == code


@pytest.mark.parametrize(
    ("raw", "value"),
    [(rb'{"a":"\u001b"}', "\x1b"), (rb'{"a":"\\u4e66"}', r"\u4e66"), ('{"a":"书"}'.encode(), "书")],
)
def test_harmless_escapes_pass(raw: bytes, value: str) -> None:
    assert parse_body(raw) == {"a": value}


def test_scripts_handlers_and_foreign_pictures_go() -> None:
    html = '<section style="x" onload=f()><style>b</style><img src="no"><br>A&amp;B</section>'
    assert filtered(html, lambda _: False) == '<section style="x"><br>A&amp;B</section>'
    assert text_only(html) == "A&B"


def test_tracked_links_are_found_once_with_their_code() -> None:
    parts = [
        {"kind": "text", "text": "看这里 https://a.example/t/Ab_1?s=2，还有"},
        {"kind": "link", "url": "https://a.example/t/Ab_1?s=2"},
        {"kind": "article", "html": '<a href="https://a.example/t/zz&amp;y">', "url": ""},
    ]
    codes = [code for _, code in tracked_links(parts)]
    assert codes[0] == "Ab_1"
    assert codes[-1] == "zz"
