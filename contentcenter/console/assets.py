"""Browser files: our own, Bootstrap's and htmx's, the last two from their Python wheels.

Nothing is copied into this repository and nothing is fetched from elsewhere. Addresses carry
a digest of the content, so a browser may keep a file for a year.
"""

from __future__ import annotations

import hashlib
import re
from functools import cache
from importlib.resources import files
from pathlib import Path

from flask import Blueprint, Response, abort, send_file, url_for
from markupsafe import Markup, escape

YEAR_SECONDS = 31_536_000
_BOOTSTRAP = Path(str(files("flask_bootstrap"))) / "static" / "bootstrap5"
_HTMX = Path(str(files("js_lib_htmx"))) / "static" / "htmx"
FOLDERS: dict[str, Path] = {
    "console": Path(__file__).parent / "static",
    "bootstrap": _BOOTSTRAP / "css",
    "htmx": _HTMX,
}

blueprint = Blueprint("assets", __name__)


@blueprint.get("/static/<place>/<path:name>")
def asset(place: str, name: str) -> Response:
    path = find(place, name)
    if path is None:
        abort(404)
    return send_file(path, max_age=YEAR_SECONDS, etag=digest(path))


def find(place: str, name: str) -> Path | None:
    """A file inside one of the folders, or None; a name cannot climb out of its folder."""
    folder = FOLDERS.get(place)
    if folder is None:
        return None
    path = (folder / name).resolve()
    inside = path.is_relative_to(folder.resolve())
    return path if inside and path.is_file() else None


def digest(path: Path) -> str:
    return _digest(path, path.stat().st_mtime_ns)


@cache
def _digest(path: Path, _changed: int) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:12]


def asset_url(place: str, name: str) -> str:
    path = find(place, name)
    if path is None:
        raise LookupError(f"No browser file {name} in {place}")
    return url_for("assets.asset", place=place, name=name, v=digest(path))


@cache
def _symbols() -> dict[str, str]:
    sprite = (_BOOTSTRAP / "icons" / "bootstrap-icons.svg").read_text(encoding="utf-8")
    found = re.finditer(r'<symbol[^>]*id="([^"]+)"[^>]*>(.*?)</symbol>', sprite, re.DOTALL)
    return {match.group(1): match.group(2) for match in found}


@cache
def icon(name: str, label: str = "") -> Markup:
    """A Bootstrap icon drawn in place (the whole sprite weighs a megabyte). Without a label
    it is decoration and hidden from screen readers."""
    spoken = f'role="img" aria-label="{escape(label)}"' if label else 'aria-hidden="true"'
    return Markup(  # noqa: S704 - paths come from the installed wheel, the label is escaped
        f'<svg class="icon" viewBox="0 0 16 16" fill="currentColor" {spoken}>'
        f"{_symbols()[name]}</svg>"
    )
