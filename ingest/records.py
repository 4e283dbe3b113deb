"""From a raw row to a book or an article, with every fault named. Pure."""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import TypeVar

from contentcenter.domain.content import ItemForm
from contentcenter.text.isbn import canonical_isbn
from ingest.faults import BadValue, Fault
from ingest.headers import LABELS
from ingest.sources.base import RawRow
from ingest.values import (
    clean_line,
    clean_text,
    parse_category,
    parse_date,
    parse_line,
    parse_price,
    parse_stock,
    parse_tags,
)

T = TypeVar("T")
TITLE_MAX = 200
PERSON_MAX = 200
PUBLISHER_MAX = 120
REF_MAX = 190
INTRO_MAX = 20_000
BODY_MAX = 300_000
ITEM_AUTHOR_MAX = 120
_ISBN_EDGES = re.compile(r"^ISBN(-1[03])?[:\s]*|\.0$", re.IGNORECASE)
_EXCEL_NUMBER = re.compile(r"\d(\.\d+)?[eE]\+?\d+")
_MEANS_SOMETHING = re.compile(r"[^\W_]")
_ISBN_BREAK = re.compile(r"[、,，;；|\s]+")


@dataclass(frozen=True)
class BookRecord:
    """One edition as a supplier describes it. None and "" mean: not said."""

    ref: str
    isbn: str | None
    title: str
    subtitle: str = ""
    author: str = ""
    translator: str = ""
    publisher: str = ""
    published_on: str = ""
    price_fen: int | None = None
    stock: int | None = None
    category: str | None = None
    tags: tuple[str, ...] = ()
    intro: str = ""
    cover: str = ""


@dataclass(frozen=True)
class ArticleRecord:
    """One article: Markdown with the pictures it names, and the books it is about."""

    ref: str | None
    title: str
    body: str
    summary: str = ""
    form: str = ItemForm.ARTICLE
    author: str = ""
    category: str | None = None
    tags: tuple[str, ...] = ()
    isbns: tuple[str, ...] = ()
    cover: str = ""
    pictures: Mapping[str, bytes] = field(default_factory=dict)


def record_hash(record: BookRecord) -> str:
    """The same record in the next file has the same hash: nothing to do."""
    text = json.dumps(asdict(record), ensure_ascii=False, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True)
class Parsed:
    """A record, unless a fatal fault stands in the way."""

    record: BookRecord | ArticleRecord | None
    faults: tuple[Fault, ...]


def parse_row(row: RawRow) -> Parsed:
    """The book or article of a row. A row with text in `body` is an article."""
    if any(fault.fatal for fault in row.faults):
        return Parsed(None, row.faults)
    reader = _Row(row)
    body = clean_text(row.values.get("body", ""))
    record = reader.article(body) if body else reader.book()
    fatal = any(fault.fatal for fault in reader.faults)
    return Parsed(None if fatal else record, tuple(reader.faults))


class _Row:
    """Takes the fields of one row one by one and collects what is wrong with them."""

    def __init__(self, row: RawRow) -> None:
        self._row = row
        self._values = row.values
        self.faults: list[Fault] = list(row.faults)

    def take(self, name: str, parse: Callable[[str], T], missing: T, *, fatal: bool = False) -> T:
        value = self._values.get(name, "")
        try:
            return parse(value)
        except BadValue as bad:
            self.faults.append(Fault.of(LABELS.get(name, name), value, bad, fatal=fatal))
            return missing

    def line(self, name: str, limit: int) -> str:
        """A line that may be left out: too long or odd means a gap, not a lost row."""
        return self.take(name, lambda text: parse_line(text, limit), "")

    def title(self) -> str:
        return self.take("title", parse_title, "", fatal=True)

    def tags(self) -> tuple[str, ...]:
        return self.take("tags", parse_tags, ())

    def category(self) -> str | None:
        return self.take("category", parse_category, None)

    def intro(self) -> str:
        return self.take("intro", lambda text: parse_text(text, INTRO_MAX), "")

    def book(self) -> BookRecord:
        ref = self.take("ref", lambda text: parse_line(text, REF_MAX), "", fatal=True)
        isbn, number = self._numbers(bool(ref))
        ref = ref or number or isbn or ""
        if not ref and not any(fault.fatal for fault in self.faults):
            mend = "填写 ISBN；没有 ISBN 的图书填写书号或编号"
            self.faults.append(Fault("ISBN", "", "没有 ISBN，也没有书号或编号", mend))
        return BookRecord(
            ref=ref,
            isbn=isbn,
            title=self.title(),
            subtitle=self.line("subtitle", TITLE_MAX),
            author=self.line("author", PERSON_MAX),
            translator=self.line("translator", PERSON_MAX),
            publisher=self.line("publisher", PUBLISHER_MAX),
            published_on=self.take("published_on", parse_date, None) or "",
            price_fen=self.take("price", parse_price, None),
            stock=self.take("stock", parse_stock, None),
            category=self.category(),
            tags=self.tags(),
            intro=self.intro(),
            cover=self.take("cover", parse_cover, ""),
        )

    def _numbers(self, has_ref: bool) -> tuple[str | None, str]:
        """(ISBN, other book number). What looks like an ISBN has to be a right one."""
        isbn = self.take("isbn", parse_isbn, None, fatal=not has_ref)
        number = clean_line(self._values.get("number", ""))
        if not number or not _looks_like_isbn(number):
            return isbn, number[:REF_MAX]
        found = self.take("number", parse_isbn, None, fatal=not has_ref and isbn is None)
        return isbn or found, ""

    def article(self, body: str) -> ArticleRecord:
        if len(body) > BODY_MAX:
            reason = f"正文有 {len(body)} 个字，最多 {BODY_MAX} 个"
            self.faults.append(Fault("正文", body[:40], reason, "拆成几篇"))
        ref = clean_line(self._values.get("ref", "")) or clean_line(self._values.get("number", ""))
        return ArticleRecord(
            ref=ref[-REF_MAX:] or None,
            title=self.title(),
            body=body,
            summary=self.intro(),
            form=self.take("form", parse_form, ItemForm.ARTICLE),
            author=self.line("author", ITEM_AUTHOR_MAX),
            category=self.category(),
            tags=self.tags(),
            isbns=self._isbns(),
            cover=clean_line(self._values.get("cover", "")),
            pictures=self._row.pictures,
        )

    def _isbns(self) -> tuple[str, ...]:
        found: list[str] = []
        named = "、".join(self._values.get(name, "") for name in ("isbn", "books"))
        for part in filter(None, _ISBN_BREAK.split(named)):
            try:
                found.append(parse_isbn(part) or "")
            except BadValue as bad:
                self.faults.append(Fault.of("ISBN", part, bad, fatal=False))
        return tuple(dict.fromkeys(filter(None, found)))


def parse_title(text: str) -> str:
    """A title: not empty, not only signs, at most 200 characters."""
    title = parse_line(text, TITLE_MAX)
    if not title:
        raise BadValue("没有书名或标题", "填写书名")
    if not _MEANS_SOMETHING.search(title):
        raise BadValue("书名里只有符号或表情，没有文字", "填写书上的书名")
    return title


def parse_text(text: str, limit: int) -> str:
    """Running text; what is longer than the limit is refused, never cut in silence."""
    cleaned = clean_text(text)
    if len(cleaned) > limit:
        raise BadValue(f"太长：{len(cleaned)} 个字，最多 {limit} 个", f"缩短到 {limit} 个字以内")
    return cleaned


def parse_form(text: str) -> ItemForm:
    """What kind of text an article is; an article when nothing is said."""
    name = clean_line(text).casefold()
    if name and name not in set(ItemForm):
        raise BadValue("没有这种体裁", f"用其中之一：{'、'.join(ItemForm)}")
    return ItemForm(name) if name else ItemForm.ARTICLE


def parse_cover(text: str) -> str:
    """The address of a cover picture."""
    address = clean_line(text)
    if address and not re.match(r"https?://[^\s]{4,190}$", address):
        raise BadValue("封面不是网址", "填写 https:// 开头、200 字以内的图片地址")
    return address


def _looks_like_isbn(text: str) -> bool:
    plain = unicodedata.normalize("NFKC", text).upper().removeprefix("ISBN").strip(" :")
    plain = re.sub(r"[\s-]", "", plain)
    return bool(re.fullmatch(r"97[89]\d*|\d{9}[\dX]", plain) or _EXCEL_NUMBER.fullmatch(plain))


def parse_isbn(text: str) -> str | None:
    """An ISBN-13 from ISBN-10 or -13 in any usual spelling."""
    value = clean_line(text)
    if not value:
        return None
    plain = unicodedata.normalize("NFKC", value)
    if _EXCEL_NUMBER.fullmatch(plain):
        mend = "把 ISBN 列设为“文本”格式后重新填写"
        raise BadValue("被 Excel 变成了科学计数法，数字已丢失", mend)
    isbn = canonical_isbn(_ISBN_EDGES.sub("", plain))
    if isbn is None:
        raise BadValue(*_isbn_fault(plain))
    return isbn


def _isbn_fault(text: str) -> tuple[str, str]:
    digits = re.sub(r"[^0-9Xx]", "", text)
    if len(digits) in (10, 13):
        return "ISBN 校验位不对，可能抄错了一位", "对照版权页核对 ISBN"
    return f"不是 ISBN：应有 10 或 13 位数字，这里有 {len(digits)} 位", "对照版权页填写 ISBN"
