"""What a mass message may hold: text and up to nine attachments (contract, 4.1)."""

from __future__ import annotations

from typing import Any

from sandbox.wecom.media import WeComMedia
from sandbox.wire import JsonObject, PlatformError, list_of, object_of, text_of

TEXT_BYTES, ATTACHMENTS_MAX = 4000, 9
TITLE_BYTES, DESC_BYTES, URL_BYTES, MINI_TITLE_BYTES = 128, 512, 2048, 64


def parts_of(owner: str, body: JsonObject, media: WeComMedia) -> list[dict[str, Any]]:
    """The checked content as a phone shows it."""
    text = text_of(object_of(body, "text", 40058), "content", 40058)
    attachments = list_of(body, "attachments", 40058)
    if not text and not attachments:
        raise PlatformError(41088, "attachments can not be empty")
    if len(text.encode()) > TEXT_BYTES:
        raise PlatformError(45002, "content size out of limit")
    if len(attachments) > ATTACHMENTS_MAX:
        raise PlatformError(41064, "too many attachments")
    parts: list[dict[str, Any]] = [{"kind": "text", "text": text}] if text else []
    return parts + [_attachment(owner, one, media) for one in attachments]


def _attachment(owner: str, raw: Any, media: WeComMedia) -> dict[str, Any]:
    kind = raw.get("msgtype") if isinstance(raw, dict) else None
    if kind not in ("image", "link", "miniprogram", "video", "file"):
        raise PlatformError(41065, "invalid attachment type")
    branch = object_of(raw, kind, 40058)
    if kind == "link":
        return _link(branch)
    if kind == "miniprogram":
        return _mini(owner, branch, media)
    if kind == "image":
        return _image(owner, branch, media)
    found = media.need(owner, text_of(branch, "media_id", 40007), kind)
    return {"kind": kind, "title": found.name}


def _link(branch: JsonObject) -> dict[str, Any]:
    title = _bounded(branch, "title", TITLE_BYTES, needed=True)
    url = _bounded(branch, "url", URL_BYTES, needed=True)
    if not url.startswith(("http://", "https://")):
        raise PlatformError(40058, "invalid link url")
    return {
        "kind": "link",
        "title": title,
        "text": _bounded(branch, "desc", DESC_BYTES),
        "url": url,
        "picture": _bounded(branch, "picurl", URL_BYTES),
    }


def _mini(owner: str, branch: JsonObject, media: WeComMedia) -> dict[str, Any]:
    title = _bounded(branch, "title", MINI_TITLE_BYTES, needed=True)
    _bounded(branch, "appid", 128, needed=True)
    page = _bounded(branch, "page", 1024, needed=True)
    cover = media.need(owner, text_of(branch, "pic_media_id", 40007), "image")
    return {"kind": "mini", "title": title, "text": page, "picture": cover.url}


def _image(owner: str, branch: JsonObject, media: WeComMedia) -> dict[str, Any]:
    media_id, address = text_of(branch, "media_id", 40007), text_of(branch, "pic_url", 40058)
    if media_id:
        return {"kind": "image", "picture": media.need(owner, media_id, "image").url}
    if "/wecom/media/" not in address:
        raise PlatformError(40007, "invalid media_id: pic_url must come from uploadimg")
    return {"kind": "image", "picture": address}


def _bounded(branch: JsonObject, name: str, most: int, needed: bool = False) -> str:
    value = text_of(branch, name, 40058)
    if needed and not value:
        raise PlatformError(40058, f"missing {name}")
    if len(value.encode()) > most:
        raise PlatformError(40058, f"{name} exceeds {most} bytes")
    return value
