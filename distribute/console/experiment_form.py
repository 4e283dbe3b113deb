"""What people type about an experiment, as a draft. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from contentcenter.console.language import t
from contentcenter.domain.errors import InvalidInput
from distribute.console.experiment_words import weight_labels
from distribute.console.forms import Form, decimal, whole
from distribute.experiments.draft import Arm, Draft
from distribute.experiments.outcomes import Metric
from distribute.experiments.strategy import BASE, Layer, strategy_from
from distribute.experiments.tables import ExperimentKind

ARM_ROWS = 3
BASE_NAME = "原来的做法"
_WEIGHT = re.compile(r"^\s*([^=:：＝]+?)\s*[=:：＝]\s*([0-9.]+)\s*$")


def draft_from(form: Form, audience_ids: Sequence[int]) -> Draft:
    """`InvalidInput` names the field. Percentages are typed as such; the base gets what the
    others leave."""
    arms = [arm for row in range(1, ARM_ROWS + 1) if (arm := _arm(form, row)) is not None]
    if not arms:
        raise InvalidInput(t("至少写一种新做法"), field="name-1")
    rest = 1.0 - sum(arm.share for arm in arms)
    uplift = decimal(form, "uplift")
    return Draft(
        name=form.get("name", ""),
        hypothesis=form.get("hypothesis", ""),
        layer=Layer(_choice(form, "layer", list(Layer))),
        metric=Metric(_choice(form, "metric", list(Metric))),
        kind=ExperimentKind(_choice(form, "kind", list(ExperimentKind))),
        arms=[Arm(t(BASE_NAME), round(rest, 6), BASE), *arms],
        days=whole(form, "days") or 28,
        uplift=None if uplift is None else uplift / 100,
        floor=(decimal(form, "floor") or 10.0) / 100,
        audience_ids=audience_ids,
    )


def _arm(form: Form, row: int) -> Arm | None:
    """One row of the arms; a row without a name is no arm."""
    name = form.get(f"name-{row}", "").strip()
    if not name:
        return None
    share = decimal(form, f"share-{row}")
    if not share:
        raise InvalidInput(t("请填写“{name}”的占比", name=name), field=f"share-{row}")
    settings: dict[str, Any] = {
        "match": weights_from(form.get(f"match-{row}", "")),
        "copy_style": form.get(f"style-{row}", ""),
        "slot_shift_minutes": _minutes(form.get(f"shift-{row}", "")),
    }
    return Arm(name, share / 100, strategy_from(settings))


def weights_from(text: str) -> dict[str, float]:
    """`价格合适=0.8；新鲜=0.3` as weights by name. They may be called what the page calls them
    or what the API does."""
    found: dict[str, float] = {}
    for piece in (part for part in re.split(r"[;；,，\n]+", text) if part.strip()):
        match = _WEIGHT.match(piece)
        if match is None or match[2].count(".") > 1 or match[2] == ".":
            raise InvalidInput(t("{value} 不是“名称=数字”", value=piece.strip()), field="match")
        found[_weight_name(match[1])] = float(match[2])
    return found


def _weight_name(typed: str) -> str:
    labels = weight_labels()
    name = labels.get(typed, typed)
    if name not in labels.values():
        names = t("、").join(labels)
        text = t("没有叫“{name}”的匹配权重；可以用：{names}", name=typed, names=names)
        raise InvalidInput(text, field="match")
    return name


def _minutes(text: str) -> int:
    try:
        return int(text.strip() or 0)
    except ValueError as error:
        raise InvalidInput(t("{value} 不是整数", value=text), field="shift") from error


def _choice(form: Form, name: str, allowed: Sequence[str]) -> str:
    value = form.get(name, "")
    if value not in allowed:
        raise InvalidInput(t("{value} 不在允许的范围", value=value), field=name)
    return value
