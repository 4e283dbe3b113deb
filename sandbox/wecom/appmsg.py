"""Application messages to members (section 10)."""

from __future__ import annotations

import hashlib
import json
import secrets
from collections import deque
from typing import Any

from sandbox.clock import Clock
from sandbox.messages import Inbox, Message
from sandbox.wecom.corps import Corps
from sandbox.wire import Call, JsonObject, PlatformError, int_of, list_of, object_of, text_of

PER_MINUTE, PER_HOUR, TARGETS_MAX = 30, 1000, 1000
TEXT_BYTES = 2048
TYPES = ("text", "markdown", "textcard", "news", "mpnews", "image", "file", "template_card")


class AppMessages:
    def __init__(self, clock: Clock, corps: Corps, inbox: Inbox) -> None:
        self._clock = clock
        self._corps = corps
        self._inbox = inbox
        self._seen: dict[str, tuple[float, str]] = {}
        self._times: dict[tuple[str, str], deque[float]] = {}

    def send(self, call: Call) -> JsonObject:
        body = call.body
        corp = self._corps.table.rows[call.owner]
        if int_of(body, "agentid", 0, 40058) != corp.agentid:
            raise PlatformError(301002, "not allow to use this agentid")
        parts = _parts(body)
        good, bad = self._targets(call)
        if not good:
            raise PlatformError(81013, "user & party & tag all invalid", invaliduser="|".join(bad))
        msgid = self._repeat(call) or self._deliver(call, good, parts)
        answer: JsonObject = {"msgid": msgid}
        if bad:
            answer["invaliduser"] = "|".join(one.lower() for one in bad)
        return answer

    def recall(self, call: Call) -> JsonObject:
        if not text_of(call.body, "msgid", 40058):
            raise PlatformError(40058, "missing msgid")
        return {}

    def forget_all(self) -> None:
        self._seen.clear()
        self._times.clear()

    def _targets(self, call: Call) -> tuple[list[str], list[str]]:
        wanted = text_of(call.body, "touser", 40058)
        everyone = [m.userid for m in self._corps.members_of(call.owner) if m.visible]
        if wanted == "@all":
            return everyone, []
        names = [name for name in wanted.split("|") if name]
        if len(names) > TARGETS_MAX:
            raise PlatformError(40058, "too many touser")
        known = set(everyone)
        return [n for n in names if n in known], [n for n in names if n not in known]

    def _repeat(self, call: Call) -> str:
        """The id of the same message sent inside the caller's duplicate check."""
        if int_of(call.body, "enable_duplicate_check", 0, 40058) != 1:
            return ""
        life = min(int_of(call.body, "duplicate_check_interval", 1800, 40058), 4 * 3600)
        facts = json.dumps(call.body, sort_keys=True, ensure_ascii=False)
        key = hashlib.sha256(f"{call.owner}{facts}".encode()).hexdigest()
        at, msgid = self._seen.get(key, (0.0, ""))
        now = self._clock.now()
        if msgid and now - at < life:
            return msgid
        self._seen = {k: v for k, v in self._seen.items() if now - v[0] < 4 * 3600}
        self._seen[key] = (now, secrets.token_urlsafe(24))
        call.form["msgid"] = self._seen[key][1]
        return ""

    def _deliver(self, call: Call, people: list[str], parts: list[dict[str, Any]]) -> str:
        msgid = call.form.get("msgid") or secrets.token_urlsafe(24)
        corp = self._corps.table.rows[call.owner]
        for userid in people:
            if self._dropped(call.owner, userid):
                continue
            self._inbox.deliver(
                Message(
                    id=f"{msgid}-{userid}",
                    at=self._clock.now(),
                    platform="wecom",
                    owner=call.owner,
                    conversation=f"member:{userid}",
                    source="app",
                    reference=msgid,
                    sender=corp.name,
                    parts=parts,
                    recipients=[userid],
                )
            )
        return msgid

    def _dropped(self, corpid: str, userid: str) -> bool:
        """Above the member's limits a message vanishes without an error."""
        now = self._clock.now()
        times = self._times.setdefault((corpid, userid), deque())
        while times and times[0] <= now - 3600:
            times.popleft()
        recent = sum(1 for moment in times if moment > now - 60)
        if recent >= PER_MINUTE or len(times) >= PER_HOUR:
            return True
        times.append(now)
        return False


def _parts(body: JsonObject) -> list[dict[str, Any]]:
    kind = text_of(body, "msgtype", 40008)
    if kind not in TYPES:
        raise PlatformError(40008, "invalid message type")
    branch = object_of(body, kind, 40058)
    if kind in ("text", "markdown"):
        content = text_of(branch, "content", 40058)
        if not content:
            raise PlatformError(44004, "empty content")
        cut = content.encode()[:TEXT_BYTES].decode(errors="ignore")  # cut, not refused
        return [{"kind": kind, "text": cut}]
    if kind == "textcard":
        return [_card(branch)]
    if kind in ("news", "mpnews"):
        articles = list_of(branch, "articles", 40058)
        if not 1 <= len(articles) <= 8:
            raise PlatformError(40058, "invalid number of articles")
        return [_card(one) for one in articles if isinstance(one, dict)]
    return [{"kind": "text", "text": f"[{kind}]"}]


def _card(branch: JsonObject) -> dict[str, Any]:
    return {
        "kind": "link",
        "title": str(branch.get("title", "")),
        "text": str(branch.get("description", branch.get("digest", ""))),
        "url": str(branch.get("url", branch.get("content_source_url", ""))),
        "picture": str(branch.get("picurl", "")),
    }
