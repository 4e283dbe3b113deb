"""Followers and tags (contract, section 9)."""

from __future__ import annotations

from typing import Any

from sandbox.official.accounts import Accounts, Follower, Tag
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

PAGE, TAGS_MAX, TAG_BYTES, TAGGED_MAX, TAGS_PER_USER = 10_000, 100, 30, 50, 20
SYSTEM_TAGS = (0, 1, 2)
OK: JsonObject = {"errcode": 0, "errmsg": "ok"}


class People:
    def __init__(self, accounts: Accounts) -> None:
        self._accounts = accounts

    def info(self, call: Call) -> JsonObject:
        openid = call.args.get("openid", "")
        return described(self._accounts.need_follower(call.owner, openid))

    def info_batch(self, call: Call) -> JsonObject:
        wanted = list_of(call.body, "user_list", 40003)
        if not 1 <= len(wanted) <= 100:
            raise PlatformError(40032, "invalid openid list size")
        found = [
            described(self._accounts.need_follower(call.owner, str(one.get("openid", ""))))
            for one in wanted
            if isinstance(one, dict)
        ]
        return {"user_info_list": found}

    def get(self, call: Call) -> JsonObject:
        fans = [one.openid for one in self._accounts.fans(call.owner)]
        return _page(fans, call.args.get("next_openid", ""))

    def tag_users(self, call: Call) -> JsonObject:
        tag = self._tag(call.owner, int_of(call.body, "tagid", -1, 45159))
        fans = [one.openid for one in self._accounts.fans(call.owner, tag.id)]
        page = _page(fans, text_of(call.body, "next_openid", 40003))
        page.pop("total")
        return page

    def tag_create(self, call: Call) -> JsonObject:
        name = self._new_name(call)
        if len(self._accounts.account_tags(call.owner)) >= TAGS_MAX:
            raise PlatformError(45056, "too many tags")
        tag = self._accounts.new_tag(call.owner, name)
        return {"tag": {"id": tag.id, "name": tag.name}}

    def tag_list(self, call: Call) -> JsonObject:
        tags = [
            {"id": t.id, "name": t.name, "count": len(self._accounts.fans(call.owner, t.id))}
            for t in self._accounts.account_tags(call.owner)
        ]
        return {"tags": tags}

    def tag_update(self, call: Call) -> JsonObject:
        tag = self._own_tag(call)
        tag.name = self._new_name(call)
        self._accounts.tags.put(f"{call.owner}/{tag.id}", tag)
        return dict(OK)

    def tag_delete(self, call: Call) -> JsonObject:
        tag = self._own_tag(call)
        fans = self._accounts.fans(call.owner, tag.id)
        if len(fans) > 100_000:
            raise PlatformError(45057, "tag has too many fans to be deleted")
        for fan in fans:
            fan.tags = [one for one in fan.tags if one != tag.id]
            self._accounts.save(fan)
        self._accounts.tags.drop(f"{call.owner}/{tag.id}")
        return dict(OK)

    def batch_tag(self, call: Call) -> JsonObject:
        return self._mark(call, adding=True)

    def batch_untag(self, call: Call) -> JsonObject:
        return self._mark(call, adding=False)

    def tags_of(self, call: Call) -> JsonObject:
        openid = text_of(call.body, "openid", 40003)
        return {"tagid_list": self._accounts.need_follower(call.owner, openid).tags}

    def _mark(self, call: Call, adding: bool) -> JsonObject:
        openids = strings_of(call.body, "openid_list", 40003)
        if not 1 <= len(openids) <= TAGGED_MAX:
            raise PlatformError(40032, "invalid openid list size")
        tag = self._tag(call.owner, int_of(call.body, "tagid", -1, 45159))
        people = [self._accounts.follower(call.owner, one) for one in openids]
        found = [one for one in people if one is not None and one.subscribed]
        if len(found) < len(openids):
            raise PlatformError(49003, "openid does not belong to this account")
        if adding and any(len({*one.tags, tag.id}) > TAGS_PER_USER for one in found):
            raise PlatformError(45059, "user has too many tags")
        for one in found:
            rest = [number for number in one.tags if number != tag.id]
            one.tags = [*rest, tag.id] if adding else rest
            self._accounts.save(one)
        return dict(OK)

    def _own_tag(self, call: Call) -> Tag:
        number = int_of(object_of(call.body, "tag", 45159), "id", -1, 45159)
        if number in SYSTEM_TAGS:
            raise PlatformError(45058, "system tags cannot be changed")
        return self._tag(call.owner, number)

    def _tag(self, appid: str, number: int) -> Tag:
        tag = self._accounts.find_tag(appid, number)
        if tag is None:
            raise PlatformError(45159, "invalid tag id")
        return tag

    def _new_name(self, call: Call) -> str:
        name = text_of(object_of(call.body, "tag", 45158), "name", 45158).strip()
        if not name or len(name.encode()) > TAG_BYTES:
            raise PlatformError(45158, "invalid tag name length")
        if any(tag.name == name for tag in self._accounts.account_tags(call.owner)):
            raise PlatformError(45157, "tag name is already used")
        return name


def described(follower: Follower) -> dict[str, Any]:
    """user/info; a stranger shows nothing but subscribe=0."""
    if not follower.subscribed:
        return {"subscribe": 0, "openid": follower.openid}
    answer = {
        "subscribe": 1,
        "openid": follower.openid,
        "language": "zh_CN",
        "subscribe_time": int(follower.since),
        "remark": "",
        "groupid": follower.tags[0] if follower.tags else 0,
        "tagid_list": follower.tags,
        "subscribe_scene": "ADD_SCENE_QR_CODE",
    }
    if follower.unionid:
        answer["unionid"] = follower.unionid
    return answer


def _page(openids: list[str], after: str) -> JsonObject:
    start = openids.index(after) + 1 if after in openids else 0
    page = openids[start : start + PAGE]
    return {
        "total": len(openids),
        "count": len(page),
        "data": {"openid": page},
        "next_openid": page[-1] if page else "",
    }
