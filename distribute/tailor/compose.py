"""From wording to a message in the format and limits of one kind of channel. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from contentcenter.domain.channels import ChannelKind
from contentcenter.domain.errors import InvalidInput
from distribute.ports import Brief, Copywriter, Wording
from distribute.tailor.limits import ARTICLE, MASS_MESSAGE, ROBOT
from distribute.tailor.measure import Limit, cut

# Comfortable lengths: what is read on a phone, well below what a platform allows.
GROUP_BODY = Limit(characters=260)
ROBOT_BODY = Limit(characters=400)
MOST_BOOKS = 3
Content = dict[str, Any]


@dataclass(frozen=True)
class Material:
    """What one message is made from. `full_text` is the whole plain text of the item; `cover`
    names a stored picture, empty for none."""

    brief: Brief
    full_text: str
    cover: str


def compose(material: Material, kind: ChannelKind, copywriter: Copywriter) -> Content:
    """The tailored message as JSON values. Raises `InvalidInput` for a tracked link that is
    itself longer than the platform takes."""
    url = material.brief.url
    if not ARTICLE.source_url.fits(url):
        raise InvalidInput(f"The tracked link has {len(url)} characters; shorten public_url")
    return _COMPOSERS[kind](material, copywriter.write(material.brief))


def _article(material: Material, wording: Wording) -> Content:
    digest = wording.opening + "".join(wording.body)
    return {
        "title": cut(wording.title, ARTICLE.title) or "今日推荐",
        "author": cut(material.brief.author, ARTICLE.author),
        "digest": cut(" ".join(digest.split()), ARTICLE.digest),
        "html": _html(material, wording),
        "source_url": material.brief.url,
        "cover": material.cover,
    }


def _html(material: Material, wording: Wording) -> str:
    """Script-free markup: the chosen passages as a lead, the text, the books, the way on."""
    lead = "".join(f"<blockquote>{escape(text)}</blockquote>" for text in wording.body[:1])
    books = "".join(
        f"<p><strong>{escape(line)}</strong></p>" for line in wording.book_lines[:MOST_BOOKS]
    )
    head = f"<section><p>{escape(cut(wording.opening, Limit(characters=200)))}</p>"
    tail = f"{books}<p>{escape(wording.call_to_action)}（点击“阅读原文”）</p></section>"
    room = ARTICLE.content.less(head + tail)
    return head + _paragraphs(lead, material.full_text, room) + tail


def _paragraphs(lead: str, text: str, room: Limit) -> str:
    out = lead if room.fits(lead) else ""
    for paragraph in (line.strip() for line in text.splitlines()):
        if not paragraph:
            continue
        markup = f"<p>{escape(paragraph)}</p>"
        if not room.fits(out + markup):
            # Escaping may make a letter five: a fifth of the room is always enough.
            left = room.less(out + "<p></p>")
            short = cut(paragraph, _scaled(left, 6))
            return out + (f"<p>{escape(short)}</p>" if short else "")
        out += markup
    return out


def _scaled(limit: Limit, divisor: int) -> Limit:
    return Limit(
        None if limit.characters is None else limit.characters // divisor,
        None if limit.bytes is None else limit.bytes // divisor,
    )


def _mass_message(material: Material, wording: Wording) -> Content:
    body = cut("\n".join(wording.body), GROUP_BODY)
    text = _fill(
        head=wording.opening,
        body=body,
        lines=wording.book_lines[:MOST_BOOKS],
        tail=wording.call_to_action,
        limit=MASS_MESSAGE.text,
    )
    desc = wording.book_lines[0] if wording.book_lines else "".join(wording.body[:1])
    return {
        "text": text,
        "link": {
            "title": cut(wording.title, MASS_MESSAGE.link_title) or "今日推荐",
            "desc": cut(" ".join(desc.split()), MASS_MESSAGE.link_desc),
            "url": material.brief.url,
        },
    }


def _robot(material: Material, wording: Wording) -> Content:
    link = f"[{wording.call_to_action}]({material.brief.url})"
    quoted = "\n".join("> " + line for line in cut(_joined(wording), ROBOT_BODY).splitlines())
    title = f"**{cut(wording.title, Limit(characters=60))}**"
    markdown = _fill(
        head=title,
        body=quoted,
        lines=wording.book_lines[:MOST_BOOKS],
        tail=link,
        limit=ROBOT.markdown,
    )
    return {"markdown": markdown}


def _joined(wording: Wording) -> str:
    return wording.opening + "\n" + "\n".join(wording.body)


def _fill(*, head: str, body: str, lines: Sequence[str], tail: str, limit: Limit) -> str:
    """Head, body, as many lines as fit, tail. The tail (the way on) is never cut; the body is
    cut before a line is dropped only when even the shortest would not fit."""
    kept = list(lines)
    while kept and not limit.fits("\n\n".join([head, *kept, tail]) + "\n\n"):
        kept.pop()
    room = limit.less("\n\n".join(["", *kept, tail]) + "\n\n")
    head = cut(head, room)
    body = cut(body, room.less(head))
    return "\n\n".join(piece for piece in (head, body, "\n".join(kept), tail) if piece)


_COMPOSERS: dict[ChannelKind, Callable[[Material, Wording], Content]] = {
    ChannelKind.OFFICIAL_ACCOUNT: _article,
    ChannelKind.WECOM_GROUPS: _mass_message,
    ChannelKind.WECOM_CUSTOMERS: _mass_message,
    ChannelKind.GROUP_ROBOT: _robot,
}
