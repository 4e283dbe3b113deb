"""What a question that finds nothing may have meant: the nearest known title, name or tag.

Latin letters and pinyin: one wrong letter from four letters on, two from eight on, the first
letter is right. Chinese: characters of the same sound (明朝那些是儿), of a similar look
(三休) or one of four wrong. Known words are never corrected.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from rapidfuzz import process
from rapidfuzz.distance import OSA

from contentcenter.text.normalise import has_han, normalise
from recommend.search.completions import letters, squeezed
from recommend.search.known_texts import KnownText
from recommend.search.readings import rough_sounds, sounds

LONGEST = 40
_SUBTITLE = re.compile(r"[(（\[【：:]|——")
_LATIN = re.compile(r"[a-z][a-z']+")
_SHORTEST_LATIN = 4
_TWO_ERRORS_FROM = 8
_SHORTEST_NEAR = 4
# Of texts with one beginning or ending and one length, the most used are compared.
_LOOKED_AT = 1_000
_LONGEST_PINYIN = 30
# Characters that are taken for each other by their look; each group folds to its first.
_LOOKALIKES = """
体休佚 己已巳 未末 日曰 土士 千干于 人入八 大太犬 天夫 甲由申田 戊戌戍 免兔 刀刁力 鸟乌岛
今令 折拆析 晴睛 燥躁 辨辩辫 拔拨 侯候 洒酒 崇祟 壁璧 竟竞 搂楼 代伐 勾匀 厉历 哀衰衷 囚因困 埋理
墙蔷 孤狐弧 密蜜 幻幼 微徵 慕暮墓 柳抑 梁粱 沏彻 治冶 活话 洛络 爪瓜 环坏 王玉主 白自
盲育肓 眯咪 祖租组 第弟 籍藉 粟栗 论沦 赢嬴羸 迷谜 遗遣 镜境 陪倍 风凤 萧箫 苍仓 蓝篮
裸棵 读续 贪贫 货贷 质盾 雪雷 青责
"""
_SHAPE = str.maketrans({other: group[0] for group in _LOOKALIKES.split() for other in group[1:]})


class Spelling:
    """Immutable once built: dictionaries from sounds, shapes and ends to texts."""

    def __init__(self, texts: Iterable[KnownText]) -> None:
        ordered = sorted(_with_main_titles(texts), key=_order)
        self._texts = [one.text for one in ordered]
        self._weights = [one.weight for one in ordered]
        self._plain: list[str] = []
        self._known: dict[str, int] = {}
        self._sounds: dict[str, int] = {}
        self._rough: dict[str, int] = {}
        self._shapes: dict[str, int] = {}
        self._ends: dict[str, list[int]] = defaultdict(list)
        self._latin: dict[str, int] = {}
        self._buckets: dict[tuple[str, int], list[str]] = defaultdict(list)
        for number, one in enumerate(ordered):
            self._add(number, one)
        for word in {**self._latin, **self._sounds}:
            if _SHORTEST_LATIN - 1 <= len(word) <= _LONGEST_PINYIN and word.isascii():
                self._buckets[word[0], len(word)].append(word)

    def _add(self, number: int, one: KnownText) -> None:
        normal = normalise(one.text)
        plain = letters(normal)
        self._plain.append(plain)
        if not plain or plain in self._known:
            return
        self._known[plain] = number
        for word in _LATIN.findall(normal):
            self._latin[word] = self._latin.get(word, 0) + one.weight
        if not has_han(plain) or len(plain) > LONGEST:
            return
        if len(plain) > 1:
            self._sounds.setdefault(sounds(plain), number)
            self._rough.setdefault(rough_sounds(plain), number)
            self._shapes.setdefault(plain.translate(_SHAPE), number)
        if len(plain) >= _SHORTEST_NEAR:
            for end in _ends(plain, len(plain)):
                self._ends[end].append(number)

    def knows(self, question: str) -> bool:
        """Whether this is a known text as it stands."""
        return squeezed(question) in self._known

    def correct(self, question: str) -> str | None:
        """The nearest known spelling, or None when there is none or nothing to correct."""
        plain = normalise(question)
        whole = squeezed(plain)
        if not 1 < len(whole) <= LONGEST or whole in self._known:
            return None
        found = self._chinese(whole) if has_han(whole) else None
        if found is None:
            found = self._by_pieces(plain.split())
        return found if found is not None and squeezed(found) != whole else None

    def _by_pieces(self, pieces: Sequence[str]) -> str | None:
        mended = [self._piece(piece) for piece in pieces]
        if not any(mended):
            return None
        return " ".join(new or old for new, old in zip(mended, pieces, strict=True))

    def _piece(self, piece: str) -> str | None:
        plain = squeezed(piece)
        if len(plain) < 2 or plain in self._known:
            return None
        if has_han(plain):
            return self._chinese(plain)
        return self._letters(plain) if _LATIN.fullmatch(plain) else None

    def _chinese(self, plain: str) -> str | None:
        for table, key in (
            (self._sounds, sounds(plain)),
            (self._shapes, plain.translate(_SHAPE)),
            (self._rough, rough_sounds(plain)),
        ):
            number = table.get(key)
            if number is not None and len(self._plain[number]) == len(plain):
                return self._texts[number]
        return self._near(plain) if len(plain) >= _SHORTEST_NEAR else None

    def _near(self, plain: str) -> str | None:
        """One wrong, missing or extra character of four, two of eight. One end is right."""
        most = _errors(len(plain))
        choices = {
            number: self._plain[number]
            for length in range(len(plain) - most, len(plain) + most + 1)
            for end in _ends(plain, length)
            for number in self._ends.get(end, ())[:_LOOKED_AT]
        }
        hits = process.extract(plain, choices, scorer=OSA.distance, score_cutoff=most, limit=8)
        # Smaller numbers are used more.
        ranked = sorted((distance, number) for _, distance, number in hits)
        return self._texts[ranked[0][1]] if ranked else None

    def _letters(self, plain: str) -> str | None:
        """A known Latin word, or the text whose pinyin was meant."""
        if plain in self._latin or plain in self._sounds or len(plain) < _SHORTEST_LATIN:
            return None
        most = 2 if len(plain) >= _TWO_ERRORS_FROM else 1
        choices = [
            word
            for length in range(len(plain) - most, len(plain) + most + 1)
            for word in self._buckets.get((plain[0], length), ())
        ]
        hits = process.extract(plain, choices, scorer=OSA.distance, score_cutoff=most, limit=20)
        ranked = sorted((distance, self._rank(word), word) for word, distance, _ in hits)
        if not ranked:
            return None
        best = ranked[0][2]
        return best if best in self._latin else self._texts[self._sounds[best]]

    def _rank(self, word: str) -> int:
        """By use, of the word or of what the pinyin spells."""
        used = self._latin.get(word)
        return -used if used is not None else -self._weights[self._sounds[word]]


def _with_main_titles(texts: Iterable[KnownText]) -> Iterator[KnownText]:
    """平凡的世界（全三部） is looked for as 平凡的世界 too."""
    for one in texts:
        yield one
        if one.kind in {"title", "book"}:
            main = _SUBTITLE.split(one.text, maxsplit=1)[0].strip()
            if 1 < len(main) < len(one.text):
                yield replace(one, text=main)


def _order(one: KnownText) -> tuple[int, int, str]:
    return -one.weight, len(one.text), one.text


def _ends(plain: str, length: int) -> tuple[str, str]:
    """Keys of the texts of a length that begin or end as this one does."""
    return f"{plain[:2]}{length}", f"{length}{plain[-2:]}"


def _errors(length: int) -> int:
    return 2 if length >= _TWO_ERRORS_FROM else 1
