"""The room's console blueprint and its words."""

from __future__ import annotations

from flask import Blueprint

from contentcenter.console.labels import Label, add_labels

blueprint = Blueprint("recommend_console", "recommend", template_folder="templates")

add_labels(
    "persona_field",
    {
        "interests": Label("兴趣中心"),
        "categories": Label("分类偏好"),
        "tags": Label("标签偏好"),
        "price": Label("购买力"),
        "price_sensitivity": Label("价格敏感"),
        "reading_age": Label("阅读年龄"),
        "active_hours": Label("活跃时段"),
        "fatigue": Label("疲劳"),
    },
)
add_labels(
    "persona_origin",
    {
        "declared": Label("申报", "blue"),
        "learned": Label("习得", "green"),
        "blended": Label("申报 + 习得", "brand"),
        "override": Label("手工设定", "seal"),
        "default": Label("默认", "gray"),
    },
)
