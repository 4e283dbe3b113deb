"""Synonyms, aliases and stop words as people write them: one line, one group.

马奎斯、马尔克斯            a group: any of them stands for any other
奥数 => 数学竞赛、数学奥林匹克   one way: the left also asks for the right
鲁迅 = 周树人              names of one person
请问                      a stop word
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from contentcenter.domain.errors import InvalidInput
from contentcenter.text.synonyms import LONGEST_TERM, SearchWords, WordKind, key_of

MOST_LINES = 2_000
MOST_IN_LINE = 20
LONGEST_STOP_WORD = 10
_REPORTED = 20
_ARROW = re.compile(r"\s*(?:=+>|[-－]+>|→|⇒|＝＞|＝>)\s*")
_COMMA = re.compile(r"\s*[,，、;；|\t=＝]\s*")
_MARKS = {WordKind.GROUP: "、", WordKind.ALIAS: " = "}
HEADINGS = {
    WordKind.GROUP: "同义词",
    WordKind.ONE_WAY: "单向扩展",
    WordKind.ALIAS: "作者别名",
    WordKind.STOP: "停用词",
}

Words = tuple[str, ...]


class _Fault(ValueError):
    """What is wrong with one line, in words for the person who wrote it."""


def parse_lines(kind: WordKind, text: str) -> list[str]:
    """The lines in their one spelling, empty ones left out.

    Raises `InvalidInput` that names every bad line: too few or too many words, too long, the
    same word or the same group twice.
    """
    faults: list[str] = []
    seen: dict[frozenset[str], int] = {}
    lines: list[str] = []
    for number, raw in enumerate(text.splitlines(), 1):
        if not raw.strip():
            continue
        try:
            for words in _groups(kind, raw):
                _check_new(seen.setdefault(_identity(kind, words), number), number)
                lines.append(format_line(kind, words))
        except _Fault as fault:
            faults.append(f"第 {number} 行：{fault}")
    if len(lines) > MOST_LINES:
        faults.append(f"最多 {MOST_LINES} 行，现有 {len(lines)} 行")
    if faults:
        more = f"；另有 {len(faults) - _REPORTED} 处" if len(faults) > _REPORTED else ""
        message = "；".join(faults[:_REPORTED]) + more
        raise InvalidInput(f"{HEADINGS[kind]}：{message}", field=str(kind), faults=faults)
    return lines


def split_line(kind: WordKind, line: str) -> Words:
    """The words of a line; of a one-way line the left one first."""
    if kind is WordKind.ONE_WAY:
        left, *rest = _ARROW.split(line.strip())
        return (left.strip(), *(word for part in rest for word in _split(part)))
    return _split(line)


def format_line(kind: WordKind, words: Sequence[str]) -> str:
    if kind is WordKind.ONE_WAY:
        return f"{words[0]} => {'、'.join(words[1:])}"
    return _MARKS.get(kind, "、").join(words)


def build_words(lines: Mapping[WordKind, Iterable[str]]) -> SearchWords:
    """Stored lines ready for looking up."""
    groups = {kind: [split_line(kind, line) for line in lines.get(kind, ())] for kind in WordKind}
    return SearchWords.build(
        groups=groups[WordKind.GROUP],
        one_way=groups[WordKind.ONE_WAY],
        aliases=groups[WordKind.ALIAS],
        stop_words=[word for words in groups[WordKind.STOP] for word in words],
    )


def export_text(lines: Mapping[WordKind, Sequence[str]]) -> str:
    """All lists as one text that `import_text` reads."""
    parts = ["\n".join([f"[{HEADINGS[kind]}]", *lines.get(kind, ())]) for kind in WordKind]
    return "\n\n".join(parts) + "\n"


def import_text(text: str) -> dict[WordKind, str]:
    """The lists a text holds, by their headings; lists that are not there are left alone.

    Raises `InvalidInput` for lines before the first heading and for unknown headings.
    """
    kinds = {heading: kind for kind, heading in HEADINGS.items()}
    found: dict[WordKind, list[str]] = {}
    current: WordKind | None = None
    for number, raw in enumerate(text.removeprefix("\ufeff").splitlines(), 1):
        line = raw.strip()
        heading = re.fullmatch(r"[\[【](.+?)[\]】]", line)
        if heading is not None and heading[1].strip() in kinds:
            current = kinds[heading[1].strip()]
            found.setdefault(current, [])
        elif line and current is None:
            names = "、".join(f"[{name}]" for name in kinds)
            raise InvalidInput(f"第 {number} 行之前缺少标题，应为 {names} 之一", field="text")
        elif line and current is not None:
            found[current].append(line)
    return {kind: "\n".join(lines) for kind, lines in found.items()}


def _groups(kind: WordKind, raw: str) -> list[Words]:
    """A line as one group; stop words of one line are a group each."""
    if kind is WordKind.ONE_WAY and len(_ARROW.split(raw.strip())) != 2:
        raise _Fault("要写成「左边 => 右边」")
    words = split_line(kind, raw)
    _check(kind, words)
    return [(word,) for word in words] if kind is WordKind.STOP else [words]


def _check(kind: WordKind, words: Words) -> None:
    stop = kind is WordKind.STOP
    if kind is WordKind.ONE_WAY and words and len(_split(words[0])) != 1:
        raise _Fault("箭头左边只能有一个词")
    if len(words) < (1 if stop else 2):
        raise _Fault("至少要两个词，用顿号或逗号隔开")
    if len(words) > MOST_IN_LINE:
        raise _Fault(f"一行最多 {MOST_IN_LINE} 个词，现有 {len(words)} 个")
    keys: set[str] = set()
    longest = LONGEST_STOP_WORD if stop else LONGEST_TERM
    for word in words:
        key = key_of(word)
        if not key:
            raise _Fault(f"「{word}」没有文字")
        if len(word) > longest:
            raise _Fault(f"「{word[:12]}…」太长，最多 {longest} 个字")
        if key in keys:
            raise _Fault(f"「{word}」写了两次（繁简、大小写和符号不同算同一个词）")
        keys.add(key)


def _check_new(first: int, number: int) -> None:
    if first != number:
        raise _Fault(f"与第 {first} 行重复")


def _identity(kind: WordKind, words: Words) -> frozenset[str]:
    keys = [key_of(word) for word in words]
    if kind is WordKind.ONE_WAY:
        return frozenset([f"{keys[0]}>", *keys[1:]])
    return frozenset(keys)


def _split(text: str) -> Words:
    """As written, with single spaces: lists are shown as their writers wrote them."""
    parts = (" ".join(part.split()) for part in _COMMA.split(text))
    return tuple(part for part in parts if part)
