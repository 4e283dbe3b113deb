"""The content branch of a message: mpnews, text, image, voice, mpvideo."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sandbox.official.drafts import Draft, Drafts
from sandbox.official.media import OfficialMedia
from sandbox.wire import Call, JsonObject, PlatformError, object_of, strings_of, text_of

_TYPES = ("mpnews", "text", "voice", "image", "mpvideo", "images")
_RETIRED = ("wxcard", "product")
TEXT_BYTES = 2048
IMAGES_MAX = 20


@dataclass(frozen=True)
class Content:
    msgtype: str
    parts: list[dict[str, Any]]
    draft: Draft | None = None


class Branches:
    def __init__(self, drafts: Drafts, media: OfficialMedia) -> None:
        self._drafts = drafts
        self._media = media

    def msgtype(self, body: JsonObject) -> str:
        kind = text_of(body, "msgtype", 40008)
        if kind in _RETIRED:
            raise PlatformError(45113, "message type no longer supported")
        if kind not in _TYPES:
            raise PlatformError(40008, "invalid message type")
        return kind

    def read(self, call: Call, msgtype: str) -> Content:
        """The pieces as a phone shows them; 40007 for media that is not there."""
        if msgtype == "mpnews":
            return self.articles(call, object_of(call.body, "mpnews", 40007))
        if msgtype == "text":
            return Content("text", [text_part(call.body)])
        if msgtype in ("image", "images"):
            return self._images(call)
        branch = object_of(call.body, msgtype, 40007)
        media = self._media.any_media(call.owner, text_of(branch, "media_id", 40007))
        return Content(msgtype, [{"kind": msgtype, "title": media.name}])

    def articles(self, call: Call, branch: JsonObject) -> Content:
        draft = self._drafts.need(call.owner, text_of(branch, "media_id", 40007))
        if draft.auto_saved:
            raise PlatformError(48021, "draft was saved by the web editor only")
        parts = [
            {
                "kind": "article",
                "title": article["title"],
                "digest": article["digest"],
                "html": article["content"],
                "picture": article["thumb_url"],
                "url": article["content_source_url"],
                "page": f"{call.base_url}/official-account/s/{draft.media_id}/{index}",
            }
            for index, article in enumerate(draft.articles)
        ]
        return Content("mpnews", parts, draft)

    def _images(self, call: Call) -> Content:
        branch = object_of(call.body, "images", 40007) or object_of(call.body, "image", 40007)
        single = text_of(branch, "media_id", 40007)
        ids = [single] if single else strings_of(branch, "media_ids", 40007)
        if not ids:
            raise PlatformError(40007, "invalid media_id")
        if len(ids) > IMAGES_MAX:
            raise PlatformError(40215, "too many pictures")
        found = [self._media.any_media(call.owner, one) for one in ids]
        parts: list[dict[str, Any]] = [
            {"kind": "image", "picture": one.url, "text": ""} for one in found
        ]
        comment = text_of(branch, "recommend", 40007)
        if comment:
            parts.append({"kind": "text", "text": comment})
        return Content("image", parts)


def text_part(body: JsonObject) -> dict[str, Any]:
    content = text_of(object_of(body, "text", 44004), "content", 44004)
    if not content.strip():
        raise PlatformError(44004, "empty content hint")
    if len(content.encode()) > TEXT_BYTES:
        raise PlatformError(45002, "content size out of limit")
    return {"kind": "text", "text": content}
