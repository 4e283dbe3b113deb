"""Completions, corrections and learning names at 200,000 titles made by rule."""

from __future__ import annotations

import random
import time
import tracemalloc
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from contentcenter.text.build import build_analyser
from recommend.search.completions import Completions
from recommend.search.known_texts import KnownText
from recommend.search.spelling import Spelling

TEXTS = 200_000
QUESTIONS = 2_000
_HEADS = "山河云海风雪江湖春秋岁月星空大地人间故国长夜青灯远方归途少年旧梦时光草木鱼鸟城南北东西"
_TAILS = "之歌 往事 简史 传奇 笔记 札记 物语 游记 十讲 入门 全集 的秘密 的世界 与人生 编年史 风云录"


def make_texts(count: int = TEXTS) -> list[KnownText]:
    """Titles of two to four head characters and a tail, authors of three; weights are Zipf's."""
    chance = random.Random(7)
    tails = _TAILS.split()
    found: dict[str, KnownText] = {}
    while len(found) < count:
        number = len(found)
        head = "".join(chance.choices(_HEADS, k=chance.randint(2, 4)))
        kind = "author" if number % 5 == 0 else "book"
        text = head[:3] + chance.choice(_HEADS) if kind == "author" else head + chance.choice(tails)
        found.setdefault(text, KnownText(text, kind, 1 + 2_000 // (number + 1)))
    return list(found.values())


def slips(texts: Sequence[KnownText], count: int = QUESTIONS) -> list[str]:
    """Known texts with one character changed."""
    chance = random.Random(8)
    out = []
    for one in chance.sample(list(texts), count):
        letters = list(one.text)
        letters[chance.randrange(len(letters))] = chance.choice("的一是不了在有他这我")
        out.append("".join(letters))
    return out


def timed(act: Callable[[str], object], questions: Sequence[str]) -> dict[str, float]:
    spent = []
    for question in questions:
        start = time.perf_counter()
        act(question)
        spent.append((time.perf_counter() - start) * 1000)
    p50, p95, p99 = np.percentile(spent, [50, 95, 99])
    return {
        "p50_ms": round(float(p50), 3),
        "p95_ms": round(float(p95), 3),
        "p99_ms": round(float(p99), 3),
    }


def run() -> dict[str, Any]:
    texts = make_texts()
    chance = random.Random(9)
    begun = [one.text[: chance.randint(1, 4)] for one in chance.sample(texts, QUESTIONS)]
    start = time.perf_counter()
    completions = Completions(texts)
    built = time.perf_counter()
    spelling = Spelling(texts)
    spelt = time.perf_counter()
    analyser = build_analyser()
    analyser.query("预热")
    before = time.perf_counter()
    analyser.learn([one.text for one in texts])
    learnt = time.perf_counter()
    analyser.learn(["一个没有见过的名字"])
    one_more = time.perf_counter()
    return {
        "texts": len(texts),
        "completions": {"build_s": round(built - start, 2), **timed_pair(completions, begun)},
        "spelling": {
            "build_s": round(spelt - built, 2),
            "slips": timed(spelling.correct, slips(texts)),
        },
        "names": {
            "learn_s": round(learnt - before, 2),
            "one_more_ms": round((one_more - learnt) * 1000, 3),
            "question": timed(analyser.query, [one.text for one in texts[:QUESTIONS]]),
        },
        "memory_mb": memory(texts),
    }


def timed_pair(completions: Completions, begun: Sequence[str]) -> dict[str, Any]:
    return {
        "characters": timed(lambda typed: completions.complete(typed, 10), begun),
        "slips": timed(lambda typed: completions.complete(typed, 10), ["shanhr", "jianghv"] * 200),
    }


def memory(texts: Sequence[KnownText]) -> dict[str, float]:
    """What the finished structures hold, on a quarter of the texts, times four."""
    part = texts[: len(texts) // 4]
    tracemalloc.start()
    kept: list[Any] = []
    sizes = {}
    for name, make in (("completions", Completions), ("spelling", Spelling)):
        before, _ = tracemalloc.get_traced_memory()
        kept.append(make(part))
        after, _ = tracemalloc.get_traced_memory()
        sizes[name] = round((after - before) * 4 / 1e6, 1)
    tracemalloc.stop()
    return sizes
