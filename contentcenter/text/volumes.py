"""Volumes: 三体 2, 三体II, 三体第二部, 三体（二） and 三体（第2册） all say the same thing.

Works on normalised text (see normalise.py), so numerals are half-width and lower case, and
著 is 着. Editions (第5版, 第五版, 5th ed.) get a token of their own kind.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

# Written where a volume is: a sign no normalised text contains and no segmenter splits off.
MARK = "§"
_EDITION = "版"

_CAPITALS = dict(zip("壹贰叁肆伍陆柒捌玖", range(1, 10), strict=True))
_DIGITS = {c: i for i, c in enumerate("零一二三四五六七八九")} | {"两": 2, "〇": 0} | _CAPITALS
_ROMAN = {
    "i": 1, "ii": 2, "iii": 3, "iv": 4, "v": 5, "vi": 6, "vii": 7, "viii": 8, "ix": 9, "x": 10,
}  # fmt: skip

_UNIT = "部册卷集季辑"
_CHINESE = "一二两三四五六七八九十百零〇壹贰叁肆伍陆柒捌玖拾"
_NUMBER = f"[0-9]{{1,3}}|[{_CHINESE}]{{1,5}}"
_SMALL = "[一二三四五六七八九十壹贰叁肆伍陆柒捌玖拾]{1,3}"
_ROMANS = "viii|vii|vi|iv|ix|iii|ii|i|v|x"
_END = r"(?=$|[\s:,.;!?()\[\]/|《》「」『』“”‘’、。·—-])"
_HAN = "\u4e00-\u9fff"
# 20 年代, 3 个, 8 堂: a number that counts something is no volume.
_COUNTED = r"(?!\s?[个年月日本元位岁天次点分只条种万亿世名号期%])"


@dataclass(frozen=True)
class Volume:
    """A half-open range of a normalised text and the token that stands for it."""

    start: int
    end: int
    token: str


def _number(match: re.Match[str]) -> str:
    return f"{MARK}{_value(match[1])}"


def _edition(match: re.Match[str]) -> str:
    return f"{MARK}{_value(match[1])}{_EDITION}"


def _part(match: re.Match[str]) -> str:
    return f"{MARK}{match[1]}"


_Rule = tuple[re.Pattern[str], Callable[[re.Match[str]], str]]
# First the plain-spoken forms, then those that need their surroundings to be volumes.
_RULES: tuple[_Rule, ...] = (
    # 第二季度, 第一部分, 第三集团 are other words.
    (re.compile(rf"第\s?({_NUMBER})\s?(?:部(?!分|门)|册|卷|集(?!团)|季(?!度|节)|辑)"), _number),
    (re.compile(rf"第\s?({_NUMBER})\s?版(?!本|权|图|块|面)"), _edition),
    (re.compile(r"\b([0-9]{1,2})(?:st|nd|rd|th)\s?ed(?:ition\b|\b\.?)"), _edition),
    (re.compile(r"(?<![a-z])vol(?:ume)?\.?\s?([0-9]{1,3})\b"), _number),
    (re.compile(rf"(?<!试)[{_UNIT}]({_SMALL}|[0-9]{{1,3}}){_END}"), _number),
    (re.compile(rf"(?<=[{_HAN}\s(])\(?([上中下])[册卷部]\)?{_END}"), _part),
    (re.compile(rf"(?<=[\w])\s?[(\[【〔]({_SMALL}|[0-9]{{1,2}}|{_ROMANS})[)\]】〕]"), _number),
    (re.compile(rf"(?<=[{_HAN}])\s?[(\[【〔]([上中下])[)\]】〕]"), _part),
    # Not 之一: "one of" stands in every other text.
    (re.compile(rf"(?<=[{_HAN}])(?<!分)之([二三四五六七八九十]){_END}"), _number),
    (re.compile(rf"(?<=[{_HAN}])[\s·:]({_SMALL}){_END}"), _number),
    (re.compile(rf"(?<=[{_HAN}])[\s·:]([上中下]){_END}"), _part),
    (re.compile(rf"(?<=[{_HAN}])\s?({_ROMANS}){_END}"), _number),
    (re.compile(rf"(?<=[{_HAN}])\s?([1-9][0-9]?){_COUNTED}{_END}"), _number),
)
# 三体2黑暗森林 names a volume, 前的8堂课 counts: the digit stays beside its volume.
_BETWEEN = re.compile(rf"(?<=[{_HAN}])([1-9])(?=[{_HAN}]){_COUNTED}")


def find_volumes(text: str) -> list[Volume]:
    """Volumes and editions of a normalised text, in order, none overlapping."""
    taken = bytearray(len(text))
    found: list[Volume] = []
    for pattern, token in _RULES:
        for match in pattern.finditer(text):
            start, end = match.span()
            if not any(taken[start:end]):
                taken[start:end] = b"\1" * (end - start)
                found.append(Volume(start, end, token(match)))
    return sorted(found, key=lambda volume: volume.start)


def mark_volumes(text: str) -> str:
    """Replace each volume by a token of its own, ` §2 `."""
    parts, position = [], 0
    for volume in find_volumes(text):
        parts += [_between(text[position : volume.start]), f" {volume.token} "]
        position = volume.end
    return "".join([*parts, _between(text[position:])])


def _between(text: str) -> str:
    return _BETWEEN.sub(rf" \1 {MARK}\1 ", text)


def _value(text: str) -> int:
    """Digits, a Roman or a Chinese numeral below a thousand."""
    if text.isdigit() and text.isascii():
        return int(text)
    if text in _ROMAN:
        return _ROMAN[text]
    total, current = 0, 0
    for character in text:
        if character == "百":
            total, current = total + (current or 1) * 100, 0
        elif character in "十拾":
            total, current = total + (current or 1) * 10, 0
        else:
            current = _DIGITS[character]
    return total + current
