"""`POST /admin/setup`: accounts, enterprises, people and settings from one JSON document.

Idempotent: the same document twice changes nothing the second time; what the twin has
learnt since (versions, tags, who left) stays.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from sandbox.official.accounts import Account, Follower
from sandbox.wecom.corps import Corp, CorpTag, Customer, Group, Member, Robot, union_id

if TYPE_CHECKING:
    from sandbox.twin import Twin

_ACCOUNT_FIELDS = (
    "secret",
    "name",
    "account_type",
    "verified",
    "callback_url",
    "token",
    "aes_key",
    "protected",
    "comment_right",
    "ip_whitelist",
    "publish_result",
    "mass_result",
    "hidden",
    "quotas",
)
_CORP_FIELDS = (
    "secret",
    "agentid",
    "name",
    "callback_url",
    "token",
    "aes_key",
    "contact_right",
    "trusted_ips",
    "mass_rule",
    "auto_confirm",
    "admin_approval",
)


def apply_setup(twin: Twin, document: dict[str, Any]) -> dict[str, int]:
    """Apply the document; how many of each kind it named. ValueError says what is wrong."""
    with twin.store.lock:
        twin.apply_settings(document.get("settings") or {})
        counts = {"official_accounts": 0, "corps": 0}
        for raw in document.get("official_accounts") or []:
            _account(twin, raw)
            counts["official_accounts"] += 1
        for raw in document.get("corps") or []:
            _corp(twin, raw)
            counts["corps"] += 1
        if document.get("readers"):
            twin.simulator.configure(document["readers"])
        twin.register_receivers()
    return counts


def _account(twin: Twin, raw: dict[str, Any]) -> None:
    appid = _need(raw, "appid")
    account = twin.accounts.table.get(appid) or Account(appid, _need(raw, "secret"), appid)
    _copy(account, raw, _ACCOUNT_FIELDS)
    if account.account_type not in ("SUB", "SVC"):
        raise ValueError(f"account_type of {appid} must be SUB or SVC")
    people = raw.get("followers", account.followers)
    listed = people if isinstance(people, list) else []
    if not listed:
        account.followers = int(people or 0)
    twin.accounts.put(account)
    for one in listed:
        _follower(twin, appid, one)


def _follower(twin: Twin, appid: str, raw: dict[str, Any]) -> None:
    openid = _need(raw, "openid")
    follower = twin.accounts.follower(appid, openid)
    new = follower is None
    follower = follower or Follower(appid, openid, since=twin.clock.now())
    follower.unionid = str(raw.get("unionid", follower.unionid))
    follower.hidden = raw.get("hidden", follower.hidden)
    follower.refuses = bool(raw.get("refuses", follower.refuses))
    if new or "subscribed" in raw:
        follower.subscribed = bool(raw.get("subscribed", True))
    tags = [
        tag if isinstance(tag, int) else twin.accounts.named_tag(appid, str(tag)).id
        for tag in raw.get("tags", [])
    ]
    follower.tags = list(dict.fromkeys([*follower.tags, *tags]))
    twin.accounts.save(follower)


def _corp(twin: Twin, raw: dict[str, Any]) -> None:
    corpid = _need(raw, "corpid")
    corp = twin.corps.table.get(corpid) or Corp(corpid, _need(raw, "secret"), 1_000_002, corpid)
    _copy(corp, raw, _CORP_FIELDS)
    if corp.mass_rule not in ("month_days", "weekly", "daily"):
        raise ValueError(f"mass_rule of {corpid} must be month_days, weekly or daily")
    twin.corps.table.put(corpid, corp)
    for one in raw.get("members") or []:
        userid = _need(one, "userid")
        member = Member(
            corpid, userid, str(one.get("name", userid)), bool(one.get("visible", True))
        )
        twin.corps.members.put(f"{corpid}/{userid}", member)
    for one in raw.get("tags") or []:
        _tag(twin, corpid, one)
    for one in raw.get("groups") or []:
        _group(twin, corpid, one)
    for one in raw.get("customers") or []:
        _customer(twin, corpid, one)
    for one in raw.get("robots") or []:
        _robot(twin, corpid, one)


def _group(twin: Twin, corpid: str, raw: dict[str, Any]) -> None:
    chat_id = _need(raw, "chat_id")
    owner = _need(raw, "owner")
    if twin.corps.member(corpid, owner) is None:
        raise ValueError(f"owner {owner} of group {chat_id} is no member")
    group = twin.corps.group(corpid, chat_id)
    if group is None:
        group = Group(corpid, chat_id, chat_id, owner, 0, twin.clock.seconds())
    group.name = str(raw.get("name", group.name))
    group.notice = str(raw.get("notice", group.notice))
    group.size = int(raw.get("size", group.size))
    group.hidden = hidden_of(raw) or group.hidden
    known = {one["userid"] for one in group.joined} | set(group.left)
    group.joined += [
        {"userid": str(one), "join_time": group.created, "scene": 3, "state": ""}
        for one in raw.get("members", [])
        if one not in known
    ]
    _move_owner(twin, group, owner)


def _move_owner(twin: Twin, group: Group, owner: str) -> None:
    """put_group finds the old owner in the stored row, so the row is replaced, not edited."""
    fields = {**vars(group), "owner": owner}
    twin.corps.put_group(Group(**fields))


def _customer(twin: Twin, corpid: str, raw: dict[str, Any]) -> None:
    external = _need(raw, "external_userid")
    follow_users = raw.get("follow_userid", [])
    users = [follow_users] if isinstance(follow_users, str) else list(follow_users)
    old = twin.corps.customer(corpid, external)
    follows = list(old.follows) if old else []
    for userid in users:
        if not any(one["userid"] == userid for one in follows):
            follows.append(
                {
                    "userid": userid,
                    "createtime": twin.clock.seconds(),
                    "remark": "",
                    "state": str(raw.get("state", "")),
                    "add_way": 1,
                    "tags": list(raw.get("tags", [])),
                }
            )
    customer = Customer(
        corpid=corpid,
        external_userid=external,
        name=str(raw.get("name", f"书友{external[-4:]}")),
        unionid=str(raw.get("unionid", union_id(external))),
        follows=follows,
        last_chat=users[0] if users else (old.last_chat if old else ""),
        hidden=hidden_of(raw) or (old.hidden if old else {}),
    )
    twin.corps.put_customer(customer)


def _robot(twin: Twin, corpid: str, raw: dict[str, Any]) -> None:
    key = _need(raw, "key")
    robot = Robot(
        corpid=corpid,
        key=key,
        name=str(raw.get("name", key)),
        disabled=bool(raw.get("disabled", False)),
        size=int(raw.get("size", 20)),
        hidden=hidden_of(raw),
    )
    twin.corps.robots.put(key, robot)


def _tag(twin: Twin, corpid: str, raw: dict[str, Any]) -> None:
    group_name = str(raw.get("group", "标签"))
    group_id = "et" + hashlib.sha256(f"{corpid}/{group_name}".encode()).hexdigest()[:16]
    tag_id = _need(raw, "id")
    tag = CorpTag(corpid, tag_id, str(raw.get("name", tag_id)), group_id, group_name)
    twin.corps.tags.put(f"{corpid}/{tag_id}", tag)


def hidden_of(raw: dict[str, Any]) -> dict[str, Any]:
    """The hidden taste: `hidden`, or single keys `hidden_topics`, `hidden_budget_fen` ..."""
    hidden = dict(raw.get("hidden") or {})
    for name, value in raw.items():
        if name.startswith("hidden_"):
            short = name.removeprefix("hidden_")
            hidden["topics" if short == "taste" else short] = value
    return hidden


def _copy(target: Any, raw: dict[str, Any], names: tuple[str, ...]) -> None:
    for name in names:
        if name in raw:
            wanted, kind = raw[name], type(getattr(target, name))
            if not isinstance(wanted, kind):
                raise ValueError(f"{name} must be of type {kind.__name__}")
            setattr(target, name, wanted)


def _need(raw: Any, name: str) -> str:
    value = raw.get(name) if isinstance(raw, dict) else None
    if not isinstance(value, str) or not value:
        raise ValueError(f"missing {name}")
    return value
