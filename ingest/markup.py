"""Markdown as written to HTML that is safe to show and plain text that can be searched. Pure.

The HTML is cleaned by a list of what is allowed, never of what is forbidden. Pictures stay
only when they are ours: a foreign picture tells a stranger who reads what, and the platforms
do not show it anyway.
"""

from __future__ import annotations

import html as entities
import re
import unicodedata
from dataclasses import dataclass

import nh3
from markdown_it import MarkdownIt
from mdit_py_cjk_friendly import cjk_friendly

from contentcenter.domain.errors import InvalidInput

MEDIA_ADDRESS = re.compile(r"/media/[0-9a-f]{64}")
_TAGS = {
    "p", "br", "hr", "h1", "h2", "h3", "h4", "h5", "h6", "strong", "b", "em", "i", "del", "s",
    "blockquote", "ul", "ol", "li", "code", "pre", "a", "img", "table", "thead", "tbody", "tr",
    "th", "td", "ruby", "rt", "rp", "sub", "sup",
}  # fmt: skip
_ATTRIBUTES = {"a": {"href", "title"}, "img": {"src", "alt", "title"}}
_ACTIVE = re.compile(
    r"<\s*(?:script|iframe|object|embed|form|style|link|meta|svg)\b|\son\w+\s*=|javascript\s*:",
    re.IGNORECASE,
)
_BARE_PICTURE = re.compile(r"<img(?![^>]*\ssrc=)[^>]*>")
_BLOCK_END = re.compile(r"</(?:p|h\d|li|tr|pre|blockquote)>|<br\s*/?>|<hr\s*/?>")
_CELL_END = re.compile(r"\s*</(?:td|th)>\s*")
_ROW_START = re.compile(r"<tr>\s*")
_BLANK_LINES = re.compile(r"[ \t]*\n(?:\s*\n)*")
_NAMED_PICTURES = 5
_NESTING_MAX = 40


@dataclass(frozen=True)
class Rendered:
    """`notes` are risks for the editor: what was taken out."""

    html: str
    text: str
    pictures: tuple[str, ...]
    notes: tuple[dict[str, str], ...]


def _parser() -> MarkdownIt:
    options = {"html": True, "linkify": False, "maxNesting": _NESTING_MAX}
    parser = MarkdownIt("gfm-like", options).use(cjk_friendly)
    # Unsafe addresses must reach the cleaner as links, or they would stay as readable text.
    parser.validateLink = lambda url: True  # type: ignore[method-assign]  # noqa: ARG005
    return parser


_MARKDOWN = _parser()


def render(body: str) -> Rendered:
    """Safe HTML and plain text of a Markdown body."""
    try:
        raw = _MARKDOWN.render(body)
    except RecursionError as error:
        raise InvalidInput("正文的嵌套太深，无法排版") from error
    foreign: list[str] = []
    pictures: list[str] = []

    def keep(tag: str, attribute: str, value: str) -> str | None:
        if tag != "img" or attribute != "src":
            return value
        if MEDIA_ADDRESS.fullmatch(value):
            pictures.append(value)
            return value
        foreign.append(value)
        return None

    cleaned = nh3.clean(
        raw, tags=_TAGS, attributes=_ATTRIBUTES, attribute_filter=keep,
        url_schemes={"http", "https", "mailto"}, link_rel="noopener noreferrer nofollow",
    )  # fmt: skip
    html = _BARE_PICTURE.sub("", cleaned)
    return Rendered(html, plain_text(html), tuple(pictures), _notes(raw, foreign))


def _notes(raw: str, foreign: list[str]) -> tuple[dict[str, str], ...]:
    notes = []
    if _ACTIVE.search(raw):
        notes.append({"code": "active_content", "message": "去掉了正文里的脚本或嵌入内容"})
    if foreign:
        shown = "、".join(address[:80] for address in foreign[:_NAMED_PICTURES])
        notes.append(
            {
                "code": "foreign_picture",
                "message": f"去掉了 {len(foreign)} 张不在本站的图片：{shown}；请上传图片",
            }
        )
    return tuple(notes)


def plain_text(html: str) -> str:
    """The words of clean HTML, a line for each paragraph, list entry and table row."""
    lined = _BLOCK_END.sub("\n", _ROW_START.sub("", _CELL_END.sub(" ", html)))
    words = entities.unescape(nh3.clean(lined, tags=set()))
    return _BLANK_LINES.sub("\n", unicodedata.normalize("NFC", words)).strip()
