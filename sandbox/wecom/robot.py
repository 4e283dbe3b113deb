"""Group robots: no token, a key and twenty messages a minute (section 9)."""

from __future__ import annotations

import base64
import hashlib
import secrets
from collections import deque
from typing import Any

from sandbox.clock import Clock
from sandbox.media import suffix_of
from sandbox.messages import Inbox, Message
from sandbox.settings import Settings
from sandbox.wecom.corps import Corps, Robot
from sandbox.wecom.media import WeComMedia
from sandbox.wire import Call, JsonObject, PlatformError, list_of, object_of, text_of

TEXT_BYTES, MARKDOWN_BYTES, IMAGE_BYTES, NEWS_MAX = 2048, 4096, 2 * 1024 * 1024, 8


class Robots:
    def __init__(
        self,
        clock: Clock,
        corps: Corps,
        media: WeComMedia,
        inbox: Inbox,
        settings: Settings,
    ) -> None:
        self._clock = clock
        self._corps = corps
        self._media = media
        self._inbox = inbox
        self.settings = settings
        self._sent: dict[str, deque[float]] = {}

    def send(self, call: Call) -> JsonObject:
        robot = self._robot(call)
        parts = self._parts(call.body, robot)
        self._admit(robot.key)
        self._inbox.deliver(
            Message(
                id=secrets.token_hex(10),
                at=self._clock.now(),
                platform="wecom",
                owner=robot.corpid,
                conversation=f"robot:{robot.key}",
                source="robot",
                reference="",
                sender=robot.name,
                parts=parts,
                recipients=[robot.key],
            )
        )
        return {}

    def upload(self, call: Call) -> JsonObject:
        # An empty file is refused before the key is looked at.
        if not any(one.data for one in call.uploads):
            raise PlatformError(44001, "empty media data")
        return self._media.robot_upload(call, self._robot(call).key)

    def forget_all(self) -> None:
        self._sent.clear()

    def _robot(self, call: Call) -> Robot:
        robot = self._corps.robots.get(call.args.get("key", ""))
        if robot is None:
            raise PlatformError(93000, "invalid webhook url")
        if robot.disabled:
            raise PlatformError(93004, "robot is disabled")
        return robot

    def _admit(self, key: str) -> None:
        """Twenty in any sixty seconds."""
        now = self._clock.now()
        sent = self._sent.setdefault(key, deque())
        while sent and sent[0] <= now - 60:
            sent.popleft()
        if len(sent) >= self.settings.robot_per_minute:
            raise PlatformError(45009, "api freq out of limit")
        sent.append(now)

    def _parts(self, body: JsonObject, robot: Robot) -> list[dict[str, Any]]:
        kind = text_of(body, "msgtype", 40008)
        branch = object_of(body, kind, 40058) if kind else {}
        if kind == "text":
            return [{"kind": "text", "text": _content(branch, TEXT_BYTES)}]
        if kind in ("markdown", "markdown_v2"):
            return [{"kind": "markdown", "text": _content(branch, MARKDOWN_BYTES)}]
        if kind == "image":
            return [_image(branch)]
        if kind == "news":
            return _news(branch)
        if kind in ("file", "voice"):
            media_id = text_of(branch, "media_id", 40007)
            media = self._media.need(f"robot:{robot.key}", media_id, kind)
            return [{"kind": kind, "title": media.name}]
        if kind == "template_card":
            title = object_of(branch, "main_title", 40058)
            return [
                {
                    "kind": "link",
                    "title": str(title.get("title", "")),
                    "text": str(title.get("desc", "")),
                    "url": str(object_of(branch, "card_action", 40058).get("url", "")),
                    "picture": "",
                }
            ]
        raise PlatformError(40008, "invalid message type")


def _content(branch: JsonObject, most: int) -> str:
    content = text_of(branch, "content", 40058)
    if not content:
        raise PlatformError(44004, "empty content")
    if len(content.encode()) > most:
        raise PlatformError(40058, f"content exceeds {most} bytes")
    return content


def _image(branch: JsonObject) -> dict[str, Any]:
    try:
        data = base64.b64decode(text_of(branch, "base64", 40058), validate=True)
    except ValueError as error:
        raise PlatformError(40058, "invalid base64") from error
    if not data or hashlib.md5(data, usedforsecurity=False).hexdigest() != branch.get("md5"):
        raise PlatformError(301019, "image md5 does not match")
    if len(data) > IMAGE_BYTES or suffix_of(data) not in ("jpg", "png"):
        raise PlatformError(40009, "invalid image")
    encoded = base64.b64encode(data).decode()
    return {"kind": "image", "picture": f"data:image/{suffix_of(data)};base64,{encoded}"}


def _news(branch: JsonObject) -> list[dict[str, Any]]:
    articles = list_of(branch, "articles", 40058)
    if not 1 <= len(articles) <= NEWS_MAX:
        raise PlatformError(40058, "invalid number of articles")
    parts: list[dict[str, Any]] = []
    for one in articles:
        if not isinstance(one, dict) or not one.get("title") or not one.get("url"):
            raise PlatformError(40058, "news needs title and url")
        parts.append(
            {
                "kind": "link",
                "title": text_of(one, "title", 40058),
                "text": text_of(one, "description", 40058),
                "url": text_of(one, "url", 40058),
                "picture": text_of(one, "picurl", 40058),
            }
        )
    return parts
