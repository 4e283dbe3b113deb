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
_LEADING = re.compile(r"^\s*[(\[【〔](?:[\u4e00-\u9fff]{1,6})[)\]】〕]\s*(?=\S)")
_BRACKET = re.compile(r"[(\[【〔]([^()\[\]【】〔〕]*)[)\]】〕]")
# A role of one character stands apart or ends a long name.
_ROLES = "编[着著]|原[着著]|编译|主编|[着著编撰译绘注]"
_TAIL = r"主编|编[着著]|(?<=[\u4e00-\u9fff]{2})[编译着著]"
_ROLE = re.compile(rf"(?:\s+等)?(?:\s+(?:{_ROLES})|{_TAIL})?$")
_ONLY_ROLE = re.compile(rf"(?:{_ROLES}|等)")
_NEXT = re.compile(r"[/、,;|&]|\s+(?:and|with)\s+|(?<=[着著编译撰])\s+(?=[\u4e00-\u9fff(\[])")


def join_initials(text: str) -> str:
    """j.k.罗琳 -> jk 罗琳, in normalised text."""

    def joined(match: re.Match[str]) -> str:
        return "".join(c for c in match[0] if c.isalpha()) + " "

    return _INITIALS.sub(joined, text)


def without_country(text: str) -> str:
    """A bracket of a few Chinese characters in front of a name left out: [美], （日本）."""
    return _LEADING.sub("", text)


def name_parts(text: str) -> list[str]:
    """An author line as the names it holds: each person, and what stands in brackets
    behind (usually the original spelling); countries and roles left out."""
    names: list[str] = []
    for person in _NEXT.split(text):
        plain = without_country(person.strip())
        outside = _ROLE.sub("", _BRACKET.sub(" ", plain).strip()).strip()
        names += [outside, *(found.strip() for found in _BRACKET.findall(plain))]
    return [name for name in dict.fromkeys(names) if name and not _ONLY_ROLE.fullmatch(name)]
