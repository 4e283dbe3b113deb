"""Uploaded files of both platforms: kind by magic bytes, stored on disk, served again."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from pathlib import Path

from sandbox.store import Store

_MAGIC = (
    (b"\xff\xd8\xff", "jpg"),
    (b"\x89PNG\r\n\x1a\n", "png"),
    (b"GIF8", "gif"),
    (b"BM", "bmp"),
    (b"#!AMR", "amr"),
    (b"ID3", "mp3"),
    (b"\xff\xfb", "mp3"),
)
CONTENT_TYPES = {
    "jpg": "image/jpeg",
    "png": "image/png",
    "gif": "image/gif",
    "bmp": "image/bmp",
    "webp": "image/webp",
    "amr": "audio/amr",
    "mp3": "audio/mpeg",
    "mp4": "video/mp4",
    "svg": "image/svg+xml",
}


@dataclass
class Media:
    """One upload. kind: image, voice, video, thumb, file, or picture (article pictures)."""

    id: str
    owner: str
    kind: str
    name: str
    suffix: str
    size: int
    created: float
    permanent: bool
    url: str = ""
    scene: str = ""


def suffix_of(data: bytes) -> str:
    """The file type by its first bytes; "" when unknown."""
    for magic, suffix in _MAGIC:
        if data.startswith(magic):
            return suffix
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "webp"
    if data[4:8] == b"ftyp":
        return "mp4"
    return ""


class MediaShelf:
    def __init__(self, store: Store) -> None:
        self.table = store.table("media", Media)
        self._folder = store.folder / "media"
        self._folder.mkdir(exist_ok=True)

    def add(self, media: Media, data: bytes) -> Media:
        self.file(media).write_bytes(data)
        return self.table.put(media.id, media)

    def file(self, media: Media) -> Path:
        return self._folder / f"{media.id}.{media.suffix or 'bin'}"

    def find(self, owner: str, media_id: str) -> Media | None:
        media = self.table.get(media_id)
        return media if media is not None and media.owner == owner else None

    def remove(self, media: Media) -> None:
        self.file(media).unlink(missing_ok=True)
        self.table.drop(media.id)

    def forget_all(self) -> None:
        for path in self._folder.iterdir():
            path.unlink(missing_ok=True)


def fresh_media_id() -> str:
    return secrets.token_urlsafe(32).replace("-", "A").replace("_", "B")
