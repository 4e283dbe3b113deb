"""Why a match is not first: where it trails, in words, and what it would take. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from contentcenter.domain.categories import category_label
from recommend.persona_math import Persona
from recommend.shelf import ShelfItem

TAGS_NAMED = 3
MOST_LAGS = 3
SMALL_SHARE = 0.1
SEEN = 0.01  # scores are told with two digits

# A situation of a part in words; `values` fill the braces. English: console/english.json.
TEXTS: Mapping[str, str] = {
    "semantic": "意思不如第一名贴近读者的兴趣，差 {behind} 分：换更贴近的内容；画像不对就去改兴趣",
    "tags": "标签不如第一名合读者口味，差 {behind} 分：看看标签是否标全",
    "tags_missing": "没有读者常看的标签“{tags}”，差 {behind} 分：内容确实相关就补上",
    "category": "“{category}”不是读者最常看的分类，差 {behind} 分：错了就改，没错就留给常看它的群",
    "price": "{yuan} 元在读者习惯的 {low}–{high} 元之内，只是不如第一名贴近，差 {behind} 分",
    "price_dear": "{yuan} 元高于读者习惯的 {low}–{high} 元，差 {behind} 分：换价位内的版本或等降价",
    "price_cheap": "{yuan} 元低于读者习惯的 {low}–{high} 元，差 {behind} 分：换价位内的版本",
    "price_unknown": "没有书价，价格分只算一半，差 {behind} 分：关联一本有价格的图书",
    "freshness": "发布已 {days} 天，不如第一名新，差 {behind} 分：新鲜分随时间减半，要靠新内容",
    "freshness_undated": "没有发布时间，没有新鲜分，差 {behind} 分：发布后就有",
    "quality": "质量分较低，差 {behind} 分：在内容页看质量构成，补齐正文、配图和关联图书",
    "response": "它和“{category}”点得不如第一名多，差 {behind} 分：换标题封面再试，点得多会回升",
    "exploration": "给不少读者看过了，没有试探加分，差 {behind} 分：不用处理，只是第一名试得更少",
    "fatigue": "读者近来“{category}”看得较多，差 {behind} 分：隔几天再发，或换一类",
    "members": "不如第一名像读者回应过的内容，差 {behind} 分：读者回应相近的内容后会升",
    "words": "书名和标签的用词不如第一名像读者回应过的，差 {behind} 分：读者回应相近的内容后会升",
    "authors": "读者较少回应 {author}，差 {behind} 分：读者回应这位作者后会升",
    "authors_unknown": "没有作者，差 {behind} 分：补上作者",
    "publisher": "读者较少回应这家出版社，差 {behind} 分：随读者的回应变化，不用处理",
    "standing": "口碑和年代不如第一名像读者常回应的书，差 {behind} 分：随读者的回应变化，不用处理",
    "co_read": "和读者回应过的书不如第一名常被同一批人读，差 {behind} 分：每晚更新，不用处理",
    "answered": "读者对它本身的回应不如第一名多，差 {behind} 分：随读者的回应变化，不用处理",
    "appetite": "读者近来回应较少，差 {behind} 分：随读者的回应变化，不用处理",
}


@dataclass(frozen=True)
class Lag:
    """A part in which a match trails the first by `behind` (above zero). `kind` and `values` are
    stable; a `category` among the values is its code."""

    part: str
    behind: float
    kind: str
    values: Mapping[str, Any] = field(default_factory=dict)

    @property
    def template(self) -> str:
        return TEXTS[self.kind]

    def filled(self, language: str) -> dict[str, Any]:
        """What fills the braces, with the category in this language (`zh` or `en`)."""
        told = {"behind": f"{self.behind:.2f}" if self.behind >= SEEN else "<0.01", **self.values}
        if "category" in told:
            told["category"] = category_label(told["category"], language)
        return told

    @property
    def text(self) -> str:
        return self.template.format(**self.filled("zh"))


def lags_of(
    parts: Mapping[str, float],
    first: Mapping[str, float],
    item: ShelfItem,
    persona: Persona,
    at: datetime,
) -> tuple[Lag, ...]:
    """The parts in which an item trails an audience's first, worst first, at most three; lags
    far below the worst explain nothing and are left out."""
    behind = {name: round(first.get(name, 0.0) - parts[name], 4) for name in parts}
    worst = sorted((name for name in behind if behind[name] > 0), key=lambda n: (-behind[n], n))
    least = max(SMALL_SHARE * behind[worst[0]], SEEN) if worst else 0.0
    out = []
    for name in [n for n in worst[:MOST_LAGS] if n == worst[0] or behind[n] >= least]:
        kind, values = _SITUATIONS.get(name, _plain(name))(item, persona, at)
        out.append(Lag(name, behind[name], kind, values))
    return tuple(out)


Situation = tuple[str, dict[str, Any]]
_Told = Callable[[ShelfItem, Persona, datetime], Situation]


def _plain(name: str) -> _Told:
    return lambda _item, _persona, _at: (name, {})


def _category(name: str) -> _Told:
    return lambda item, _persona, _at: (name, {"category": item.match.category})


def _tags(item: ShelfItem, persona: Persona, _at: datetime) -> Situation:
    liked = sorted(persona.tags, key=lambda tag: (-persona.tags[tag], tag))
    missing = [tag for tag in liked if persona.tags[tag] > 0 and tag not in item.match.tags]
    if not missing:
        return "tags", {}
    return "tags_missing", {"tags": "、".join(missing[:TAGS_NAMED])}


def _price(item: ShelfItem, persona: Persona, _at: datetime) -> Situation:
    price, band = item.match.price_fen, persona.price
    if price is None:
        return "price_unknown", {}
    values = {"yuan": yuan(price), "low": round(band.p20 / 100), "high": round(band.p80 / 100)}
    if price > band.p80:
        return "price_dear", values
    return ("price_cheap" if price < band.p20 else "price"), values


def _freshness(item: ShelfItem, _persona: Persona, at: datetime) -> Situation:
    published = item.match.published_at
    if published is None:
        return "freshness_undated", {}
    return "freshness", {"days": max((at - published).days, 0)}


def _authors(item: ShelfItem, _persona: Persona, _at: datetime) -> Situation:
    return ("authors", {"author": item.author}) if item.author else ("authors_unknown", {})


def yuan(fen: float) -> str:
    """A price without needless zeros: 45, 45.5."""
    return f"{fen / 100:.2f}".rstrip("0").rstrip(".")


_SITUATIONS: Mapping[str, _Told] = {
    "tags": _tags,
    "category": _category("category"),
    "price": _price,
    "freshness": _freshness,
    "response": _category("response"),
    "fatigue": _category("fatigue"),
    "authors": _authors,
}
