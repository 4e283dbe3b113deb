"""How people's names are written: countries in front, roles behind, initials, originals.

[美] J. K. 罗琳 著, J·K·罗琳, JK罗琳 and J.K.罗琳（Rowling） share the words jk and 罗琳.
"""

from __future__ import annotations

import re

# Full stops and middle dots of all kinds; NFKC leaves most of them apart.
_DOT = ".·•‧・∙⋅"
_INITIALS = re.compile(
    rf"(?<![a-z0-9])((?:[a-z]\s?[{_DOT}]\s?){{2,}}|(?:[a-z][{_DOT}])+[a-z](?=[\u4e00-\u9fff]))"
)
_LEADING = re.compile(r"^\s*[(\[【〔《](?:[\u4e00-\u9fff]{1,6})[)\]】〕》]\s*(?=\S)")
_BRACKET = re.compile(r"[(\[【〔]([^()\[\]【】〔〕]*)[)\]】〕]")
# Normalising turns 著 into 着.
_ROLE = re.compile(r"\s*(?:\s等)?\s?(?:编[著着]|原[著着]|主编|\s等|\s[著着编撰译绘])$")


def join_initials(text: str) -> str:
    """j.k.罗琳 -> jk 罗琳, in normalised text."""

    def joined(match: re.Match[str]) -> str:
        return "".join(c for c in match[0] if c.isalpha()) + " "

    return _INITIALS.sub(joined, text)


def without_country(text: str) -> str:
    """A bracket of a few Chinese characters in front of a name left out: [美], （日本）."""
    return _LEADING.sub("", text)


def name_parts(text: str) -> list[str]:
    """A normalised author line as the names it holds: the name, then what a bracket behind it
    gives (usually the original spelling); country and role left out."""
    plain = without_country(text)
    inside = [found.strip() for found in _BRACKET.findall(plain)]
    outside = _ROLE.sub("", _BRACKET.sub(" ", plain).strip()).strip()
    return [part for part in (outside, *inside) if part]
