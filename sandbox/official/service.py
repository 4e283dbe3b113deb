"""Customer-service messages inside the windows that a user's own act opens, and previews
(contract, sections 6.2 and 7)."""

from __future__ import annotations

import secrets
from typing import Any

from sandbox.base import Base
from sandbox.messages import Message
from sandbox.official.accounts import Accounts, Follower
from sandbox.official.branches import Branches, text_part
from sandbox.wire import Call, JsonObject, PlatformError, list_of, object_of, text_of

# act: (messages allowed, window in seconds, event name)
WINDOWS: dict[str, tuple[int, float, str]] = {
    "message": (5, 48 * 3600.0, ""),
    "click": (3, 60.0, "CLICK"),
    "subscribe": (3, 60.0, "subscribe"),
    "scan": (3, 60.0, "SCAN"),
}
PREVIEWS_BY_NAME = 100


class ServiceMessages:
    def __init__(self, base: Base, accounts: Accounts, branches: Branches) -> None:
        self._store = base.store
        self._clock = base.clock
        self._inbox = base.inbox
        self._callbacks = base.callbacks
        self._accounts = accounts
        self._branches = branches
        self._previews: dict[tuple[str, str], int] = {}

    def send(self, call: Call) -> JsonObject:
        if not self._accounts.need(call.owner).verified:
            raise PlatformError(48001, "api unauthorized")
        follower = self._accounts.need_follower(call.owner, text_of(call.body, "touser", 40003))
        parts = self._parts(call)
        if not follower.subscribed:
            raise PlatformError(43004, "require subscribe")
        self._use_window(follower)
        self._deliver(call, "custom", follower.openid, parts)
        return {"errcode": 0, "errmsg": "ok"}

    def preview(self, call: Call) -> JsonObject:
        if not self._accounts.need(call.owner).verified:
            raise PlatformError(48001, "api unauthorized")
        name = text_of(call.body, "towxname", 40003)
        openid = text_of(call.body, "touser", 40003)
        msgtype = self._branches.msgtype(call.body)
        if name:
            key = (call.owner, self._clock.day())
            if self._previews.get(key, 0) >= PREVIEWS_BY_NAME:
                raise PlatformError(45009, "reach max api daily quota limit")
            self._previews[key] = self._previews.get(key, 0) + 1
        else:
            self._accounts.need_follower(call.owner, openid)
        content = self._branches.read(call, msgtype)
        self._deliver(call, "preview", name or openid, content.parts)
        return {"errcode": 0, "errmsg": "preview success"}

    def interact(self, appid: str, openid: str, act: str, text: str = "") -> None:
        """A user does something: opens a window and raises the event or message."""
        allowed, seconds, event = WINDOWS[act]
        with self._store.lock:
            follower = self._accounts.follower(appid, openid) or Follower(appid, openid)
            if act == "subscribe":
                follower.subscribed = True
                follower.since = self._clock.now()
            now = self._clock.now()
            follower.windows = [w for w in follower.windows if w[0] > now]
            follower.windows.append([now + seconds, allowed, 0])
            self._accounts.save(follower)
        self._raise(appid, openid, event, text)

    def unsubscribe(self, appid: str, openid: str) -> None:
        with self._store.lock:
            follower = self._accounts.need_follower(appid, openid)
            follower.subscribed = False
            self._accounts.save(follower)
        self._raise(appid, openid, "unsubscribe", "")

    def _raise(self, appid: str, openid: str, event: str, text: str) -> None:
        fields: dict[str, Any] = {
            "ToUserName": self._accounts.need(appid).original_id,
            "FromUserName": openid,
            "CreateTime": self._clock.seconds(),
        }
        if event:
            fields.update({"MsgType": "event", "Event": event, "EventKey": text})
        else:
            number = secrets.randbelow(10**15)
            fields.update({"MsgType": "text", "Content": text or "你好", "MsgId": number})
        self._callbacks.send("official-account", appid, fields)

    def _use_window(self, follower: Follower) -> None:
        now = self._clock.now()
        living = [window for window in follower.windows if window[0] > now]
        if not living:
            raise PlatformError(45015, "response out of time limit or subscription is canceled")
        for window in living:
            if window[2] < window[1]:
                window[2] += 1
                self._accounts.save(follower)
                return
        raise PlatformError(45047, "out of response count limit")

    def _parts(self, call: Call) -> list[dict[str, Any]]:
        kind = text_of(call.body, "msgtype", 40008)
        if kind == "text":
            return [text_part(call.body)]
        if kind == "news":
            articles = list_of(object_of(call.body, "news", 40008), "articles", 40008)
            if len(articles) != 1:
                raise PlatformError(45008, "article count out of limit")
            one = articles[0]
            return [
                {
                    "kind": "link",
                    "title": str(one.get("title", "")),
                    "text": str(one.get("description", "")),
                    "url": str(one.get("url", "")),
                    "picture": str(one.get("picurl", "")),
                }
            ]
        if kind in ("image", "voice", "video", "mpnewsarticle", "miniprogrampage", "msgmenu"):
            return [{"kind": "text", "text": f"[{kind}]"}]
        raise PlatformError(40008, "invalid message type")

    def _deliver(self, call: Call, source: str, openid: str, parts: list[dict[str, Any]]) -> None:
        self._inbox.deliver(
            Message(
                id=secrets.token_hex(10),
                at=self._clock.now(),
                platform="official-account",
                owner=call.owner,
                conversation=f"account:{call.owner}",
                source=source,
                reference="",
                sender=self._accounts.need(call.owner).name,
                parts=parts,
                recipients=[openid],
            )
        )
