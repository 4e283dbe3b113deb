"""Column names of supplier files, in Chinese (both scripts) and English, to our field names."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from contentcenter.domain.errors import InvalidInput
from ingest.faults import Fault, shorten

COLUMNS_MAX = 200

# `number` is what the trade calls 书号: an ISBN where it is one, else the supplier's own.
_ALIASES: dict[str, tuple[str, ...]] = {
    "isbn": ("isbn", "isbn13", "isbn-13", "isbn10", "国际书号", "国际标准书号", "條碼", "条码"),
    "number": ("书号", "書號", "统一书号", "编号", "编码"),
    "ref": ("ref", "id", "sku", "商品编号", "商品id", "货号", "source_ref", "记录号", "item_id"),
    "title": ("title", "书名", "書名", "题名", "標題", "标题", "图书名称", "名称", "商品名称"),
    "subtitle": ("subtitle", "副标题", "副题名", "副書名", "副书名"),
    "author": ("author", "authors", "作者", "著者", "著作者", "责任者", "作者姓名"),
    "translator": ("translator", "translators", "译者", "譯者", "翻译"),
    "publisher": ("publisher", "出版社", "出版商", "出版者", "出版单位"),
    "published_on": (
        "published_on", "pub_date", "pubdate", "publication_date", "publish_date", "出版日期",
        "出版时间", "出版年", "出版年月", "出版日", "上市时间",
    ),
    "price": ("price", "price_cny", "list_price", "定价", "定價", "价格", "價格", "售价", "码洋"),
    "stock": ("stock", "inventory", "quantity", "库存", "庫存", "库存数", "数量", "库存量"),
    "category": ("category", "分类", "分類", "类别", "品类", "图书分类"),
    "tags": ("tags", "tag", "keywords", "标签", "標籤", "关键词", "主题词"),
    "intro": (
        "intro", "introduction", "description", "summary", "abstract", "简介", "簡介", "内容简介",
        "內容簡介", "内容提要", "介绍", "推荐语", "摘要",
    ),
    "cover": ("cover", "image", "封面", "封面图", "图片", "封面地址"),
    "body": ("body", "content", "text", "markdown", "正文", "内容", "文章内容", "全文"),
    "form": ("form", "体裁", "形式"),
    "books": ("books", "isbns", "图书", "相关图书"),
}  # fmt: skip
FIELDS: dict[str, str] = {alias: name for name, names in _ALIASES.items() for alias in names}
LABELS: dict[str, str] = {
    "isbn": "ISBN", "number": "书号", "ref": "编号", "title": "书名", "body": "正文",
    "subtitle": "副标题", "author": "作者", "translator": "译者", "publisher": "出版社",
    "published_on": "出版日期", "price": "定价", "stock": "库存", "category": "分类",
    "tags": "标签", "intro": "简介", "cover": "封面",
}  # fmt: skip
_NOISE = re.compile(r"[\s*＊:：]+|[((（\[【].*?[)）\]】]")


@dataclass(frozen=True)
class Columns:
    """For each column of the file our field name, or None when we do not use it."""

    names: tuple[str | None, ...]
    notes: tuple[Fault, ...]


def field_of(header: str) -> str | None:
    """Our field for a column name; remarks such as "(元)" and required-marks are ignored."""
    plain = unicodedata.normalize("NFKC", header).casefold().strip("\ufeff \t\"'")
    return FIELDS.get(plain) or FIELDS.get(_NOISE.sub("", plain))


def read_header(cells: Sequence[str]) -> Columns:
    """Columns of a header row.

    Raises `InvalidInput` naming what is missing and what was found instead.
    """
    shown = [shorten(cell.strip(), 40) for cell in cells if cell.strip()]
    if len(cells) > COLUMNS_MAX:
        raise InvalidInput(f"表头有 {len(cells)} 列，最多 {COLUMNS_MAX} 列", columns=len(cells))
    _refuse_same_names(cells)
    fields = [field_of(cell) for cell in cells]
    check_required({name for name in fields if name}, shown)
    return _first_of_each(cells, fields)


def check_required(found: set[str], shown: Sequence[str]) -> None:
    """A table of books or articles needs a title, and a number for books."""
    missing = [] if "title" in found else ["书名（或标题）"]
    if not found & {"isbn", "number", "ref", "body"}:
        missing.append("ISBN（或书号、编号；文章用正文）")
    if missing:
        raise InvalidInput(
            f"缺少必需的列：{'、'.join(missing)}。文件里找到的列：{'、'.join(shown[:30]) or '无'}",
            missing=missing,
            found=list(shown[:30]),
        )


def _refuse_same_names(cells: Sequence[str]) -> None:
    names = [cell.strip().casefold() for cell in cells if cell.strip()]
    twice = sorted({name for name in names if names.count(name) > 1})
    if any(field_of(name) for name in twice):
        raise InvalidInput(
            f"列名重复：{'、'.join(twice)}。删去或改名其中一列后重新上传", duplicates=twice
        )


def _first_of_each(cells: Sequence[str], fields: list[str | None]) -> Columns:
    names: list[str | None] = []
    notes: list[Fault] = []
    for cell, name in zip(cells, fields, strict=True):
        if name is not None and name in names:
            first = cells[names.index(name)].strip()
            notes.append(
                Fault(
                    shorten(cell, 60), shorten(cell), f"与“{first}”列意思相同，只用了“{first}”列",
                    "保留其中一列", fatal=False,
                )
            )  # fmt: skip
            names.append(None)
        else:
            names.append(name)
    return Columns(tuple(names), tuple(notes))
