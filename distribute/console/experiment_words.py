"""What the codes of experiments mean, and a strategy in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from contentcenter.console.charts import PART_LABELS
from contentcenter.console.formats import number, share, yuan
from contentcenter.console.labels import Label, add_labels, label
from contentcenter.console.language import t
from distribute.experiments.outcomes import Metric
from distribute.experiments.strategy import MATCH_WEIGHTS

add_labels(
    "experiment_state",
    {
        "draft": Label("草稿", "gray"),
        "running": Label("进行中", "green"),
        "stopped": Label("提前停止", "amber"),
        "finished": Label("到期结束", "brand"),
    },
)
add_labels(
    "experiment_layer",
    {"match": Label("选什么"), "copy": Label("怎么说"), "slot": Label("什么时候说")},
)
add_labels("experiment_kind", {"fixed": Label("固定对照"), "bandit": Label("自动调配")})
add_labels(
    "metric",
    {
        "clicks_per_impression": Label("每次曝光的点击"),
        "orders_per_reader": Label("每位读者每月净订单"),
        "net_revenue_per_reader": Label("每位读者每月净收入"),
        "leave_rate": Label("每月退群率"),
        "mute_rate": Label("每月免打扰率"),
    },
)
add_labels("copy_style", {"question": Label("提问开头"), "excerpt": Label("书摘开头")})
add_labels(
    "action",
    {
        "experiment.started": Label("开始实验"),
        "experiment.stopped": Label("停止实验"),
        "experiment.finished": Label("实验到期"),
        "experiment.paused": Label("护栏停下一组"),
    },
)


def weight_labels() -> dict[str, str]:
    """The weights of matching by what this page calls them."""
    return {t(PART_LABELS[name]): name for name in MATCH_WEIGHTS}


def strategy_words(strategy: Mapping[str, Any]) -> str:
    """What an arm does differently; the base does nothing differently."""
    told = [
        f"{t(PART_LABELS.get(name, name))} ×{value:g}"
        for name, value in (strategy.get("match") or {}).items()
    ]
    if strategy.get("copy_style"):
        told.append(label("copy_style", strategy["copy_style"]).text)
    minutes = int(strategy.get("slot_shift_minutes") or 0)
    if minutes:
        text = "晚 {count} 分钟" if minutes > 0 else "早 {count} 分钟"
        told.append(t(text, count=abs(minutes)))
    return " · ".join(told) or t("原来的做法")


def metric_value(metric: str, value: float) -> str:
    """A metric as people read it."""
    if metric == Metric.NET_REVENUE_PER_READER:
        return yuan(round(value))
    if metric == Metric.ORDERS_PER_READER:
        return number(round(value, 4))
    return share(value, 2)


def percent(value: float | None) -> str:
    """A relative difference with its sign."""
    return "—" if value is None else f"{value * 100:+.1f}%"
