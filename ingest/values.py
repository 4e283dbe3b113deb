"""Single values of supplier files: prices, dates, stock, tags, plain text. Pure.

Every parser returns None for an empty value and raises `BadValue` with a reason and a way
to mend it for one that cannot be read. Nothing is guessed: a wrong price is worse than none.
"""

from __future__ import annotations

import re
import unicodedata
from datetime import date
from decimal import ROUND_HALF_UP, Decimal

from contentcenter.domain.categories import CATEGORIES, category_code
from ingest.faults import BadValue

PRICE_MAX_FEN = 100_000_000
STOCK_MAX = 1_000_000_000
TAG_LIMIT = 40
TAGS_MAX = 20

_PRICE = re.compile(
    r"(?:(?:人民币|cny|rmb|定价|[¥￥])[:\s]*)*(-?\d{1,3}(?:,\d{3})+|-?\d+)(\.\d+)?\s*(?:元|圆|块|cny|rmb)?"
)
_FOREIGN = re.compile(r"[$€£₩]|usd|eur|gbp|jpy|hkd|twd|nt|hk|港|台|新台币|日元|円|美元|欧元|英镑")
_FREE = re.compile(r"免费|赠|free|面议|待定|无价|暂无|未定")
_DATE = re.compile(r"(\d{4})(?:[-/.年\s]+(\d{1,2})(?:[-/.月\s]+(\d{1,2})日?)?)?[-/.年月\s]*")
_COMPACT_DATE = re.compile(r"(\d{4})(\d{2})(\d{2})?")
_TIME_TAIL = re.compile(r"[T\s]+\d{1,2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:?\d{2})?$")
_TAG_BREAK = re.compile(r"[;；,，、|｜\n\r\t]+")
_FORMULA = re.compile(r"^(=|[+\-@][\w.]*\(|[+\-@=].*(\||!|HYPERLINK|cmd))", re.IGNORECASE)
_CONTROL = {code: None for code in range(32) if chr(code) not in "\n\t"} | {0x7F: None}
# Direction overrides can show a title as something it is not; half characters (surrogates,
# which JSON can spell) cannot be stored at all.
_INVISIBLE = dict.fromkeys(
    [*range(0x202A, 0x202F), *range(0x2066, 0x206A), 0x200B, 0xFEFF, *range(0xD800, 0xE000)]
)


def clean_text(text: str) -> str:
    """Without control and invisible characters, line ends unified, outer blanks removed."""
    unified = text.replace("\r\n", "\n").replace("\r", "\n")
    return unified.translate(_CONTROL).translate(_INVISIBLE).strip()


def clean_line(text: str) -> str:
    """As `clean_text`, on one line."""
    return " ".join(clean_text(text).split())


def parse_line(text: str, limit: int) -> str:
    """A line of text of at most `limit` characters; spreadsheet formulas are refused."""
    line = clean_line(text)
    if _FORMULA.match(line):
        raise BadValue(
            "像电子表格公式，可能在别人打开导出文件时被执行", "去掉开头的 = + - @ 后重新提交"
        )
    if len(line) > limit:
        raise BadValue(f"太长：{len(line)} 个字，最多 {limit} 个", f"缩短到 {limit} 个字以内")
    return line


def parse_price(text: str) -> int | None:
    """A price in fen from "45.00", "¥45", "４５元", "1,280"."""
    value = unicodedata.normalize("NFKC", text).strip().casefold()
    if not value:
        return None
    found = _PRICE.fullmatch(value)
    if found is None:
        raise _price_fault(value)
    yuan = Decimal(found[1].replace(",", "") + (found[2] or ""))
    fen = (yuan * 100).quantize(Decimal(1), ROUND_HALF_UP)
    if yuan < 0:
        raise BadValue("价格是负数", "填写大于 0 的定价，如 45.00")
    if fen == 0:
        raise BadValue("价格是 0", "填写定价；没有定价就留空")
    if fen != yuan * 100:
        raise BadValue("价格精确到分，这里小数多于两位", "保留两位小数，如 45.00")
    if fen > PRICE_MAX_FEN:
        raise BadValue("价格超过一百万元", "核对单位：这里填元，不是分")
    return int(fen)


def _price_fault(value: str) -> BadValue:
    if _FREE.search(value):
        return BadValue("不是价格", "填写定价的数字，如 45.00；没有定价就留空")
    if _FOREIGN.search(value):
        return BadValue("像外币价格，我们只收人民币", "换算成人民币元，如 45.00")
    if re.search(r"\d\s*[-~～至]\s*\d", value):
        return BadValue("是一个价格区间", "一行一个版本，只填这个版本的定价")
    return BadValue("读不出价格", "只填数字，单位是元，如 45.00")


def parse_date(text: str) -> str | None:
    """A publication date as YYYY, YYYY-MM or YYYY-MM-DD, from the usual free forms."""
    value = _TIME_TAIL.sub("", unicodedata.normalize("NFKC", text).strip())
    if not value:
        return None
    found = _COMPACT_DATE.fullmatch(value) or _DATE.fullmatch(value)
    if found is None:
        raise BadValue("读不出日期", "写成 2024-05-01、2024-05 或 2024")
    year, month, day = found[1], found[2], found[3]
    try:
        date(int(year), int(month or 1), int(day or 1))
    except ValueError as error:
        raise BadValue("没有这个日期", "写成 2024-05-01、2024-05 或 2024") from error
    if not 1000 <= int(year) <= 2100:
        raise BadValue("年份不在 1000 到 2100 之间", "核对出版年份")
    return "-".join(part if len(part) > 1 else f"0{part}" for part in (year, month, day) if part)


_STOCK_WORDS: dict[str, int | None] = {
    "缺货": 0,
    "无货": 0,
    "售罄": 0,
    "断货": 0,
    "无": 0,
    "有货": None,
    "有": None,
    "充足": None,
    "现货": None,
}


def parse_stock(text: str) -> int | None:
    """Copies in stock; words that only say "there is some" give None, which means unknown."""
    value = unicodedata.normalize("NFKC", text).strip().replace(",", "")
    if not value or value in _STOCK_WORDS:
        return _STOCK_WORDS.get(value)
    found = re.fullmatch(r"(-?\d+)(?:\.0+)?\s*(?:册|本|件)?", value)
    if found is None:
        raise BadValue("读不出库存", "填写整数，如 120；不知道就留空")
    count = int(found[1]) if len(found[1]) < 12 else STOCK_MAX + 1
    if count < 0:
        raise BadValue("库存是负数", "填写 0 或正整数")
    if count > STOCK_MAX:
        raise BadValue("库存大得不可能", "核对库存数")
    return count


def parse_category(text: str) -> str | None:
    """A category code from a code or a label in Chinese or English."""
    value = clean_line(text)
    if not value:
        return None
    code = category_code(value)
    if code is None:
        known = "、".join(labels[0] for labels in CATEGORIES.values())
        raise BadValue("没有这个分类", f"用其中之一：{known}")
    return code


def parse_tags(text: str) -> tuple[str, ...]:
    """Tags split on ; ； , ， 、 | and line ends, without `#`, each once."""
    parts = (clean_line(part).strip("#＃ ") for part in _TAG_BREAK.split(text))
    names = list(dict.fromkeys(part for part in parts if part))
    long = next((name for name in names if len(name) > TAG_LIMIT), None)
    if long is not None:
        raise BadValue(f"标签“{long[:20]}…”太长", f"每个标签最多 {TAG_LIMIT} 个字，用顿号隔开")
    if len(names) > TAGS_MAX:
        raise BadValue(f"有 {len(names)} 个标签", f"最多 {TAGS_MAX} 个")
    return tuple(names)
