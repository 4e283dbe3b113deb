"""Official Accounts, their followers and tags."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from sandbox.clock import Clock
from sandbox.store import Store
from sandbox.wire import PlatformError

SUBSCRIPTION, SERVICE = "SUB", "SVC"


@dataclass
class Account:
    """One Official Account as its owner registered it."""

    appid: str
    secret: str
    name: str
    account_type: str = SUBSCRIPTION
    verified: bool = True
    callback_url: str = ""
    token: str = ""
    aes_key: str = ""
    followers: int = 0
    protected: bool = False  # mass sends wait for the administrator (89504)
    comment_right: bool = True
    ip_whitelist: list[str] = field(default_factory=list)
    publish_result: int = 0
    mass_result: str = "send success"
    hidden: dict[str, Any] = field(default_factory=dict)
    quotas: dict[str, int] = field(default_factory=dict)

    @property
    def original_id(self) -> str:
        """The `gh_` name that callbacks carry as ToUserName."""
        return "gh_" + hashlib.sha256(self.appid.encode()).hexdigest()[:12]


@dataclass
class Follower:
    appid: str
    openid: str
    unionid: str = ""
    tags: list[int] = field(default_factory=list)
    subscribed: bool = True
    refuses: bool = False  # accepts no mass messages
    since: float = 0.0
    windows: list[list[float]] = field(default_factory=list)  # [until, allowed, used]
    hidden: dict[str, Any] = field(default_factory=dict)


@dataclass
class Tag:
    appid: str
    id: int
    name: str


class Accounts:
    """Accounts with their people. Made-up followers live in memory; changed ones are stored."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._clock = clock
        self.table = store.table("oa_accounts", Account)
        self._changed = store.table("oa_followers", Follower)
        self.tags = store.table("oa_tags", Tag)
        self._followers: dict[str, dict[str, Follower]] = {}

    def rebuild(self) -> None:
        self._followers = {}
        for account in self.table:
            self._grow(account)
        for follower in self._changed:
            self._followers.setdefault(follower.appid, {})[follower.openid] = follower

    def put(self, account: Account) -> None:
        self.table.put(account.appid, account)
        self._grow(account)

    def need(self, appid: str) -> Account:
        account = self.table.get(appid)
        if account is None:
            raise PlatformError(40013, "invalid appid")
        return account

    def follower(self, appid: str, openid: str) -> Follower | None:
        return self._followers.get(appid, {}).get(openid)

    def need_follower(self, appid: str, openid: str) -> Follower:
        found = self.follower(appid, openid)
        if found is None:
            raise PlatformError(40003, "invalid openid")
        return found

    def all_followers(self, appid: str) -> Iterator[Follower]:
        return iter(self._followers.get(appid, {}).values())

    def fans(self, appid: str, tag: int | None = None) -> list[Follower]:
        """Those who follow now; with a tag, those who carry it."""
        return [
            one
            for one in self.all_followers(appid)
            if one.subscribed and (tag is None or tag in one.tags)
        ]

    def save(self, follower: Follower) -> None:
        self._followers.setdefault(follower.appid, {})[follower.openid] = follower
        self._changed.put(f"{follower.appid}/{follower.openid}", follower)

    def account_tags(self, appid: str) -> list[Tag]:
        return [tag for tag in self.tags if tag.appid == appid]

    def find_tag(self, appid: str, tag_id: int) -> Tag | None:
        return self.tags.get(f"{appid}/{tag_id}")

    def named_tag(self, appid: str, name: str) -> Tag:
        """The tag of that name, made when missing (for the administrator's set-up)."""
        for tag in self.account_tags(appid):
            if tag.name == name:
                return tag
        return self.new_tag(appid, name)

    def new_tag(self, appid: str, name: str) -> Tag:
        # 0, 1 and 2 are the platform's own; the first of ours is 100.
        number = max((tag.id for tag in self.account_tags(appid)), default=99) + 1
        return self.tags.put(f"{appid}/{number}", Tag(appid, number, name))

    def _grow(self, account: Account) -> None:
        people = self._followers.setdefault(account.appid, {})
        for number in range(account.followers):
            openid = made_openid(account.appid, number)
            if openid not in people:
                people[openid] = Follower(
                    account.appid, openid, unionid=f"u{openid[1:]}", since=self._clock.now()
                )


def made_openid(appid: str, number: int) -> str:
    """The openid of the n-th made-up follower: 28 characters, stable."""
    digest = hashlib.sha256(f"{appid}/{number}".encode()).hexdigest()
    return "o" + digest[:27]
