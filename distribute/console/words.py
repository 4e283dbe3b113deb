"""What the machine's reasons mean, in words an operator can act on."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from contentcenter.console.labels import Label, add_labels, label
from contentcenter.console.language import t

REASONS: dict[str, Label] = {
    "cap_zero": Label("上限设为 0，什么都不发"),
    "cap_day": Label("当天已发满 {cap} 条"),
    "cap_week": Label("本周已发满 {cap} 条"),
    "cool_down": Label("离另一条太近，还在冷却"),
    "quiet_hours": Label("处在安静时段 {from}–{until}"),
    "slot_taken": Label("这个档期已有推文"),
    "quota": Label("平台配额已用完"),
    "no_candidates": Label("没有可用的内容"),
    "none_left": Label("看过的 {looked_at} 篇都不能用"),
    "below_floor": Label("最好的一篇也不够合适"),
    "told_before": Label("这个对象已经收到过"),
    "work_recently": Label("{days} 天内说过同一部作品"),
    "rights": Label("授权不覆盖"),
    "work_share": Label("同一作品当天占比已满"),
    "category_day": Label("同类内容当天已够多"),
    "lower_score": Label("分数低于选中的一篇"),
    "not_published": Label("内容已不在发布状态"),
    "out_of_stock": Label("关联图书无货"),
    "price_ceiling": Label("书价高于上限"),
    "rights_closed": Label("授权不在有效期"),
    "rights_channel": Label("授权不含这个渠道"),
    "facts_changed": Label("批准之后事实有变，需要重新批准"),
    "approved": Label("批准"),
    "planned": Label("排入计划"),
    "by_operator": Label("运营操作"),
    "retry": Label("再试一次"),
    "replaced": Label("被新计划替换"),
    "retold": Label("实验改了做法，重新排期"),
    "never_approved": Label("过了档期没有人批准"),
    "worker_lost": Label("发送中断，正在向平台查询结果"),
    "no_effect_proved": Label("查证没有发出，可以再发"),
    "found_by_probe": Label("查证已经发出"),
    "outcome_unknowable": Label("平台不能查询，为避免重复不再发送"),
    "owner_did_not_confirm": Label("群主一天内没有确认"),
    "rate": Label("平台限速，稍后继续"),
    "channel_off": Label("渠道没有启用"),
    "too_late": Label("错过档期太久"),
    "not_reachable": Label("平台说没有可以送达的客户"),
    "received_other_posts": Label("当天已收到别的群发"),
    "unknown_group": Label("平台上找不到这个群"),
    "cancelled_on_platform": Label("在平台上被取消"),
    "already_sent": Label("此前已经发出"),
    "internal_error": Label("系统内部出错"),
    "gave_up": Label("多次尝试都没有成功"),
    "no_answer": Label("平台没有回应，结果待查"),
}
# The same without their numbers, for a heading above a count.
SHORT = {
    "cap_day": "当天已满",
    "cap_week": "本周已满",
    "quiet_hours": "安静时段",
    "none_left": "候选都不能用",
    "work_recently": "近期说过同一作品",
}
FACTS: dict[str, Label] = {
    "text": Label("推文文字"),
    "source_text": Label("原文"),
    "prices": Label("价格"),
    "in_stock": Label("库存"),
    "rights": Label("授权"),
    "published": Label("发布状态"),
}
_BLANKS = re.compile(r"\{(\w+)\}")

add_labels("reason", REASONS)
add_labels("fact", FACTS)
add_labels(
    "action",
    {
        "created": Label("创建"),
        "active": Label("恢复"),
        "paused": Label("暂停"),
        "stopped": Label("自动停用"),
        "cancelled": Label("取消"),
        "retried": Label("再试"),
        "requested": Label("提交计划"),
        "persona.override": Label("手工设定画像"),
        "persona.release": Label("画像交还系统"),
    },
)


def reason_text(code: str, details: Mapping[str, Any] | None = None) -> str:
    """The reason in words, with its numbers; an unknown code is shown as it is."""
    if code not in REASONS:
        return label("reason", code).text
    values = {key: str(value) for key, value in (details or {}).items()}
    if not set(_BLANKS.findall(REASONS[code].text)) <= set(values):
        return t(SHORT[code])
    return t(REASONS[code].text, **values)
