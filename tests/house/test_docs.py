"""The documents say what the code does."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

from contentcenter.settings import PREFIX, Settings

ROOT = Path(__file__).resolve().parents[2]


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def test_every_setting_is_documented_and_no_other() -> None:
    documented = set(re.findall(rf"`{PREFIX}([A-Z_]+)`", read("docs/settings.md")))
    assert documented == {spec.name.upper() for spec in fields(Settings)}


def test_make_help_names_every_target() -> None:
    makefile = read("Makefile")
    phony = re.search(r"^\.PHONY: (.*)$", makefile, re.M)
    assert phony is not None
    undocumented = [
        target
        for target in phony.group(1).split()
        if not re.search(rf"^{target}:.*## ", makefile, re.M)
    ]
    assert undocumented == []


def test_both_readmes_name_the_two_commands_and_the_documents() -> None:
    for name in ("README.md", "README.zh-CN.md"):
        text = read(name)
        assert "make demo" in text
        assert "make test" in text
        for link in re.findall(r"\]\(((?:docs|samples)/[^)#]+)\)", text):
            assert (ROOT / link).exists(), f"{name} points to {link}"


def test_links_between_documents_lead_somewhere() -> None:
    broken = [
        f"{page.name} -> {target}"
        for page in (ROOT / "docs").rglob("*.md")
        for target in re.findall(r"\]\(([^)#:]+\.md)\)", page.read_text(encoding="utf-8"))
        if not (page.parent / target).exists()
    ]
    assert broken == []


def test_decisions_are_numbered_without_gaps() -> None:
    numbers = sorted(int(page.name[:4]) for page in (ROOT / "docs/decisions").glob("0*.md"))
    assert numbers == list(range(1, len(numbers) + 1))
