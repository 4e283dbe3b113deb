"""Customer moments: a job, members who publish, customers who see (contract, section 5)."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import Any

from sandbox.base import Base
from sandbox.messages import Message
from sandbox.wecom.corps import Corps
from sandbox.wecom.media import WeComMedia
from sandbox.wecom.paging import paged
from sandbox.wire import (
    Call,
    JsonObject,
    PlatformError,
    int_of,
    list_of,
    object_of,
    strings_of,
    text_of,
)

TEXT_BYTES, IMAGES_MAX, MONTH_SECONDS, JOB_SECONDS = 4000, 9, 30 * 86400, 86400.0
STARTED, RUNNING, DONE = 1, 2, 3
PER_MINUTE = 10


@dataclass
class Moment:
    """One moment task. published: userid -> time, for members who have published."""

    moment_id: str
    jobid: str
    corpid: str
    created: float
    ready: float
    parts: list[dict[str, Any]]
    text: str
    members: list[str]
    cancelled: bool = False
    published: dict[str, int] = field(default_factory=dict)


class Moments:
    def __init__(self, base: Base, corps: Corps, media: WeComMedia) -> None:
        self._store = base.store
        self._clock = base.clock
        self._inbox = base.inbox
        self.settings = base.settings
        self._corps = corps
        self._media = media
        self.table = base.store.table("wecom_moments", Moment)

    def add(self, call: Call) -> JsonObject:
        self._admit(call.owner)
        text = text_of(object_of(call.body, "text", 40058), "content", 40058)
        attachments = list_of(call.body, "attachments", 40058)
        if not text and not attachments:
            raise PlatformError(41089, "nothing given")
        if len(text.encode()) > TEXT_BYTES:
            raise PlatformError(45002, "content size out of limit")
        parts: list[dict[str, Any]] = [{"kind": "text", "text": text}] if text else []
        parts += self._attachments(call.owner, attachments)
        members = self._members(call)
        now = self._clock.now()
        moment = Moment(
            moment_id="mom" + secrets.token_urlsafe(20),
            jobid=secrets.token_urlsafe(20),
            corpid=call.owner,
            created=now,
            ready=now + self.settings.dispatch_seconds,
            parts=parts,
            text=text,
            members=members,
        )
        self.table.put(moment.moment_id, moment)
        return {"jobid": moment.jobid}

    def job(self, call: Call) -> JsonObject:
        """1 started, 2 running, 3 done; a job is known for 24 hours."""
        wanted, now = call.args.get("jobid", ""), self._clock.now()
        for moment in self.table:
            if moment.jobid == wanted and moment.corpid == call.owner:
                if now > moment.created + JOB_SECONDS:
                    break
                return {"status": self._status(moment, now), "result": self._result(moment, now)}
        raise PlatformError(40058, "invalid jobid")

    def listed(self, call: Call) -> JsonObject:
        start = int_of(call.body, "start_time", 0, 40058)
        end = int_of(call.body, "end_time", 0, 40058)
        limit = int_of(call.body, "limit", 20, 40058)
        if not 0 < start <= end or end - start > MONTH_SECONDS or not 1 <= limit <= 20:
            raise PlatformError(40058, "invalid time range or limit")
        found = [
            moment
            for moment in self.table
            if moment.corpid == call.owner
            and start <= moment.created <= end
            and moment.ready <= self._clock.now()
        ]
        page, cursor = paged(found, text_of(call.body, "cursor", 40058), limit)
        rows = [
            {
                "moment_id": moment.moment_id,
                "create_time": str(int(moment.created)),
                "create_type": 0,
                "visible_type": 1,
                "text": {"content": moment.text},
            }
            for moment in page
        ]
        return {"moment_list": rows, "next_cursor": cursor}

    def tasks(self, call: Call) -> JsonObject:
        moment = self._readable(call)
        limit = int_of(call.body, "limit", 500, 40058)
        page, cursor = paged(moment.members, text_of(call.body, "cursor", 40058), limit)
        rows = [{"userid": one, "publish_status": int(one in moment.published)} for one in page]
        return {"task_list": rows, "next_cursor": cursor}

    def results(self, call: Call) -> JsonObject:
        moment = self._readable(call)
        userid = text_of(call.body, "userid", 40058)
        if userid not in moment.published:
            raise PlatformError(41062, "the member has not published")
        people = self._corps.customers_of(call.owner, userid)
        page, cursor = paged(people, text_of(call.body, "cursor", 40058), 1000)
        rows = [{"external_userid": one} for one in page]
        return {"customer_list": rows, "next_cursor": cursor}

    def cancel(self, call: Call) -> JsonObject:
        moment = self._readable(call)
        moment.cancelled = True
        self.table.put(moment.moment_id, moment)
        return {}

    def publish(self, moment_id: str, userid: str) -> str:
        """A member publishes; "" when done, else why not."""
        with self._store.lock:
            moment = self.table.get(moment_id)
            if moment is None or userid not in moment.members:
                return "no such moment for this member"
            if moment.cancelled:
                return "cancelled"
            if self._clock.now() < moment.ready:
                return "still being dispatched"
            if userid in moment.published:
                return "already published"
            moment.published[userid] = self._clock.seconds()
            self.table.put(moment_id, moment)
            self._deliver(moment, userid)
        return ""

    def _deliver(self, moment: Moment, userid: str) -> None:
        member = self._corps.member(moment.corpid, userid)
        self._inbox.deliver(
            Message(
                id=f"{moment.moment_id}-{userid}",
                at=self._clock.now(),
                platform="wecom",
                owner=moment.corpid,
                conversation=f"moments:{userid}",
                source="moment",
                reference=moment.moment_id,
                sender=member.name if member else userid,
                parts=moment.parts,
                recipients=self._corps.customers_of(moment.corpid, userid),
            )
        )

    def _attachments(self, owner: str, raw: list[Any]) -> list[dict[str, Any]]:
        """Up to nine pictures, or one video, or one link, all from upload_attachment."""
        kinds = [one.get("msgtype") if isinstance(one, dict) else None for one in raw]
        if any(kind not in ("image", "video", "link") for kind in kinds):
            raise PlatformError(41065, "invalid attachment type")
        most = IMAGES_MAX if set(kinds) <= {"image"} else 1
        if len(raw) > most:
            raise PlatformError(41064, "too many attachments")
        return [self._attachment(owner, one, str(one["msgtype"])) for one in raw]

    def _attachment(self, owner: str, raw: JsonObject, kind: str) -> dict[str, Any]:
        branch = object_of(raw, kind, 40058)
        media_id = text_of(branch, "media_id", 40007)
        wanted = "video" if kind == "video" else "image"
        media = self._media.need(owner, media_id, wanted, scene="attachment1")
        if kind != "link":
            return {"kind": kind, "picture": media.url, "title": ""}
        title, url = text_of(branch, "title", 40058), text_of(branch, "url", 40058)
        if len(title) > 64 or not url.startswith(("http://", "https://")):
            raise PlatformError(40058, "invalid link")
        return {"kind": "link", "title": title, "text": "", "url": url, "picture": media.url}

    def _members(self, call: Call) -> list[str]:
        wanted = object_of(object_of(call.body, "visible_range", 40058), "sender_list", 40058)
        names = strings_of(wanted, "user_list", 40058)
        visible = [one.userid for one in self._corps.members_of(call.owner) if one.visible]
        chosen = [one for one in names if one in visible] if names else visible
        if not chosen:
            raise PlatformError(60111, "userid not found")
        return chosen

    def _admit(self, corpid: str) -> None:
        recent = self._clock.now() - 60
        fresh = [m for m in self.table if m.corpid == corpid and m.created > recent]
        if len(fresh) >= PER_MINUTE:
            raise PlatformError(45009, "api freq out of limit")

    def _status(self, moment: Moment, now: float) -> int:
        if now >= moment.ready:
            return DONE
        return RUNNING if now > (moment.created + moment.ready) / 2 else STARTED

    def _result(self, moment: Moment, now: float) -> JsonObject:
        done = now >= moment.ready
        return {"errcode": 0, "errmsg": "ok", "moment_id": moment.moment_id if done else ""}

    def _readable(self, call: Call) -> Moment:
        moment = self.table.get(text_of(call.body, "moment_id", 40058))
        if moment is None or moment.corpid != call.owner:
            raise PlatformError(40058, "invalid moment_id")
        if self._clock.now() < moment.ready:
            raise PlatformError(41079, "the moment is being dispatched, try later")
        return moment
