"""Customers, their followers and tags (section 7)."""

from __future__ import annotations

import secrets
from typing import Any

from sandbox.clock import Clock
from sandbox.wecom.corps import Corps, CorpTag, Customer
from sandbox.wecom.paging import paged
from sandbox.wire import Call, JsonObject, PlatformError, int_of, list_of, strings_of, text_of


class Contacts:
    def __init__(self, corps: Corps, clock: Clock) -> None:
        self._corps = corps
        self._clock = clock

    def follow_users(self, call: Call) -> JsonObject:
        return {"follow_user": [m.userid for m in self._corps.members_of(call.owner) if m.visible]}

    def listed(self, call: Call) -> JsonObject:
        userid = call.args.get("userid", "")
        if not userid:
            raise PlatformError(40058, "missing userid")
        member = self._corps.need_member(call.owner, userid)
        people = self._corps.customers_of(call.owner, member.userid)
        if not people:
            raise PlatformError(84061, "not external contact")
        return {"external_userid": people}

    def get(self, call: Call) -> JsonObject:
        customer = self._need(call.owner, call.args.get("external_userid", ""))
        return {
            "external_contact": _contact(customer),
            "follow_user": customer.follows,
            "next_cursor": "",
        }

    def batch(self, call: Call) -> JsonObject:
        users = strings_of(call.body, "userid_list", 40058)
        limit = int_of(call.body, "limit", 50, 40058)
        if not 1 <= len(users) <= 100 or not 1 <= limit <= 100:
            raise PlatformError(40058, "invalid userid_list or limit")
        pairs = [
            (userid, external)
            for userid in users
            for external in self._corps.customers_of(
                call.owner, self._corps.need_member(call.owner, userid).userid
            )
        ]
        page, cursor = paged(pairs, text_of(call.body, "cursor", 40058), limit)
        rows = []
        for userid, external in page:
            customer = self._need(call.owner, external)
            rows.append(
                {
                    "external_contact": _contact(customer),
                    "follow_info": customer.followed_by(userid),
                }
            )
        return {"external_contact_list": rows, "next_cursor": cursor}

    def mark_tag(self, call: Call) -> JsonObject:
        """Absolute: adding a tag twice, or removing a missing one, is no error."""
        userid = text_of(call.body, "userid", 40058)
        self._corps.need_member(call.owner, userid)
        customer = self._need(call.owner, text_of(call.body, "external_userid", 40096))
        follow = customer.followed_by(userid)
        if follow is None:
            raise PlatformError(84061, "not external contact")
        adding = strings_of(call.body, "add_tag", 40058)
        removing = set(strings_of(call.body, "remove_tag", 40058))
        for tag in adding:
            if self._corps.tags.get(f"{call.owner}/{tag}") is None:
                raise PlatformError(40068, "invalid tag id")
        kept = [tag for tag in follow.get("tags", []) if tag not in removing]
        follow["tags"] = list(dict.fromkeys([*kept, *adding]))
        self._corps.put_customer(customer)
        return {}

    def tag_list(self, call: Call) -> JsonObject:
        groups: dict[str, dict[str, Any]] = {}
        for tag in self._corps.tags:
            if tag.corpid == call.owner:
                group = groups.setdefault(
                    tag.group_id,
                    {"group_id": tag.group_id, "group_name": tag.group_name, "tag": []},
                )
                group["tag"].append({"id": tag.id, "name": tag.name})
        return {"tag_group": list(groups.values())}

    def add_tags(self, call: Call) -> JsonObject:
        group_name = text_of(call.body, "group_name", 40058)
        group_id = text_of(call.body, "group_id", 40058) or f"et{secrets.token_hex(8)}"
        made = []
        for raw in list_of(call.body, "tag", 40058):
            name = text_of(raw, "name", 40058) if isinstance(raw, dict) else ""
            if not name or len(name) > 30:
                raise PlatformError(40058, "invalid tag name")
            tag = CorpTag(call.owner, f"et{secrets.token_hex(8)}", name, group_id, group_name)
            self._corps.tags.put(f"{call.owner}/{tag.id}", tag)
            made.append({"id": tag.id, "name": name})
        return {"tag_group": {"group_id": group_id, "group_name": group_name, "tag": made}}

    def _need(self, corpid: str, external: str) -> Customer:
        customer = self._corps.customer(corpid, external)
        if customer is None or not customer.follows:
            raise PlatformError(40096, "invalid external userid")
        return customer


def _contact(customer: Customer) -> dict[str, Any]:
    contact = {
        "external_userid": customer.external_userid,
        "name": customer.name,
        "type": 1,
        "gender": 0,
        "avatar": "",
    }
    if customer.unionid:
        contact["unionid"] = customer.unionid
    return contact
