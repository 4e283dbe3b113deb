"""The template composer: deterministic words in the tone an audience likes."""

from __future__ import annotations

import zlib
from enum import StrEnum

from distribute.ports import BookLine, Brief, Wording
from distribute.tailor.styles import styled


class Tone(StrEnum):
    PRICE = "price"  # looks at the price first
    PARENTS = "parents"  # reads for, and with, children
    KEEN = "keen"  # reads a lot and wants the argument, not the offer
    PLAIN = "plain"


_OPENINGS: dict[Tone, tuple[str, ...]] = {
    Tone.PRICE: ("{price}就能读到的好书：", "今天这本只要{price}：", "不贵又好读，{price}："),
    Tone.PARENTS: ("给{age}孩子的一本书：", "陪孩子一起读（{age}）：", "{age}亲子共读推荐："),
    Tone.KEEN: ("值得慢慢读的一段：", "今天想和大家聊聊这段话：", "翻到这里停了很久："),
    Tone.PLAIN: ("今天分享：", "推荐给大家：", "一起来读："),
}
_CALLS: dict[Tone, tuple[str, ...]] = {
    Tone.PRICE: ("点开看看，想要的直接带走", "现在下单就是这个价"),
    Tone.PARENTS: ("点开看看适不适合你家孩子", "看看内页，和孩子一起选"),
    Tone.KEEN: ("读完欢迎在群里聊聊", "完整内容在这里"),
    Tone.PLAIN: ("点这里看全文", "感兴趣就点开看看"),
}


def price_text(price_fen: int) -> str:
    """4500 -> "¥45.00"."""
    return f"¥{price_fen // 100}.{price_fen % 100:02d}"


def book_line(book: BookLine) -> str:
    """《书名》 作者 ¥45.00, leaving out what is not known."""
    pieces = [f"《{book.title.strip('《》')}》", book.author]
    if book.price_fen is not None:
        pieces.append(price_text(book.price_fen))
    return " ".join(piece for piece in pieces if piece)


class TemplateCopywriter:
    """The same brief always gives the same words; different items get different openings."""

    def write(self, brief: Brief) -> Wording:
        pick = zlib.crc32(brief.title.encode())
        opening, body, call = styled(brief, pick) or _in_tone(brief, pick)
        return Wording(
            title=brief.title,
            opening=opening,
            body=body,
            book_lines=tuple(book_line(book) for book in brief.books),
            call_to_action=call,
        )


def _in_tone(brief: Brief, pick: int) -> tuple[str, tuple[str, ...], str]:
    """Opening, body and call to action in the tone the audience likes."""
    tone = _tone(brief)
    openings, calls = _OPENINGS[tone], _CALLS[tone]
    opening = openings[pick % len(openings)].format(
        price=_lowest_price(brief), age=_age(brief.reading_age)
    )
    return opening, brief.passages, calls[pick % len(calls)]


def _tone(brief: Brief) -> Tone:
    """The strongest tone the facts support: no price talk without a price."""
    if Tone.PARENTS in brief.tone:
        return Tone.PARENTS
    if Tone.PRICE in brief.tone and _lowest_price(brief):
        return Tone.PRICE
    return Tone.KEEN if Tone.KEEN in brief.tone else Tone.PLAIN


def _lowest_price(brief: Brief) -> str:
    prices = [book.price_fen for book in brief.books if book.price_fen is not None]
    return price_text(min(prices)) if prices else ""


def _age(reading_age: int | None) -> str:
    return f"{reading_age}岁以上" if reading_age else "学龄前后"
