"""What the platform does to article HTML: no scripts, no foreign pictures."""

from __future__ import annotations

import re
from collections.abc import Callable
from html import escape
from html.parser import HTMLParser

_DROPPED = {"script", "iframe", "object", "embed", "form", "input", "button", "link", "meta"}
_SILENT = {"script", "object", "style"}
_VOID = {"br", "hr", "img", "wbr"}


class _Filter(HTMLParser):
    def __init__(self, picture_allowed: Callable[[str], bool]) -> None:
        super().__init__(convert_charrefs=True)
        self._allowed = picture_allowed
        self._silent = 0
        self.out: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _SILENT:
            self._silent += 1
        if tag in _DROPPED or tag in _SILENT:
            return
        kept = [(name, value or "") for name, value in attrs if _harmless(name, value or "")]
        if tag == "img" and not self._allowed(_source(kept)):
            return
        words = "".join(f' {name}="{escape(value)}"' for name, value in kept)
        self.out.append(f"<{tag}{words}>")

    def handle_endtag(self, tag: str) -> None:
        if tag in _SILENT:
            self._silent = max(0, self._silent - 1)
        elif tag not in _DROPPED and tag not in _VOID:
            self.out.append(f"</{tag}>")

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self.out.append(escape(data, quote=False))


def _harmless(name: str, value: str) -> bool:
    return not name.startswith("on") and "javascript:" not in value.lower().replace(" ", "")


def _source(attrs: list[tuple[str, str]]) -> str:
    found = dict(attrs)
    return found.get("src") or found.get("data-src") or ""


def filtered(html: str, picture_allowed: Callable[[str], bool]) -> str:
    """The body as the platform keeps it."""
    parser = _Filter(picture_allowed)
    parser.feed(html)
    parser.close()
    return "".join(parser.out)


def text_only(html: str) -> str:
    """The words of a body, white space folded."""
    parser = _Filter(lambda _address: False)
    parser.feed(html)
    parser.close()
    words = re.sub(r"<[^>]+>", " ", "".join(parser.out))
    for name, sign in (("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&")):
        words = words.replace(name, sign)
    return re.sub(r"\s+", " ", words).strip()
