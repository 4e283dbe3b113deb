"""Chinese words and tones for the codes of the domain. A tone is a colour of the style sheet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from contentcenter.console.language import current_language, t
from contentcenter.domain.categories import category_label


@dataclass(frozen=True)
class Label:
    text: str
    tone: str = "gray"
    icon: str = ""


ITEM_STATES = {
    "received": Label("处理中", "blue"),
    "ready": Label("待审核", "amber"),
    "published": Label("已发布", "green"),
    "rejected": Label("已退回", "seal"),
    "withdrawn": Label("已撤下", "gray"),
    "failed": Label("处理失败", "seal"),
}
ITEM_KINDS = {
    "ugc": Label("用户内容", "violet"),
    "pgc": Label("编辑内容", "brand"),
    "supplier": Label("供应商", "blue"),
}
ITEM_FORMS = {
    "article": Label("文章"),
    "note": Label("笔记"),
    "introduction": Label("图书介绍"),
    "list": Label("书单"),
    "excerpt": Label("书摘"),
}
TAG_ORIGINS = {
    "editor": Label("编辑", "brand"),
    "supplier": Label("供应商", "blue"),
    "author": Label("作者", "violet"),
    "suggested": Label("建议", "amber"),
    "isbn": Label("ISBN", "blue"),
    "title": Label("书名", "amber"),
}
POST_STATES = {
    "planned": Label("待批准", "amber", "clock"),
    "approved": Label("已批准", "brand", "check2"),
    "sending": Label("发送中", "blue", "send"),
    "unknown": Label("结果待查", "violet", "search"),
    "sent": Label("已提交平台", "blue", "send"),
    "waiting_owner": Label("等群主确认", "clay", "people"),
    "delivered": Label("已送达", "green", "check2-all"),
    "refused": Label("平台拒绝", "seal", "slash-circle"),
    "failed": Label("失败", "seal", "exclamation-triangle"),
    "cancelled": Label("已取消", "gray", "x"),
}
CHANNEL_KINDS = {
    "official_account": Label("公众号", "green", "wechat"),
    "wecom_customers": Label("企业微信·客户", "blue", "person-circle"),
    "wecom_groups": Label("企业微信·客户群", "brand", "people"),
    "group_robot": Label("群机器人", "violet", "robot"),
    "in_app": Label("站内", "gray", "phone"),
}
CHANNEL_STATES = {
    "active": Label("正常", "green"),
    "paused": Label("已暂停", "gray"),
    "attention": Label("需要处理", "seal"),
}
AUDIENCE_KINDS = {
    "followers": Label("全部粉丝", "green"),
    "tag": Label("粉丝标签", "green"),
    "customers": Label("客户", "blue"),
    "group": Label("客户群", "brand"),
    "internal_group": Label("内部群", "violet"),
}
AUDIENCE_STATES = {"active": Label("运营中", "green"), "paused": Label("已暂停", "gray")}
IMPORT_STATES = {
    "uploaded": Label("已上传", "blue"),
    "running": Label("导入中", "amber"),
    "done": Label("已完成", "green"),
    "failed": Label("已中断", "seal"),
}
PLAN_STATES = {
    "requested": Label("排队中", "blue"),
    "running": Label("计算中", "amber"),
    "done": Label("已完成", "green"),
    "failed": Label("失败", "seal"),
}
ROLES = {
    "editor": Label("内容编辑", "brand"),
    "operator": Label("社群运营", "blue"),
    "admin": Label("管理员", "seal"),
    "viewer": Label("只读", "gray"),
}
SCOPES = {
    "read": Label("查看"),
    "content": Label("录入与修改内容"),
    "approve": Label("审核内容"),
    "distribute": Label("触达、排期与推文"),
    "events": Label("上报行为、取信息流"),
    "admin": Label("管理用户与密钥"),
}
EVENTS = {
    "impression": Label("曝光"),
    "click": Label("点击"),
    "favourite": Label("收藏"),
    "cart": Label("加购"),
    "order": Label("下单"),
    "refund": Label("退款"),
    "join": Label("加入"),
    "leave": Label("离开"),
    "dislike": Label("不感兴趣"),
    "mute": Label("免打扰"),
}
# Actions of the audit log.
ACTIONS = {
    "user_created": Label("创建用户"),
    "password_set": Label("重设密码"),
    "key_created": Label("创建密钥"),
    "key_revoked": Label("吊销密钥"),
}
GROUPS: dict[str, dict[str, Label]] = {
    "item_state": ITEM_STATES,
    "item_kind": ITEM_KINDS,
    "item_form": ITEM_FORMS,
    "tag_origin": TAG_ORIGINS,
    "post_state": POST_STATES,
    "channel_kind": CHANNEL_KINDS,
    "channel_state": CHANNEL_STATES,
    "audience_kind": AUDIENCE_KINDS,
    "audience_state": AUDIENCE_STATES,
    "import_state": IMPORT_STATES,
    "plan_state": PLAN_STATES,
    "role": ROLES,
    "scope": SCOPES,
    "event": EVENTS,
    "action": ACTIONS,
}


def label(group: str, code: str) -> Label:
    """The label of a code in the person's language; an unknown code is shown as it is."""
    found = GROUPS[group].get(str(code))
    if found is None:
        return Label(str(code))
    return Label(t(found.text), found.tone, found.icon)


def add_labels(group: str, labels: dict[str, Label]) -> None:
    """For a room's own codes (reasons, actions). Called when the room's console is imported."""
    GROUPS.setdefault(group, {}).update(labels)


def category(code: str) -> str:
    return category_label(code, current_language())


# Details of the audit log that tell a person something; the rest is for machines.
DETAILS = {
    "reason": Label("理由"),
    "fields": Label("改了"),
    "source": Label("来源"),
    "category": Label("分类"),
    "tags": Label("标签"),
    "field": Label("字段"),
    "kind": Label("类型"),
    "filename": Label("文件"),
    "added": Label("新增"),
    "removed": Label("删去"),
}
FIELDS = {
    "text": Label("文字"),
    "title": Label("标题"),
    "author": Label("作者"),
    "form": Label("体裁"),
    "cover": Label("封面"),
    "category": Label("分类"),
    "tags": Label("标签"),
    "books": Label("图书"),
    "rights": Label("授权"),
}


def told(details: Mapping[str, Any]) -> str:
    """The details of a trail line in words; empty when there is nothing worth saying."""
    parts = [
        f"{t(DETAILS[key].text)}：{words}"
        for key, value in details.items()
        if key in DETAILS and (words := _detail(key, value))
    ]
    return " · ".join(parts)


def _detail(key: str, value: Any) -> str:
    if key == "category":
        return category(str(value))
    if isinstance(value, Mapping):
        return "、".join(str(name) for name in value)
    if isinstance(value, list):
        return "、".join(_field(str(one)) for one in value)
    return str(value or "")[:160]


def _field(name: str) -> str:
    found = FIELDS.get(name)
    return name if found is None else t(found.text)
