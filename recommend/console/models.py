"""Learned models: versions by kind, the card of one beside what serves, promote and roll back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from contentcenter.console import charts
from contentcenter.console.labels import Label, add_labels
from contentcenter.console.language import t
from contentcenter.console.session import signed_in
from contentcenter.console.views.base import account
from contentcenter.domain.errors import InvalidInput, NotFound
from contentcenter.domain.roles import Scope
from recommend.console.base import blueprint
from recommend.ext import get_recommend
from recommend.matching.model import WeightsFrom
from recommend.models import ModelInfo, ModelKind, ModelState

PAGE = "recommend_console.models"

add_labels(
    "model_kind",
    {
        ModelKind.CO_READING: Label("共读模型"),
        ModelKind.FEED_RANKING: Label("信息流排序"),
        ModelKind.MATCHING: Label("匹配模型"),
        ModelKind.CONTENT_BRIDGE: Label("新书桥接"),
    },
)
add_labels(
    "model_state",
    {
        ModelState.CANDIDATE: Label("候选", "amber"),
        ModelState.ACTIVE: Label("在用", "green"),
        ModelState.RETIRED: Label("已退役"),
    },
)
add_labels(
    "action",
    {"model.promoted": Label("启用了模型版本"), "model.rolled_back": Label("回退了模型版本")},
)
HINTS = {
    ModelKind.CO_READING: "读过这本的人还读什么。没有在用版本时，用共读次数。",
    ModelKind.FEED_RANKING: "给每个候选估计点击机会。没有在用版本时，用手工设定的权重。",
    ModelKind.MATCHING: "内容与触达对象的匹配。没有在用版本时，用手工设定的权重。",
    ModelKind.CONTENT_BRIDGE: "没有人读过的新书，从内容推到读者。没有在用版本时，只看内容相近。",
}


# Words of a card; what is not here is shown as the training calls it.
WORDS = {
    "choices": "选择次数",
    "checked": "检验次数",
    "learned": "学到了新权重",
    "weights_from": "权重来自",
    "choices_needed": "至少需要",
    "loss": "损失",
    "before": "之前",
    "after": "之后",
    "weights": "权重",
    "items": "内容篇数",
    "seconds": "训练用时（秒）",
    "True": "是",
    "False": "否",
    "prior": "手工设定",
    "kept": "以前学到的",
}
NOTES = {
    WeightsFrom.LEARNED: "权重从读者的 {choices} 次选择学来，另用 {checked} 次检验。",
    WeightsFrom.PRIOR: "权重不是学来的，是手工设定的先验：只有 {choices} 次选择和 {checked} 次检验"
    "（至少要 {least} 和 {least_checked} 次）。只有词语统计来自本目录的 {items} 篇内容。",
    WeightsFrom.KEPT: "权重沿用以前学到的：新的选择只有 {choices} 次，检验 {checked} 次"
    "（至少要 {least} 和 {least_checked} 次）。词语统计是新的，来自 {items} 篇内容。",
}


@dataclass(frozen=True)
class Figure:
    """One line of a card: its path, what this version says and what the serving one says."""

    name: str
    value: str
    active: str
    changed: bool


@blueprint.get("/models")
@signed_in(Scope.READ)
def models() -> str:
    registry = get_recommend().models
    versions = {kind: registry.versions(kind) for kind in ModelKind}
    return render_template(
        "recommend/models.html",
        versions=versions,
        hints=HINTS,
        note=note_of,
        returnable={
            kind: any(one.state is ModelState.RETIRED for one in kept)
            for kind, kept in versions.items()
        },
    )


@blueprint.get("/models/<kind>/<int:version>")
@signed_in(Scope.READ)
def model(kind: str, version: int) -> str:
    """One version with everything its card says, beside the version that serves."""
    known = _kind(kind)
    registry = get_recommend().models
    one = _version(registry.versions(known), version)
    active = registry.active(known)
    other = active if active is not None and active.version != version else None
    return render_template(
        "recommend/model.html",
        one=one,
        other=other,
        figures=_figures(one, other),
        note=note_of(one),
    )


@blueprint.post("/models/<kind>/promote")
@signed_in(Scope.ADMIN)
def promote_model(kind: str) -> Response:
    known, version = _kind(kind), request.form.get("version", type=int)
    if version is None:
        raise InvalidInput(t("请选择一个版本"), field="version")
    get_recommend().models.promote(known, version, account().name)
    flash(t("版本 {version} 已启用，十几秒内在所有进程生效", version=version), "ok")
    return redirect(url_for(PAGE))


@blueprint.post("/models/<kind>/roll-back")
@signed_in(Scope.ADMIN)
def roll_back_model(kind: str) -> Response:
    version = get_recommend().models.roll_back(_kind(kind), account().name)
    flash(t("已回退到版本 {version}", version=version), "ok")
    return redirect(url_for(PAGE))


def _kind(name: str) -> ModelKind:
    if name not in set(ModelKind):
        raise NotFound(t("没有这种模型"), kind=name)
    return ModelKind(name)


def _version(kept: list[ModelInfo], version: int) -> ModelInfo:
    found = next((one for one in kept if one.version == version), None)
    if found is None:
        raise NotFound(t("版本 {version} 已不保留", version=version), version=version)
    return found


def note_of(one: ModelInfo) -> str:
    """What a version of matching has learned and what not; empty for other kinds, and for
    cards that do not say it."""
    origin, needed = one.card.get("weights_from"), one.card.get("choices_needed", {})
    if one.kind is not ModelKind.MATCHING or origin not in set(WeightsFrom):
        return ""
    return t(
        NOTES[WeightsFrom(origin)],
        choices=one.card.get("choices", 0),
        checked=one.card.get("checked", 0),
        least=needed.get("choices", 0),
        least_checked=needed.get("checked", 0),
        items=one.card.get("items", 0),
    )


def _figures(one: ModelInfo, other: ModelInfo | None) -> list[Figure]:
    mine = dict(_flat(one.card))
    theirs = dict(_flat(other.card)) if other is not None else {}
    return [
        Figure(name, value, theirs.get(name, ""), bool(theirs) and theirs.get(name) != value)
        for name, value in mine.items()
    ]


def _flat(card: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, str]]:
    for name, value in card.items():
        path = f"{before} · {_word(name)}" if before else _word(name)
        if isinstance(value, Mapping):
            yield from _flat(value, path)
        elif isinstance(value, float):
            yield path, f"{value:.5g}"
        else:
            yield path, t(WORDS.get(str(value), str(value)))


def _word(name: str) -> str:
    return t(WORDS.get(name) or charts.PART_LABELS.get(name, name))
