"""Experiments: write one down, see what it can find, start, watch, stop."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isfinite

from flask import flash, make_response, redirect, render_template, request, url_for
from markupsafe import Markup
from werkzeug.wrappers import Response

from contentcenter.console import charts
from contentcenter.console.labels import label
from contentcenter.console.language import current_language, t
from contentcenter.console.session import signed_in
from contentcenter.console.views.base import account, console
from contentcenter.domain.errors import InvalidInput
from contentcenter.domain.roles import Scope
from contentcenter.store import audit
from distribute.console.base import blueprint
from distribute.console.experiment_form import ARM_ROWS, draft_from
from distribute.console.experiment_words import (
    metric_value,
    percent,
    strategy_words,
    weight_labels,
)
from distribute.experiments.analysis import Look
from distribute.experiments.outcomes import Metric
from distribute.experiments.review import SUBJECT
from distribute.experiments.strategy import Layer
from distribute.experiments.tables import ExperimentKind
from distribute.ext import get_distribute
from distribute.tailor.styles import CopyStyle

PAGE = 30
MOST_GROUPS = 10_000
FIRST_FORM = {"days": "28", "floor": "10", "share-1": "50"}


@blueprint.get("/experiments")
@signed_in(Scope.READ)
def experiments() -> str:
    before = request.args.get("before", type=int)
    found = get_distribute().experiments.list(before_id=before, limit=PAGE + 1)
    shown = found[:PAGE]
    return render_template(
        "distribute/experiments.html",
        experiments=shown,
        more=shown[-1].id if len(found) > PAGE else None,
        before=before,
        strategy_words=strategy_words,
    )


@blueprint.get("/experiments/new")
@signed_in(Scope.DISTRIBUTE)
def new_experiment() -> str:
    return _form(FIRST_FORM)


def _form(typed: Mapping[str, str]) -> str:
    return render_template(
        "distribute/experiment_new.html",
        typed=typed,
        layers=_options("experiment_layer", list(Layer)),
        kinds=_options("experiment_kind", list(ExperimentKind)),
        metrics=_options("metric", list(Metric)),
        styles=_options("copy_style", list(CopyStyle)),
        channels=[(one.id, one.name) for one in get_distribute().channels.list()],
        rows=range(1, ARM_ROWS + 1),
        weights=list(weight_labels()),
    )


@blueprint.post("/experiments/new")
@signed_in(Scope.DISTRIBUTE)
def create_experiment() -> Response:
    """Save the draft; a faulty form comes back as it was typed."""
    channel = request.form.get("channel", type=int)
    groups: list[int] = []
    if channel:
        views = get_distribute().audiences.list(channel_id=channel, limit=MOST_GROUPS)
        groups = [view.card.id for view in views]
    try:
        draft = draft_from(request.form, groups)
        made = get_distribute().experiments.create(account().name, draft)
    except InvalidInput as error:
        flash(error.message, "error")
        return make_response(_form(request.form), error.http_status)
    flash(t("已保存为草稿；看过计划再开始"), "ok")
    return _to(made.id)


@blueprint.get("/experiments/<int:experiment_id>")
@signed_in(Scope.READ)
def experiment(experiment_id: int) -> str:
    service = get_distribute().experiments
    result = service.result(experiment_id)
    with console().floor.db.reading() as session:
        trail = audit.trail(session, SUBJECT, experiment_id)
    return render_template(
        "distribute/experiment.html",
        result=result,
        one=result.experiment,
        assignment=service.assignment(experiment_id),
        approved_ahead=service.approved_ahead(experiment_id),
        trail=trail[-20:],
        curves={arm.arm: curve(arm.looks) for arm in result.arms},
        spoken=current_language(),
        strategy_words=strategy_words,
        metric_value=metric_value,
        percent=percent,
    )


@blueprint.post("/experiments/<int:experiment_id>/start")
@signed_in(Scope.DISTRIBUTE)
def start_experiment(experiment_id: int) -> Response:
    view = get_distribute().experiments.start(account().name, experiment_id)
    assert view.starts_at is not None  # noqa: S101 - it has just been started
    flash(t("已分组，{when} 开始", when=console().times.when(view.starts_at)), "ok")
    return _to(experiment_id)


@blueprint.post("/experiments/<int:experiment_id>/stop")
@signed_in(Scope.DISTRIBUTE)
def stop_experiment(experiment_id: int) -> Response:
    reason = request.form.get("reason", "").strip() or t("运营操作")
    get_distribute().experiments.stop(account().name, experiment_id, reason)
    flash(t("已停止，所有群恢复原来的做法"), "ok")
    return _to(experiment_id)


def curve(looks: Sequence[Look]) -> Markup:
    """The difference by day with the interval that may be looked at every day."""
    known = [look for look in looks if isfinite(look.interval.low)]
    return charts.band(
        [look.day for look in known],
        [look.estimate.difference for look in known],
        [(look.interval.low, look.interval.high) for look in known],
        t("差异随天数的变化"),
    )


def _options(group: str, codes: Sequence[str]) -> list[tuple[str, str]]:
    return [(str(code), label(group, code).text) for code in codes]


def _to(experiment_id: int) -> Response:
    return redirect(url_for("distribute_console.experiment", experiment_id=experiment_id))
