"""Browser files come from the installed wheels and our own folder, nowhere else."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from contentcenter.console import assets
from contentcenter.console.labels import GROUPS

STATIC = assets.FOLDERS["console"]
ROOT = Path(__file__).parents[4]


@pytest.mark.parametrize(
    ("place", "name"), [("htmx", "htmx.min.js"), ("bootstrap", "bootstrap.min.css")]
)
def test_library_files_are_there(place: str, name: str) -> None:
    assert assets.find(place, name) is not None


@pytest.mark.parametrize("name", ["../shell.py", "/etc/passwd", "css/../../shell.py", "nothing.js"])
def test_a_name_cannot_leave_its_folder(name: str) -> None:
    assert assets.find("console", name) is None


def test_no_own_file_points_outside() -> None:
    outside = {
        file.name: found
        for file in STATIC.rglob("*")
        if file.is_file()
        if (found := re.findall(r"https?://(?!www\.w3\.org/)\S+", file.read_text(encoding="utf-8")))
    }
    assert outside == {}


def test_every_icon_used_exists() -> None:
    used = set()
    for place in ("contentcenter/console", "ingest", "recommend", "distribute"):
        for file in (ROOT / place).rglob("templates/**/*.html"):
            used |= set(re.findall(r"icon\('([a-z0-9-]+)'", file.read_text(encoding="utf-8")))
    used |= {label.icon for labels in GROUPS.values() for label in labels.values() if label.icon}
    assert len(used) > 20
    for name in used:
        assert "<svg" in assets.icon(name)


def test_an_icon_with_a_label_is_spoken() -> None:
    assert 'aria-label="&lt;x&gt;"' in assets.icon("house", "<x>")
    assert 'aria-hidden="true"' in assets.icon("house")
