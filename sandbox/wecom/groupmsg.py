"""Enterprise mass messages: tasks that wait for their members (contract, section 4)."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import Any

from sandbox.base import Base
from sandbox.wecom.content import parts_of
from sandbox.wecom.corps import Corps
from sandbox.wecom.delivery import Delivery, confirm_delay
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

TARGETS_SINGLE, TARGETS_GROUP = 10_000, 2_000
MONTH_SECONDS = 31 * 86400
REMINDS_PER_DAY = 3


@dataclass
class Task:
    """One mass task. work: per member {targets, status 0/2, send_time, results}."""

    msgid: str
    corpid: str
    chat_type: str
    created: float
    ready: float
    text: dict[str, Any]
    attachments: list[Any]
    parts: list[dict[str, Any]]
    work: dict[str, dict[str, Any]]
    cancelled: bool = False
    approved: bool = True
    reminded: list[float] = field(default_factory=list)


class GroupMessages:
    def __init__(self, base: Base, corps: Corps, media: WeComMedia, delivery: Delivery) -> None:
        self._store = base.store
        self._clock = base.clock
        self._scheduler = base.scheduler
        self.settings = base.settings
        self._corps = corps
        self._media = media
        self._delivery = delivery
        self.tasks = base.store.table("wecom_tasks", Task)
        self._number = 0
        self._open: dict[str, None] = {}  # tasks that some member has not sent yet
        base.scheduler.on("wecom_confirm", self.confirm_job)

    # -- calls ---------------------------------------------------------------------------

    def add(self, call: Call) -> JsonObject:
        body = call.body
        chat_type = text_of(body, "chat_type", 40058) or "single"
        if chat_type not in ("single", "group"):
            raise PlatformError(40058, "invalid chat_type")
        sender = self._sender(call, chat_type)
        wanted = self._wanted(body, chat_type, sender)
        parts = parts_of(call.owner, body, self._media)
        if chat_type == "group":
            shares, failed = self._group_shares(call.owner, sender, wanted)
        else:
            shares, failed = self._customer_shares(call, sender, wanted)
        if not any(shares.values()):
            raise PlatformError(41048, "no customer to send", fail_list=failed)
        task = self._create(call, chat_type, parts, shares)
        return {"fail_list": failed, "msgid": task.msgid}

    def listed(self, call: Call) -> JsonObject:
        body = call.body
        start, end = int_of(body, "start_time", 0, 40058), int_of(body, "end_time", 0, 40058)
        limit = int_of(body, "limit", 50, 40058)
        if not 0 < start <= end or end - start > MONTH_SECONDS or not 1 <= limit <= 100:
            raise PlatformError(40058, "invalid time range or limit")
        chat_type = text_of(body, "chat_type", 40058)
        if chat_type not in ("single", "group"):
            raise PlatformError(40058, "invalid chat_type")
        found = self._in_window(call.owner, chat_type, start, end)
        if int_of(body, "filter_type", 2, 40058) == 1 or text_of(body, "creator", 40058):
            found = []  # members make no tasks of their own in the twin
        page, cursor = paged(found, text_of(body, "cursor", 40058), limit)
        return {"group_msg_list": [_listed(task) for task in page], "next_cursor": cursor}

    def task(self, call: Call) -> JsonObject:
        task = self._readable(call)
        limit = int_of(call.body, "limit", 500, 40058)
        if not 1 <= limit <= 1000:
            raise PlatformError(40058, "invalid limit")
        members = sorted(task.work)
        page, cursor = paged(members, text_of(call.body, "cursor", 40058), limit)
        rows = [
            {
                "userid": userid,
                "status": task.work[userid]["status"],
                "send_time": task.work[userid]["send_time"],
            }
            for userid in page
        ]
        for row in rows:
            if not row["status"]:
                del row["send_time"]
        return {"task_list": rows, "next_cursor": cursor}

    def result(self, call: Call) -> JsonObject:
        task = self._readable(call)
        userid = text_of(call.body, "userid", 40058)
        limit = int_of(call.body, "limit", 500, 40058)
        if not userid or not 1 <= limit <= 1000:
            raise PlatformError(40058, "invalid userid or limit")
        share = task.work.get(userid)
        if share is None:
            raise PlatformError(60111, "userid not found")
        name = "chat_id" if task.chat_type == "group" else "external_userid"
        page, cursor = paged(share["targets"], text_of(call.body, "cursor", 40058), limit)
        rows = []
        for target in page:
            status = share["results"].get(target, 0)
            row = {name: target, "userid": userid, "status": status}
            if status:
                row["send_time"] = share["send_time"]
            rows.append(row)
        return {"send_list": rows, "next_cursor": cursor}

    def remind(self, call: Call) -> JsonObject:
        task = self._readable(call)
        now = self._clock.now()
        task.reminded = [moment for moment in task.reminded if moment > now - 86400]
        if len(task.reminded) >= REMINDS_PER_DAY:
            raise PlatformError(41094, "remind too often")
        task.reminded.append(now)
        self._save(task)
        return {}

    def cancel(self, call: Call) -> JsonObject:
        task = self._known(call)
        if task.cancelled:
            raise PlatformError(41093, "the task has been cancelled")
        task.cancelled = True
        self._save(task)
        return {}

    # -- the members' side ---------------------------------------------------------------

    def confirm(self, msgid: str, userid: str, targets: list[str] | None = None) -> str:
        """A member sends; "" when done, else why not. targets narrows the choice."""
        with self._store.lock:
            task = self.tasks.get(msgid)
            if task is None or userid not in task.work:
                return "no such task for this member"
            share = task.work[userid]
            if task.cancelled:
                return "cancelled"
            if not task.approved:
                return "waiting for the administrator"
            if self._clock.now() < task.ready:
                return "still being dispatched"
            if share["status"] == 2:
                return "already sent"
            chosen = [one for one in share["targets"] if targets is None or one in targets]
            share["status"] = 2
            share["send_time"] = self._clock.seconds()
            share["results"] = self._delivery.send(task, userid, chosen)
            self._save(task)
        return ""

    def confirm_job(self, msgid: str, userid: str) -> None:
        self.confirm(msgid, userid)

    def approve(self, msgid: str, agreed: bool) -> bool:
        """The administrator's word on a task of an enterprise that asks for it."""
        with self._store.lock:
            task = self.tasks.get(msgid)
            if task is None or task.approved or task.cancelled:
                return False
            task.approved, task.cancelled = agreed, not agreed
            self._save(task)
            if agreed:
                self._plan_confirmations(task)
        return True

    def waiting(self, limit: int = 200) -> list[tuple[Task, str]]:
        """(task, member) pairs that still need a member's hand, newest first."""
        found: list[tuple[Task, str]] = []
        with self._store.lock:
            for key in reversed(self._open):
                task = self.tasks.rows[key]
                found += [(task, u) for u, share in task.work.items() if not share["status"]]
                if len(found) >= limit:
                    break
        return found[:limit]

    # -- inside --------------------------------------------------------------------------

    def _sender(self, call: Call, chat_type: str) -> str:
        """Absent and empty differ: an empty sender is a parameter error."""
        if "sender" not in call.body:
            if chat_type == "group":
                raise PlatformError(40058, "missing sender")
            return ""
        sender = text_of(call.body, "sender", 40058)
        if not sender:
            raise PlatformError(40058, "sender is empty")
        self._corps.need_member(call.owner, sender)
        return sender

    def _wanted(self, body: JsonObject, chat_type: str, sender: str) -> list[str]:
        if chat_type == "group":
            chats = strings_of(body, "chat_id_list", 40058)
            if len(chats) > TARGETS_GROUP:
                raise PlatformError(40058, "too many chat_id")
            return list(dict.fromkeys(chats))
        people = strings_of(body, "external_userid", 40058)
        if len(people) > TARGETS_SINGLE:
            raise PlatformError(40058, "too many external_userid")
        if not people and not sender and not body.get("tag_filter"):
            raise PlatformError(40058, "sender, external_userid and tag_filter are all empty")
        return list(dict.fromkeys(people))

    def _group_shares(
        self, corpid: str, sender: str, wanted: list[str]
    ) -> tuple[dict[str, list[str]], list[str]]:
        own = {group.chat_id for group in self._corps.groups_of(corpid, sender)}
        if not wanted:
            return {sender: sorted(own)}, []
        good = [chat for chat in wanted if chat in own]
        return {sender: good}, [chat for chat in wanted if chat not in own]

    def _customer_shares(
        self, call: Call, sender: str, wanted: list[str]
    ) -> tuple[dict[str, list[str]], list[str]]:
        corpid = call.owner
        if not wanted:
            wanted = self._pool(call, sender)
        shares: dict[str, list[str]] = {}
        failed: list[str] = []
        for external in wanted:
            customer = self._corps.customer(corpid, external)
            member = sender or (customer.last_chat if customer else "")
            if customer is None or customer.followed_by(member) is None:
                failed.append(external)
            else:
                shares.setdefault(member, []).append(external)
        return shares, failed

    def _pool(self, call: Call, sender: str) -> list[str]:
        members = [sender] if sender else [m.userid for m in self._corps.members_of(call.owner)]
        pool: dict[str, None] = {}
        for userid in members:
            pool.update(dict.fromkeys(self._corps.customers_of(call.owner, userid)))
        groups = list_of(object_of(call.body, "tag_filter", 40058), "group_list", 40058)
        for group in groups:  # AND between groups, OR inside one
            tags = set(strings_of(group, "tag_list", 40058))
            if not tags or len(tags) > 100:
                raise PlatformError(40058, "invalid tag_list")
            pool = {one: None for one in pool if tags & self._tags_of(call.owner, one)}
        return list(pool)

    def _tags_of(self, corpid: str, external: str) -> set[str]:
        customer = self._corps.customer(corpid, external)
        follows = customer.follows if customer else []
        return {tag for follow in follows for tag in follow.get("tags", [])}

    def _create(
        self,
        call: Call,
        chat_type: str,
        parts: list[dict[str, Any]],
        shares: dict[str, list[str]],
    ) -> Task:
        now = self._clock.now()
        corp = self._corps.table.rows[call.owner]
        task = Task(
            msgid="msg" + secrets.token_urlsafe(21),
            corpid=call.owner,
            chat_type=chat_type,
            created=now,
            ready=now + self.settings.dispatch_seconds,
            text=call.body.get("text") or {},
            attachments=call.body.get("attachments") or [],
            parts=parts,
            work={
                userid: {"targets": targets, "status": 0, "send_time": 0, "results": {}}
                for userid, targets in shares.items()
                if targets
            },
            approved=not corp.admin_approval,
        )
        self._save(task)
        if task.approved:
            self._plan_confirmations(task)
        return task

    def _plan_confirmations(self, task: Task) -> None:
        corp = self._corps.table.rows[task.corpid]
        wait = max(0.0, task.ready - self._clock.now())
        for userid in task.work:
            self._number += 1
            delay = confirm_delay(corp.auto_confirm, self._number, userid)
            if delay is not None:
                self._scheduler.later(wait + delay, "wecom_confirm", task.msgid, userid)

    def _in_window(self, corpid: str, chat_type: str, start: int, end: int) -> list[Task]:
        """Newest last; tasks being dispatched refuse the whole list or are left out."""
        now, found = self._clock.now(), []
        for key in reversed(self.tasks.rows):
            task = self.tasks.rows[key]
            if task.created < start:
                break
            if task.corpid != corpid or task.chat_type != chat_type or int(task.created) > end:
                continue
            if now >= task.ready:
                found.append(task)
            elif self.settings.list_while_dispatching == "refuse":
                raise PlatformError(41063, "the message is being dispatched, try later")
        return found[::-1]

    def _known(self, call: Call) -> Task:
        task = self.tasks.get(text_of(call.body, "msgid", 41046))
        if task is None or task.corpid != call.owner:
            raise PlatformError(41046, "invalid msgid")
        return task

    def _readable(self, call: Call) -> Task:
        task = self._known(call)
        if task.cancelled:
            raise PlatformError(41093, "the task has been cancelled")
        if self._clock.now() < task.ready:
            raise PlatformError(41063, "the message is being dispatched, try later")
        return task

    def rebuild(self) -> None:
        """The open tasks, after the tables were read."""
        self._open.clear()
        for task in self.tasks:
            self._mark(task)

    def _save(self, task: Task) -> None:
        self.tasks.put(task.msgid, task)
        self._mark(task)

    def _mark(self, task: Task) -> None:
        sent = all(share["status"] for share in task.work.values())
        if task.cancelled or sent:
            self._open.pop(task.msgid, None)
        else:
            self._open[task.msgid] = None


def _listed(task: Task) -> dict[str, Any]:
    return {
        "msgid": task.msgid,
        "create_time": str(int(task.created)),
        "create_type": 0,
        "text": task.text,
        "attachments": task.attachments,
    }
