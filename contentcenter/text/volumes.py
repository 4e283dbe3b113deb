"""Volumes: 三体 2, 三体II, 三体第二部 and 三体（第2册） all say the same thing.

Works on normalised text (see normalise.py), so numerals are half-width and lower case.
"""

from __future__ import annotations

import re

# Written where a volume is: a sign no normalised text contains and no segmenter splits off.
MARK = "§"

_DIGITS = {c: i for i, c in enumerate("零一二三四五六七八九")} | {"两": 2, "〇": 0}
_ROMAN = {"ii": 2, "iii": 3, "iv": 4, "v": 5, "vi": 6, "vii": 7, "viii": 8, "ix": 9, "x": 10}

_UNIT = "部册卷集季辑"
_NUMBER = "[0-9]{1,3}|[一二两三四五六七八九十百零〇]{1,5}"
_END = r"(?=$|[\s:,.;!?()\[\]/|《》「」『』“”‘’、。·—-])"
_HAN = "\u4e00-\u9fff"

_ORDINAL = re.compile(rf"第\s?({_NUMBER})\s?[{_UNIT}]")
_VOLUME = re.compile(r"\bvol(?:ume)?\.?\s?([0-9]{1,3})\b")
_SHELF = re.compile(rf"[{_UNIT}]([一二三四五六七八九十]{{1,3}}|[0-9]{{1,3}}){_END}")
_HALF = re.compile(rf"(?<=[{_HAN}\s(])\(?([上中下])[册卷部]\)?{_END}")
_ROMAN_TAIL = re.compile(rf"(?<=[{_HAN}])\s?(viii|vii|vi|iv|ix|iii|ii|v|x){_END}")
# 20 年代, 3 个: a number that counts something is no volume.
_COUNTED = r"(?!\s?[个年月日本元位岁天次点分只条种万亿世名号期%])"
_DIGIT_TAIL = re.compile(rf"(?<=[{_HAN}])\s?([1-9][0-9]?){_COUNTED}{_END}")


def mark_volumes(text: str) -> str:
    """Replace each volume by a token of its own, ` §2 `."""
    text = _ORDINAL.sub(lambda m: _token(_value(m.group(1)), m.group()), text)
    text = _VOLUME.sub(lambda m: _token(int(m.group(1)), m.group()), text)
    text = _SHELF.sub(lambda m: _token(_value(m.group(1)), m.group()), text)
    text = _HALF.sub(lambda m: f" {MARK}{m.group(1)} ", text)
    text = _ROMAN_TAIL.sub(lambda m: _token(_ROMAN[m.group(1)], m.group()), text)
    return _DIGIT_TAIL.sub(lambda m: _token(int(m.group(1)), m.group()), text)


def _token(value: int | None, original: str) -> str:
    return original if value is None else f" {MARK}{value} "


def _value(text: str) -> int | None:
    """Digits or a Chinese numeral below a thousand; None for what is no numeral."""
    if text.isdigit() and text.isascii():
        return int(text)
    total, current = 0, 0
    for character in text:
        if character == "百":
            total, current = total + (current or 1) * 100, 0
        elif character == "十":
            total, current = total + (current or 1) * 10, 0
        else:
            current = _DIGITS[character]
    return total + current
