"""Customer groups: reading them, and what happens when people come and go (section 6)."""

from __future__ import annotations

from typing import Any

from sandbox.callbacks import CallbackSender
from sandbox.clock import Clock
from sandbox.store import Store
from sandbox.wecom.corps import Corps, Group, made_external_id, union_id
from sandbox.wecom.paging import paged
from sandbox.wire import Call, JsonObject, PlatformError, int_of, object_of, strings_of, text_of

RANGE_MAX = 1000


class Chats:
    def __init__(self, store: Store, clock: Clock, corps: Corps, callbacks: CallbackSender) -> None:
        self._store = store
        self._clock = clock
        self._corps = corps
        self._callbacks = callbacks

    def listed(self, call: Call) -> JsonObject:
        limit = int_of(call.body, "limit", 0, 40058)
        if not 1 <= limit <= 1000:
            raise PlatformError(40058, "invalid limit")
        owners = strings_of(object_of(call.body, "owner_filter", 40058), "userid_list", 40058)
        if len(owners) > 100:
            raise PlatformError(40058, "too many userid")
        visible = {m.userid for m in self._corps.members_of(call.owner) if m.visible}
        if not owners and len(visible) > RANGE_MAX:
            raise PlatformError(81017, "the application's range is too large")
        chosen = [owner for owner in owners or sorted(visible) if owner in visible]
        found = [group for owner in chosen for group in self._corps.groups_of(call.owner, owner)]
        page, cursor = paged(found, text_of(call.body, "cursor", 40058), limit)
        rows = [{"chat_id": group.chat_id, "status": 0} for group in page]
        return {"group_chat_list": rows, "next_cursor": cursor}

    def get(self, call: Call) -> JsonObject:
        group = self._corps.group(call.owner, text_of(call.body, "chat_id", 40058))
        if group is None or group.dismissed:
            raise PlatformError(40050, "invalid chat_id")
        owner = self._corps.member(call.owner, group.owner)
        if owner is None or not owner.visible:
            raise PlatformError(60011, "no privilege to access/modify contact/party/agent")
        named = int_of(call.body, "need_name", 0, 40058) == 1
        return {
            "group_chat": {
                "chat_id": group.chat_id,
                "name": group.name,
                "owner": group.owner,
                "create_time": group.created,
                "notice": group.notice,
                "member_list": self._members(group, named),
                "admin_list": [],
                "member_version": version_text(group.version),
            }
        }

    def join(
        self, corpid: str, chat_id: str, people: list[str], scene: int = 3, state: str = ""
    ) -> Group:
        """Customers enter; raises change_external_chat. ValueError for an unknown group."""
        with self._store.lock:
            group = self._group(corpid, chat_id)
            inside = set(group.customers())
            new = [one for one in people if one not in inside]
            group.left = [one for one in group.left if one not in new]
            made = {made_external_id(chat_id, number) for number in range(group.size)}
            group.joined += [
                {"userid": one, "join_time": self._clock.seconds(), "scene": scene, "state": state}
                for one in new
                if one not in made
            ]
            return self._changed(group, "add_member", new, {"JoinScene": 0 if scene < 3 else 3})

    def leave(self, corpid: str, chat_id: str, people: list[str], removed: bool = False) -> Group:
        """Customers go; the same event with the other detail."""
        with self._store.lock:
            group = self._group(corpid, chat_id)
            going = [one for one in people if one in set(group.customers())]
            guests = {one["userid"] for one in group.joined}
            group.joined = [one for one in group.joined if one["userid"] not in going]
            group.left += [one for one in going if one not in guests]
            return self._changed(group, "del_member", going, {"QuitScene": int(removed)})

    def _changed(
        self, group: Group, detail: str, people: list[str], extra: dict[str, Any]
    ) -> Group:
        if not people:
            return group
        before = group.version
        group.version += 1
        self._corps.put_group(group)
        fields: dict[str, Any] = {
            "ToUserName": group.corpid,
            "FromUserName": "sys",
            "CreateTime": self._clock.seconds(),
            "MsgType": "event",
            "Event": "change_external_chat",
            "ChatId": group.chat_id,
            "ChangeType": "update",
            "UpdateDetail": detail,
            **extra,
            "MemChangeCnt": len(people),
            "MemChangeList": {"Item": people},
            "LastMemVer": version_text(before),
            "CurMemVer": version_text(group.version),
        }
        self._callbacks.send("wecom", group.corpid, fields)
        return group

    def _group(self, corpid: str, chat_id: str) -> Group:
        group = self._corps.group(corpid, chat_id)
        if group is None:
            raise ValueError(f"unknown group {chat_id}")
        return group

    def _members(self, group: Group, named: bool) -> list[dict[str, Any]]:
        owner = self._corps.member(group.corpid, group.owner)
        rows: list[dict[str, Any]] = [
            {"userid": group.owner, "type": 1, "join_time": group.created, "join_scene": 1}
        ]
        if named and owner is not None:
            rows[0]["name"] = owner.name
        extra = {one["userid"]: one for one in group.joined}
        for external in group.customers():
            late = extra.get(external, {})
            row: dict[str, Any] = {
                "userid": external,
                "type": 2,
                "unionid": self._union(group.corpid, external),
                "join_time": late.get("join_time", group.created),
                "join_scene": late.get("scene", 3),
                "group_nickname": "",
            }
            if late.get("state"):
                row["state"] = late["state"]
            if named:
                row["name"] = f"书友{external[2:6]}"
            rows.append(row)
        return rows

    def _union(self, corpid: str, external: str) -> str:
        customer = self._corps.customer(corpid, external)
        return customer.unionid if customer else union_id(external)


def version_text(version: int) -> str:
    """Versions are opaque texts on the wire."""
    return f"{version:032x}"
