"""Stored pictures at `/media/<sha256>`: addresses never change their content, so browsers and
platforms may keep them for ever. Open to all, as whatever is published is."""

from __future__ import annotations

import re
from pathlib import Path

from flask import Blueprint, Response, send_file

from contentcenter.domain.errors import NotFound
from ingest.media import mime_of, picture_path

_YEAR = 365 * 24 * 3600


def picture_pages(folder: Path) -> Blueprint:
    """The blueprint that serves one media folder."""
    pages = Blueprint("media", __name__)

    @pages.get("/media/<sha256>")
    def picture(sha256: str) -> Response:
        path = picture_path(folder.resolve(), sha256)
        if not re.fullmatch(r"[0-9a-f]{64}", sha256) or not path.is_file():
            raise NotFound("没有这张图片")
        answer = send_file(path, mimetype=mime_of(path), max_age=_YEAR, etag=sha256)
        answer.cache_control.immutable = True
        return answer

    return pages
