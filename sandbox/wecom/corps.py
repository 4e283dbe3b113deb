"""Enterprises: members, customers, customer groups and robots."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

from sandbox.store import Store
from sandbox.wire import PlatformError


@dataclass
class Corp:
    """One enterprise with its self-built application."""

    corpid: str
    secret: str
    agentid: int
    name: str
    callback_url: str = ""
    token: str = ""
    aes_key: str = ""
    contact_right: bool = True  # listed for customer contact; otherwise 48002
    trusted_ips: list[str] = field(default_factory=list)
    mass_rule: str = "month_days"  # or "weekly", "daily"
    auto_confirm: dict[str, Any] = field(default_factory=dict)
    admin_approval: bool = False


@dataclass
class Member:
    corpid: str
    userid: str
    name: str
    visible: bool = True  # inside the application's range


@dataclass
class Customer:
    """follows: one entry {userid, createtime, remark, state, tags} per member who has them."""

    corpid: str
    external_userid: str
    name: str
    unionid: str
    follows: list[dict[str, Any]] = field(default_factory=list)
    last_chat: str = ""
    hidden: dict[str, Any] = field(default_factory=dict)

    def followed_by(self, userid: str) -> dict[str, Any] | None:
        return next((one for one in self.follows if one["userid"] == userid), None)


@dataclass
class Group:
    """A customer group. The first `size` customers are made up from the chat id; what
    changed since is in joined and left, so a change writes little."""

    corpid: str
    chat_id: str
    name: str
    owner: str
    size: int
    created: int
    version: int = 1
    joined: list[dict[str, Any]] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    dismissed: bool = False
    notice: str = ""
    hidden: dict[str, Any] = field(default_factory=dict)

    def customers(self) -> list[str]:
        """External ids of those in the group now."""
        gone = set(self.left)
        made = (made_external_id(self.chat_id, number) for number in range(self.size))
        return [one for one in made if one not in gone] + [one["userid"] for one in self.joined]


@dataclass
class Robot:
    corpid: str
    key: str
    name: str
    disabled: bool = False
    size: int = 20
    hidden: dict[str, Any] = field(default_factory=dict)


@dataclass
class CorpTag:
    corpid: str
    id: str
    name: str
    group_id: str
    group_name: str


class Corps:
    """The registry, with the look-ups that the calls need."""

    def __init__(self, store: Store) -> None:
        self.table = store.table("wecom_corps", Corp)
        self.members = store.table("wecom_members", Member)
        self.customers = store.table("wecom_customers", Customer)
        self.groups = store.table("wecom_groups", Group)
        self.robots = store.table("wecom_robots", Robot)
        self.tags = store.table("wecom_tags", CorpTag)
        self._groups_of: dict[tuple[str, str], set[str]] = defaultdict(set)
        self._customers_of: dict[tuple[str, str], dict[str, None]] = defaultdict(dict)

    def rebuild(self) -> None:
        self._groups_of.clear()
        self._customers_of.clear()
        for group in self.groups:
            self._groups_of[(group.corpid, group.owner)].add(group.chat_id)
        for customer in self.customers:
            self._link(customer)

    def put_group(self, group: Group) -> None:
        old = self.group(group.corpid, group.chat_id)
        if old is not None:
            self._groups_of[(old.corpid, old.owner)].discard(old.chat_id)
        self.groups.put(f"{group.corpid}/{group.chat_id}", group)
        self._groups_of[(group.corpid, group.owner)].add(group.chat_id)

    def put_customer(self, customer: Customer) -> None:
        old = self.customer(customer.corpid, customer.external_userid)
        for follow in old.follows if old is not None else ():
            pair = (customer.corpid, follow["userid"])
            self._customers_of[pair].pop(customer.external_userid, None)
        self.customers.put(f"{customer.corpid}/{customer.external_userid}", customer)
        self._link(customer)

    def group(self, corpid: str, chat_id: str) -> Group | None:
        return self.groups.get(f"{corpid}/{chat_id}")

    def customer(self, corpid: str, external_userid: str) -> Customer | None:
        return self.customers.get(f"{corpid}/{external_userid}")

    def member(self, corpid: str, userid: str) -> Member | None:
        return self.members.get(f"{corpid}/{userid}")

    def need_member(self, corpid: str, userid: str) -> Member:
        """A member inside the application's range: 60111 unknown, 60011 outside."""
        member = self.member(corpid, userid)
        if member is None:
            raise PlatformError(60111, "userid not found")
        if not member.visible:
            raise PlatformError(60011, "no privilege to access/modify contact/party/agent")
        return member

    def members_of(self, corpid: str) -> list[Member]:
        return [member for member in self.members if member.corpid == corpid]

    def groups_of(self, corpid: str, userid: str) -> list[Group]:
        keys = sorted(self._groups_of.get((corpid, userid), ()))
        found = [self.groups.rows[f"{corpid}/{key}"] for key in keys]
        return [group for group in found if not group.dismissed]

    def customers_of(self, corpid: str, userid: str) -> list[str]:
        return list(self._customers_of.get((corpid, userid), ()))

    def _link(self, customer: Customer) -> None:
        for follow in customer.follows:
            self._customers_of[(customer.corpid, follow["userid"])][customer.external_userid] = None


def made_external_id(chat_id: str, number: int) -> str:
    """The external_userid of the n-th made-up customer of a group; stable."""
    return "wm" + hashlib.sha256(f"{chat_id}/{number}".encode()).hexdigest()[:30]


def union_id(external_userid: str) -> str:
    return "u" + hashlib.sha256(external_userid.encode()).hexdigest()[:27]
