"""Pictures: proved to be pictures, stored once by the SHA-256 of their bytes.

A file lies at `<media folder>/<first two digits>/<sha256>`; its address in texts and covers
is `/media/<sha256>`. The file is written before its row, so a row never lacks its file.
"""

from __future__ import annotations

import hashlib
import io
import os
import tempfile
import warnings
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from PIL import Image, UnidentifiedImageError
from sqlalchemy import select
from sqlalchemy.orm import Session

from contentcenter.clock import Clock
from contentcenter.domain.errors import InvalidInput
from contentcenter.store.database import Database
from contentcenter.store.tables import MediaRow
from ingest.faults import BadValue

PIXELS_MAX = 40_000_000
BYTES_MAX = 20 * 1024 * 1024
FORMATS = {"JPEG": "image/jpeg", "PNG": "image/png", "GIF": "image/gif", "WEBP": "image/webp"}
_MEND = "用图片软件另存为 JPEG 或 PNG 后上传"

# Pillow refuses at twice this number and warns from it on; both are errors for us.
Image.MAX_IMAGE_PIXELS = PIXELS_MAX
warnings.filterwarnings("error", category=Image.DecompressionBombWarning)


@dataclass(frozen=True)
class Picture:
    """A picture found good and stored as a file."""

    sha256: str
    mime: str
    width: int
    height: int
    bytes: int

    @property
    def address(self) -> str:
        return f"/media/{self.sha256}"


def picture_path(folder: Path, sha256: str) -> Path:
    """Where the bytes of a picture lie."""
    return folder / sha256[:2] / sha256


def store_picture(folder: Path, data: bytes) -> Picture:
    """Check a picture and write its file. Raises `BadValue` for anything that is none."""
    picture = inspect_picture(data)
    path = picture_path(folder, picture.sha256)
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent)
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        Path(name).replace(path)
    return picture


def inspect_picture(data: bytes) -> Picture:
    """Size and kind of a picture, every pixel decoded. Raises `BadValue`."""
    if len(data) > BYTES_MAX:
        raise BadValue(f"图片超过 {BYTES_MAX // 1024 // 1024} MB", "压缩图片后上传")
    try:
        with Image.open(io.BytesIO(data), formats=list(FORMATS)) as image:
            kind, (width, height) = image.format or "", image.size
            image.load()
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        reason = f"图片的像素太多，最多 {PIXELS_MAX // 10_000} 万像素"
        raise BadValue(reason, "缩小图片后上传") from error
    except UnidentifiedImageError as error:
        raise BadValue("不是图片，或不是 JPEG、PNG、GIF、WebP", _MEND) from error
    except (OSError, ValueError, SyntaxError, EOFError) as error:
        raise BadValue("图片损坏或不完整", _MEND) from error
    digest = hashlib.sha256(data).hexdigest()
    return Picture(digest, FORMATS[kind], width, height, len(data))


def record_picture(session: Session, picture: Picture, name: str, now: datetime) -> None:
    """The row of a stored picture; the same picture again is the same row."""
    known = select(MediaRow.id).where(MediaRow.sha256 == picture.sha256)
    if session.scalar(known) is None:
        session.add(
            MediaRow(
                sha256=picture.sha256, mime=picture.mime, width=picture.width,
                height=picture.height, bytes=picture.bytes, original_name=name[-200:],
                created_at=now,
            )
        )  # fmt: skip
        session.flush()


class PictureService:
    """Takes single pictures in, from the console and the API."""

    def __init__(self, db: Database, clock: Clock, folder: Path) -> None:
        self._db = db
        self._clock = clock
        self._folder = folder

    def store(self, data: bytes, filename: str) -> Picture:
        """Check and keep a picture; its `address` goes into texts and covers.

        Raises `InvalidInput` with the reason and how to mend it.
        """
        try:
            picture = store_picture(self._folder, data)
        except BadValue as bad:
            raise InvalidInput(f"{bad.reason}；{bad.mend}", fields={"file": bad.reason}) from bad
        with self._db.transaction() as session:
            record_picture(session, picture, filename, self._clock.now())
        return picture


_MAGIC = (
    (b"\x89PNG", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF8", "image/gif"),
    (b"RIFF", "image/webp"),
)


def mime_of(path: Path) -> str:
    """The kind of a stored picture by its first bytes (it was proved when it was stored)."""
    with path.open("rb") as file:
        head = file.read(8)
    return next((mime for magic, mime in _MAGIC if head.startswith(magic)), "image/jpeg")
