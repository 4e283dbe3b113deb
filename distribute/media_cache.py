"""Pictures for articles: made fit for the platform, uploaded once for each account."""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from PIL import Image, ImageDraw
from sqlalchemy import select

from contentcenter.domain.errors import Conflict
from contentcenter.store.database import Database
from distribute.tables import UploadedMediaRow

_ADDRESS = re.compile(r"^/media/([0-9a-f]{64})$")
THUMB_SIZE = (900, 383)  # the cover's proportion in a follower's list, 2.35 : 1
THUMB_BYTES = 64 * 1024  # official-account.md 3: thumb 64 KB JPG
BODY_BYTES = 1_000_000
BODY_WIDTH = 1_080


@dataclass(frozen=True)
class Jpeg:
    data: bytes

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.data).hexdigest()

    @property
    def name(self) -> str:
        """A unique file name: the library is searched by it (official-account.md 3)."""
        return f"{self.sha256[:24]}.jpg"


class Pictures:
    """Reads stored pictures (`/media/<sha256>`) and fits them into a platform's limits."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def thumb(self, cover: str) -> Jpeg:
        """The cover as a thumb; a plain picture of ours where an item has none."""
        picture = self._open(cover)
        if picture is None:
            return _plain_thumb()
        return _shrunk(_cropped(picture), THUMB_BYTES)

    def body(self, cover: str) -> Jpeg | None:
        """The cover for the head of an article; None where there is none."""
        picture = self._open(cover)
        if picture is None:
            return None
        picture.thumbnail((BODY_WIDTH, BODY_WIDTH * 2))
        return _shrunk(picture, BODY_BYTES)

    def _open(self, cover: str) -> Image.Image | None:
        match = _ADDRESS.match(cover)
        if match is None:
            return None
        path = self._folder / match[1][:2] / match[1]
        return Image.open(path).convert("RGB") if path.exists() else None


class MediaCache:
    """References of uploaded pictures, by account, purpose and content."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def reference(
        self, account: str, purpose: str, picture: Jpeg, upload: Callable[[Jpeg], str]
    ) -> str:
        """The platform's reference of a picture; uploads it the first time."""
        query = select(UploadedMediaRow.reference).where(
            UploadedMediaRow.account == account,
            UploadedMediaRow.purpose == purpose,
            UploadedMediaRow.sha256 == picture.sha256,
        )
        with self._db.reading() as session:
            known = session.scalars(query).one_or_none()
        if known is not None:
            return known
        reference = upload(picture)
        row = UploadedMediaRow(
            account=account, purpose=purpose, sha256=picture.sha256, reference=reference
        )
        try:
            with self._db.transaction() as session:
                session.add(row)
        except Conflict:  # another worker was faster; both uploads work
            return reference
        return reference

    def forget(self, account: str, reference: str) -> None:
        """Drop a reference the platform no longer knows."""
        query = select(UploadedMediaRow).where(
            UploadedMediaRow.account == account, UploadedMediaRow.reference == reference
        )
        with self._db.transaction() as session:
            for row in session.scalars(query):
                session.delete(row)


def _cropped(picture: Image.Image) -> Image.Image:
    """The middle of the picture in the cover's proportion."""
    width, height = picture.size
    ratio = THUMB_SIZE[0] / THUMB_SIZE[1]
    wide = min(width, int(height * ratio))
    high = min(height, int(wide / ratio))
    left, top = (width - wide) // 2, (height - high) // 3
    return picture.crop((left, top, left + wide, top + max(1, high))).resize(THUMB_SIZE)


def _shrunk(picture: Image.Image, most_bytes: int) -> Jpeg:
    data = b""
    for quality in (88, 75, 60, 45, 30):
        data = _encoded(picture, quality)
        if len(data) < most_bytes:
            return Jpeg(data)
    half = picture.resize((max(1, picture.width // 2), max(1, picture.height // 2)))
    return _shrunk(half, most_bytes)


def _encoded(picture: Image.Image, quality: int) -> bytes:
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=quality, optimize=True)
    return out.getvalue()


@lru_cache(maxsize=1)
def _plain_thumb() -> Jpeg:
    """Three books on a shelf: no font needed, the same bytes every time."""
    picture = Image.new("RGB", THUMB_SIZE, "#f3ede2")
    draw = ImageDraw.Draw(picture)
    for left, top, colour in ((330, 90, "#8c5a3c"), (415, 70, "#3c6e71"), (500, 110, "#d9a441")):
        draw.rectangle((left, top, left + 70, 310), fill=colour)
    draw.rectangle((250, 310, 650, 322), fill="#5b4636")
    return _shrunk(picture, THUMB_BYTES)
