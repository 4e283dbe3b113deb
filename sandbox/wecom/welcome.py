"""Welcome messages: one code, once, within twenty seconds (contract, section 8)."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from sandbox.base import Base
from sandbox.messages import Message
from sandbox.wecom.content import parts_of
from sandbox.wecom.corps import Corps, Customer, union_id
from sandbox.wecom.media import WeComMedia
from sandbox.wire import Call, JsonObject, PlatformError, text_of

LIFE_SECONDS = 20.0


@dataclass
class WelcomeCode:
    code: str
    corpid: str
    userid: str
    external_userid: str
    at: float
    used: bool = False


class Welcomes:
    def __init__(self, base: Base, corps: Corps, media: WeComMedia) -> None:
        self._store = base.store
        self._clock = base.clock
        self._inbox = base.inbox
        self._callbacks = base.callbacks
        self._corps = corps
        self._media = media
        self._codes = base.store.table("wecom_welcome_codes", WelcomeCode)

    def add_contact(self, corpid: str, userid: str, external: str, state: str = "") -> str:
        """A person adds a member; raises add_external_contact. Returns the welcome code."""
        with self._store.lock:
            customer = self._corps.customer(corpid, external)
            follows = list(customer.follows) if customer else []
            if not any(one["userid"] == userid for one in follows):
                follows.append(
                    {
                        "userid": userid,
                        "createtime": self._clock.seconds(),
                        "remark": "",
                        "state": state,
                        "add_way": 1,
                        "tags": [],
                    }
                )
            name = customer.name if customer else f"书友{external[-4:]}"
            fresh = Customer(corpid, external, name, union_id(external), follows, userid)
            self._corps.put_customer(fresh)
            code = secrets.token_urlsafe(24)
            self._codes.put(code, WelcomeCode(code, corpid, userid, external, self._clock.now()))
        pair = {"UserID": userid, "ExternalUserID": external}
        extra = {"State": state} if state else {}
        self._raise(
            corpid, {"ChangeType": "add_external_contact", **pair, **extra, "WelcomeCode": code}
        )
        return code

    def remove_contact(self, corpid: str, userid: str, external: str) -> None:
        """The person deletes the member: del_follow_user; later sends get status 2."""
        with self._store.lock:
            customer = self._corps.customer(corpid, external)
            if customer is None:
                raise ValueError(f"unknown customer {external}")
            kept = [one for one in customer.follows if one["userid"] != userid]
            self._corps.put_customer(Customer(**{**vars(customer), "follows": kept}))
        pair = {"UserID": userid, "ExternalUserID": external}
        self._raise(corpid, {"ChangeType": "del_follow_user", **pair})

    def send(self, call: Call) -> JsonObject:
        code = self._codes.get(text_of(call.body, "welcome_code", 41050))
        if code is None or code.corpid != call.owner:
            raise PlatformError(41050, "invalid welcome code")
        if self._clock.now() - code.at > LIFE_SECONDS:
            raise PlatformError(41050, "welcome code is too late")
        if code.used:
            raise PlatformError(41051, "the conversation has started")
        parts = parts_of(call.owner, call.body, self._media)
        code.used = True
        self._codes.put(code.code, code)
        member = self._corps.member(call.owner, code.userid)
        self._inbox.deliver(
            Message(
                id=f"welcome-{code.code}",
                at=self._clock.now(),
                platform="wecom",
                owner=call.owner,
                conversation=f"customer:{code.external_userid}",
                source="welcome",
                reference=code.code,
                sender=member.name if member else code.userid,
                parts=parts,
                recipients=[code.external_userid],
            )
        )
        return {}

    def _raise(self, corpid: str, change: dict[str, str]) -> None:
        fields = {
            "ToUserName": corpid,
            "FromUserName": "sys",
            "CreateTime": self._clock.seconds(),
            "MsgType": "event",
            "Event": "change_external_contact",
            **change,
        }
        self._callbacks.send("wecom", corpid, fields)
