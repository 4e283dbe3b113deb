"""What people type about audiences and slots, as the services want it. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from werkzeug.datastructures import MultiDict

from contentcenter.console.language import t
from contentcenter.domain.errors import InvalidInput
from distribute.audience_service import SlotView

Form = MultiDict[str, str]


def audience_fields(form: Form) -> dict[str, Any]:
    """Fields of an audience. Empty caps and ages mean "none"; 0 stays 0."""
    name = form.get("name", "").strip()
    if not name:
        raise InvalidInput(t("请填写名称"), field="name")
    return {
        "name": name,
        "description": form.get("description", "").strip(),
        "owner_userid": form.get("owner_userid", "").strip(),
        "size": whole(form, "size") or 0,
        "tags": names(form.get("tags", "")),
        "categories": form.getlist("categories"),
        "price_ceiling_fen": fen(form, "price_ceiling"),
        "reading_age": whole(form, "reading_age"),
        "quiet_from": form.get("quiet_from") or "22:30",
        "quiet_until": form.get("quiet_until") or "08:00",
        "cap_per_day": whole(form, "cap_per_day"),
        "cap_per_week": whole(form, "cap_per_week"),
        "cool_down_hours": decimal(form, "cool_down_hours") or 0.0,
        "auto_approve": form.get("auto_approve") == "on",
    }


def slots_from(form: Form) -> list[SlotView]:
    """Rows of the slots editor: `time-0`, `days-0`, `date-0`, `on-0` ... A row without a time
    is no slot; one with a time needs weekdays or a date."""
    found = []
    for number in range(len([name for name in form if name.startswith("time-")])):
        at = form.get(f"time-{number}", "").strip()
        if not at:
            continue
        on_date = form.get(f"date-{number}", "").strip()
        days = tuple(sorted(int(day) for day in form.getlist(f"days-{number}") if day.isdigit()))
        if not days and not on_date:
            raise InvalidInput(t("{time} 的档期要选星期或日期", time=at), field=f"days-{number}")
        active = form.get(f"on-{number}") == "on"
        found.append(SlotView(() if on_date else days, at, on_date, active))
    return found


def names(text: str) -> list[str]:
    parts = (name.strip() for name in re.split(r"[;；,，、|\n]+", text))
    return list(dict.fromkeys(name for name in parts if name))


def whole(form: Mapping[str, str], name: str) -> int | None:
    value = decimal(form, name)
    if value is not None and not value.is_integer():
        raise InvalidInput(t("{value} 不是整数", value=form.get(name)), field=name)
    return None if value is None else int(value)


def fen(form: Mapping[str, str], name: str) -> int | None:
    """Yuan as typed, in fen."""
    value = decimal(form, name)
    return None if value is None else round(value * 100)


def decimal(form: Mapping[str, str], name: str) -> float | None:
    text = form.get(name, "").strip()
    if not text:
        return None
    try:
        value = float(text)
    except ValueError as error:
        raise InvalidInput(t("{value} 不是数字", value=text), field=name) from error
    if not 0 <= value < 1e9:
        raise InvalidInput(t("{value} 不在允许的范围", value=text), field=name)
    return value
