"""Pictures of articles and the permanent material library (contract, section 3)."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from sandbox.clock import Clock
from sandbox.media import Media, MediaShelf, fresh_media_id, suffix_of
from sandbox.settings import Settings
from sandbox.wire import Call, JsonObject, PlatformError, Upload, int_of, text_of

KB, MB = 1024, 1024 * 1024
_LIMITS: dict[str, tuple[int, tuple[str, ...]]] = {
    "image": (10 * MB, ("bmp", "png", "jpg", "gif")),
    "voice": (2 * MB, ("mp3", "amr", "wma", "wav")),
    "video": (10 * MB, ("mp4",)),
    "thumb": (64 * KB, ("jpg",)),
}
LIBRARY_IMAGES, LIBRARY_OTHERS = 100_000, 1_000


class OfficialMedia:
    def __init__(self, shelf: MediaShelf, clock: Clock, settings: Settings) -> None:
        self._shelf = shelf
        self._clock = clock
        self.settings = settings

    def uploadimg(self, call: Call) -> JsonObject:
        upload = the_upload(call)
        suffix = suffix_of(upload.data)
        if suffix not in ("jpg", "png"):
            raise PlatformError(40005, "invalid file type")
        if len(upload.data) >= MB:
            raise PlatformError(40009, "invalid image size")
        media = self._keep(call, upload, "picture", suffix, permanent=True)
        return {"url": media.url}

    def add_material(self, call: Call) -> JsonObject:
        media = self._typed(call, permanent=True)
        answer: JsonObject = {"media_id": media.id}
        if media.kind in ("image", "thumb"):
            answer["url"] = media.url
        return {**answer, "item": []}

    def upload(self, call: Call) -> JsonObject:
        media = self._typed(call, permanent=False)
        name = "thumb_media_id" if media.kind == "thumb" else "media_id"
        return {"type": media.kind, name: media.id, "created_at": int(media.created)}

    def batchget(self, call: Call) -> JsonObject:
        kind = text_of(call.body, "type", 40004)
        if kind not in ("image", "video", "voice"):
            raise PlatformError(40004, "invalid media type")
        offset, count = page_of(call.body)
        found = [m for m in self._library(call.owner) if m.kind == kind]
        found.sort(key=lambda media: media.created, reverse=True)
        page = found[offset : offset + count]
        items: list[dict[str, Any]] = [
            {"media_id": m.id, "name": m.name, "update_time": int(m.created), "url": m.url}
            for m in page
        ]
        return {"item": items, "total_count": len(found), "item_count": len(items)}

    def count(self, call: Call) -> JsonObject:
        kinds = [media.kind for media in self._library(call.owner)]
        return {
            "voice_count": kinds.count("voice"),
            "video_count": kinds.count("video"),
            "image_count": kinds.count("image"),
            "news_count": 0,
        }

    def delete(self, call: Call) -> JsonObject:
        media = self._shelf.find(call.owner, text_of(call.body, "media_id", 40007))
        if media is None or not media.permanent:
            raise PlatformError(40007, "invalid media_id")
        self._shelf.remove(media)
        return {"errcode": 0, "errmsg": "ok"}

    def permanent_image(self, owner: str, media_id: str) -> Media:
        """A picture of the library; 40007 otherwise."""
        media = self._shelf.find(owner, media_id)
        if media is None or not media.permanent or media.kind not in ("image", "thumb"):
            raise PlatformError(40007, "invalid media_id")
        return media

    def any_media(self, owner: str, media_id: str) -> Media:
        media = self._shelf.find(owner, media_id)
        if media is None or self._gone(media):
            raise PlatformError(40007, "invalid media_id")
        return media

    def minted(self, owner: str, address: str) -> bool:
        """Whether an article body of this account may show the picture at an address."""
        path = urlsplit(address).path
        if "/mmbiz/" not in path:
            return False
        return self._shelf.find(owner, path.rsplit("/", 1)[-1].split(".", 1)[0]) is not None

    def _gone(self, media: Media) -> bool:
        return (
            not media.permanent
            and media.created + self.settings.media_days * 86400 < self._clock.now()
        )

    def _library(self, owner: str) -> list[Media]:
        return [
            media
            for media in self._shelf.table
            if media.owner == owner and media.permanent and media.kind != "picture"
        ]

    def _typed(self, call: Call, permanent: bool) -> Media:
        kind = call.args.get("type") or call.form.get("type") or ""
        if kind not in _LIMITS:
            raise PlatformError(40004, "invalid media type")
        upload = the_upload(call)
        size, suffixes = _LIMITS[kind]
        suffix = suffix_of(upload.data)
        if suffix not in suffixes:
            raise PlatformError(40005, "invalid file type")
        limit = 2 * MB if kind == "image" and not permanent else size
        if len(upload.data) > limit:
            raise PlatformError(40009 if kind in ("image", "thumb") else 45001, "media too large")
        if permanent:
            self._check_room(call.owner, kind)
        return self._keep(call, upload, kind, suffix, permanent)

    def _check_room(self, owner: str, kind: str) -> None:
        used = sum(1 for media in self._library(owner) if media.kind == kind)
        if used >= (LIBRARY_IMAGES if kind == "image" else LIBRARY_OTHERS):
            raise PlatformError(45001, "media size out of limit: library is full")

    def _keep(self, call: Call, upload: Upload, kind: str, suffix: str, permanent: bool) -> Media:
        media_id = fresh_media_id()
        public = kind in ("picture", "image", "thumb")
        media = Media(
            id=media_id,
            owner=call.owner,
            kind=kind,
            name=upload.filename,
            suffix=suffix,
            size=len(upload.data),
            created=self._clock.now(),
            permanent=permanent,
            url=f"{call.base_url}/official-account/mmbiz/{media_id}.{suffix}" if public else "",
        )
        return self._shelf.add(media, upload.data)


def the_upload(call: Call) -> Upload:
    """The file of a multipart call; 41005 when missing, 44001 when empty."""
    upload = next((one for one in call.uploads if one.field == "media"), None)
    if upload is None:
        raise PlatformError(41005, "media data missing")
    if not upload.data:
        raise PlatformError(44001, "empty media data")
    return upload


def page_of(body: JsonObject) -> tuple[int, int]:
    """offset and count 1..20 of the list calls; 40007 as the platform's reference has it."""
    offset, count = int_of(body, "offset", 0, 47001), int_of(body, "count", 20, 47001)
    if offset < 0 or not 1 <= count <= 20:
        raise PlatformError(40007, "invalid offset or count")
    return offset, count
