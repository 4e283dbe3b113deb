"""When a member confirms: who really gets the message (contract, 4.2), and who confirms
by himself."""

from __future__ import annotations

import calendar
import random
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sandbox.clock import Clock
from sandbox.messages import Inbox, Message
from sandbox.store import Store
from sandbox.wecom.corps import Corps

if TYPE_CHECKING:
    from sandbox.wecom.groupmsg import Task

DELIVERED, NOT_FRIEND, TOO_MANY = 1, 2, 3


@dataclass
class Ledger:
    """Mass messages one target received, per calendar day."""

    days: dict[str, int] = field(default_factory=dict)


class Delivery:
    def __init__(self, store: Store, clock: Clock, corps: Corps, inbox: Inbox) -> None:
        self._clock = clock
        self._corps = corps
        self._inbox = inbox
        self._ledger = store.table("wecom_ledger", Ledger)

    def send(self, task: Task, userid: str, targets: list[str]) -> dict[str, int]:
        """Send status per target, after delivering to all that may still receive."""
        return {target: self._one(task, userid, target) for target in targets}

    def received(self, corpid: str, target: str) -> dict[str, int]:
        ledger = self._ledger.get(f"{corpid}/{target}")
        return dict(ledger.days) if ledger else {}

    def _one(self, task: Task, userid: str, target: str) -> int:
        if not self._reachable(task, userid, target):
            return NOT_FRIEND
        key = f"{task.corpid}/{target}"
        ledger = self._ledger.get(key) or Ledger()
        if not self._room(ledger, self._corps.table.rows[task.corpid].mass_rule):
            return TOO_MANY
        day = self._clock.day()
        ledger.days[day] = ledger.days.get(day, 0) + 1
        self._ledger.put(key, ledger)
        self._inbox.deliver(self._message(task, userid, target))
        return DELIVERED

    def _reachable(self, task: Task, userid: str, target: str) -> bool:
        if task.chat_type == "group":
            group = self._corps.group(task.corpid, target)
            return group is not None and not group.dismissed
        customer = self._corps.customer(task.corpid, target)
        return customer is not None and customer.followed_by(userid) is not None

    def _room(self, ledger: Ledger, rule: str) -> bool:
        now = self._clock.local()
        if rule == "daily":
            return ledger.days.get(self._clock.day(), 0) < 1
        if rule == "weekly":
            monday = now - timedelta(days=now.weekday())
            week = [(monday + timedelta(days=n)).strftime("%Y-%m-%d") for n in range(7)]
            return sum(ledger.days.get(day, 0) for day in week) < 7
        month = self._clock.month()
        used = sum(count for day, count in ledger.days.items() if day.startswith(month))
        return used < calendar.monthrange(now.year, now.month)[1]

    def _message(self, task: Task, userid: str, target: str) -> Message:
        member = self._corps.member(task.corpid, userid)
        kind = "group" if task.chat_type == "group" else "customer"
        return Message(
            id=f"{task.msgid}-{target}",
            at=self._clock.now(),
            platform="wecom",
            owner=task.corpid,
            conversation=f"{kind}:{target}",
            source="groupmsg",
            reference=task.msgid,
            sender=member.name if member else userid,
            parts=task.parts,
            recipients=[target],
            audience=target if kind == "group" else userid,
        )


def confirm_delay(rule: dict[str, Any], number: int, userid: str) -> float | None:
    """Seconds until an automatic owner confirms; None when he does not.

    rule: {enabled, min_seconds, max_seconds, slow_share, slow_seconds, never_share, seed}.
    The number of the confirmation makes the drawing repeatable.
    """
    if not rule.get("enabled"):
        return None
    draw = random.Random(f"{rule.get('seed', 1)}/{number}/{userid}")
    fate = draw.random()
    never = float(rule.get("never_share", 0.0))
    slow = float(rule.get("slow_share", 0.1))
    if fate < never:
        return None
    low, high = float(rule.get("min_seconds", 1.0)), float(rule.get("max_seconds", 4.0))
    if fate < never + slow:
        low, high = high, max(high, float(rule.get("slow_seconds", 20.0)))
    return draw.uniform(low, high)
