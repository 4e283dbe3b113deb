"""What import-linter cannot see: nobody imports the roof, no junk drawers, no giant files."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("contentcenter", "ingest", "recommend", "distribute", "sandbox")
LONGEST_FILE = 600
JUNK_DRAWERS = {"utils.py", "util.py", "helpers.py", "helper.py", "misc.py", "common.py"}


def sources() -> Iterator[Path]:
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            if "migrations/versions" not in path.as_posix():
                yield path


def imported(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
    return names


def test_nobody_imports_the_roof() -> None:
    assert [p for p in sources() if imported(p) & {"wsgi", "scripts", "tests", "bench"}] == []


def test_only_settings_reads_the_environment() -> None:
    readers = [
        path.relative_to(ROOT).as_posix()
        for path in sources()
        if "os.environ" in (text := path.read_text(encoding="utf-8")) or "os.getenv" in text
    ]
    # The model's process tells the thread pool below it how to wait; it reads nothing.
    allowed = {"contentcenter/settings.py", "contentcenter/embedding/runtime.py"}
    assert set(readers) - allowed == set()


def test_no_junk_drawer_and_no_giant_file() -> None:
    names = {path.name for path in sources()}
    assert names & JUNK_DRAWERS == set()
    lengths = {
        path.relative_to(ROOT).as_posix(): len(path.read_text(encoding="utf-8").splitlines())
        for path in sources()
    }
    assert {name: n for name, n in lengths.items() if n > LONGEST_FILE} == {}


@pytest.mark.parametrize("package", PACKAGES)
def test_every_module_says_what_it_is_for(package: str) -> None:
    silent = [
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / package).rglob("*.py")
        if path.name != "__init__.py"
        and "migrations/versions" not in path.as_posix()
        and ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) is None
    ]
    assert silent == []


def test_no_bare_except_and_nothing_swallowed() -> None:
    swallowed = []
    for path in sources():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ExceptHandler) and (
                node.type is None or all(isinstance(step, ast.Pass) for step in node.body)
            ):
                swallowed.append(f"{path.relative_to(ROOT)}:{node.lineno}")
    assert swallowed == []
