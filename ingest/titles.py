"""Which editions are one work, and under which titles a text mentions it. Pure.

A key is the normalised title with volumes kept and edition remarks dropped, plus the first
author's name: 红楼梦（精装）/ [清]曹雪芹 著 and 紅樓夢 / 曹雪芹、高鹗 are one work; 三体II and
三体2 are one, 三体 and 三体2 are two.
"""

from __future__ import annotations

import hashlib
import re

from contentcenter.text.normalise import normalise
from contentcenter.text.volumes import MARK, mark_volumes

KEY_MAX = 200
_EDITION = re.compile(
    r"[(\[【〔《]?[^()\[\]【】〔〕]{0,8}"
    r"(?:精装|平装|修订|增订|典藏|珍藏|纪念|插图|全译|新版|旧版|再版|第[一二三四五六七八九十\d]+版)"
    r"[^()\[\]【】〔〕]{0,6}[)\]】〕》]"
)
_SIGNS = re.compile(rf"[^\w{MARK}]+|_")
_SUBTITLE = re.compile(r"[:：]|——|--|\s[-–—]\s|[(\[【〔]")
_COUNTRY = re.compile(r"^\s*[(\[【〔][^)\]】〕]{1,6}[)\]】〕]\s*")
_NEXT_PERSON = re.compile(r"[,;/&|、]| and |等(?=$|\s)")
# Normalising turns 著 into 着.
_ROLE = re.compile(r"\s*(?:编[著着]|原[著着]|主编|[著着编撰绘作])$")
MENTION = re.compile(r"《([^《》\n]{1,60})》")


def title_key(title: str) -> str:
    """What is compared of a title; "" when it has no letters at all."""
    plain = _EDITION.sub(" ", normalise(title))
    return _SIGNS.sub("", mark_volumes(plain))[:KEY_MAX]


def short_title_key(title: str) -> str:
    """The key of the title before its subtitle or bracket; volumes behind it stay apart."""
    head = _SUBTITLE.split(normalise(title), maxsplit=1)[0]
    return title_key(head)


def mention_keys(title: str) -> tuple[str, ...]:
    """Keys under which a text may mention this title."""
    keys = [title_key(title)]
    short = short_title_key(title)
    if MARK not in keys[0] and len(short) > 1:
        keys.append(short)
    return tuple(dict.fromkeys(key for key in keys if key))


def author_key(author: str) -> str:
    """The first person of an author line, without country, role and signs."""
    first = _NEXT_PERSON.split(_COUNTRY.sub("", normalise(author)), maxsplit=1)[0]
    return _SIGNS.sub("", _ROLE.sub("", first.strip()))


def work_key(title: str, author: str) -> str:
    """Title and author as the key of a work, at most 200 characters."""
    key = f"{title_key(title)}|{author_key(author)}"
    if len(key) <= KEY_MAX:
        return key
    return f"{key[: KEY_MAX - 41]}#{hashlib.sha256(key.encode()).hexdigest()[:40]}"


def mentioned_titles(text: str) -> tuple[str, ...]:
    """Titles in book-title marks, in order, each once."""
    return tuple(dict.fromkeys(found.strip() for found in MENTION.findall(text) if found.strip()))
