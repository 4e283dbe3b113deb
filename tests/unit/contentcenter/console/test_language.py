"""Every Chinese text the console says has its English, with the same blanks to fill."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from contentcenter.console.language import english, translate

ROOT = Path(__file__).parents[4]
PLACES = [
    ROOT / "contentcenter" / "console",
    *(ROOT / r for r in ("ingest", "recommend", "distribute")),
]
CHINESE = re.compile(r"[\u4e00-\u9fff]")
# Words that are data, not screen text: a source's name, the language's own name.
DATA = {"编辑部", "中文"}
# What readers see behind a tracked link is Chinese and no part of the console.
READERS_PAGES = {"landing.html", "link_unknown.html"}


def template_texts() -> Iterator[tuple[str, str]]:
    for place in PLACES:
        for file in place.rglob("templates/**/*.html"):
            text = file.read_text(encoding="utf-8")
            for found in re.finditer(r"\bt\(\s*'((?:[^'\\]|\\.)*)'", text):
                yield file.name, found[1]


def code_texts() -> Iterator[tuple[str, str]]:
    for place in PLACES:
        for file in place.rglob("*.py"):
            if "console" in file.relative_to(ROOT).parts:
                yield from ((file.name, text) for text in _literals(file))


def _literals(file: Path) -> Iterator[str]:
    tree = ast.parse(file.read_text(encoding="utf-8"))
    nodes = list(ast.walk(tree))
    documents = (ast.Module, ast.ClassDef, ast.FunctionDef)
    skipped = {
        id(node.body[0].value)
        for node in nodes
        if isinstance(node, documents) and node.body and isinstance(node.body[0], ast.Expr)
    }
    skipped |= {
        id(part) for node in nodes if isinstance(node, ast.JoinedStr) for part in node.values
    }
    for node in nodes:
        if not isinstance(node, ast.Constant) or id(node) in skipped:
            continue
        if isinstance(node.value, str) and CHINESE.search(node.value):
            yield node.value


def test_every_text_is_translated() -> None:
    used = [*template_texts(), *code_texts()]
    assert len(used) > 500
    missing = {f"{file}: {text}" for file, text in used if text not in english()} - DATA
    assert missing == set()


def test_no_bare_chinese_in_a_template() -> None:
    """Text outside `t(...)` would stay Chinese on an English page."""
    bare = set()
    for place in PLACES:
        for file in place.rglob("templates/**/*.html"):
            text = file.read_text(encoding="utf-8")
            text = re.sub(r"\{#.*?#\}", "", text, flags=re.DOTALL)
            text = re.sub(r"\{[{%].*?[%}]\}", "", text, flags=re.DOTALL)
            bare |= {
                f"{file.name}: {line.strip()[:60]}"
                for line in text.split("\n")
                if CHINESE.search(line)
            }
    # The seal, the verses of the sign-in page and the switch's own names are the same in both.
    assert {one.partition(":")[0] for one in bare} <= {"base.html", "sign_in.html", *READERS_PAGES}


def test_blanks_are_the_same_in_both_languages() -> None:
    blanks = re.compile(r"\{(\w+)\}")
    odd = {
        chinese
        for chinese, text in english().items()
        if set(blanks.findall(chinese)) != set(blanks.findall(text))
    }
    assert odd == set()


def test_english_is_english() -> None:
    left = {text for text in english().values() if CHINESE.search(text)} - DATA
    assert left == set()


def test_translating() -> None:
    assert translate("库存 {count}", "zh", count=3) == "库存 3"
    assert translate("库存 {count}", "en", count=3) == "3 in stock"
    assert translate("没有人翻译过", "en") == "没有人翻译过"
