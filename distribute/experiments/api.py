"""Experiments over HTTP."""

# flask-smorest has no types: its decorators are Any to mypy.
# mypy: disable-error-code="untyped-decorator"

from __future__ import annotations

from math import isfinite
from typing import Any

from flask import g
from flask_smorest import Blueprint

from contentcenter.domain.roles import Scope
from contentcenter.web.api import API_PREFIX
from contentcenter.web.auth import require
from distribute.experiments import schemas
from distribute.experiments.analysis import Look
from distribute.experiments.draft import Draft
from distribute.experiments.guards import GuardReading
from distribute.experiments.intervals import Interval
from distribute.experiments.service import arms_from
from distribute.experiments.views import ArmResult, ExperimentView
from distribute.ext import get_distribute
from recommend.cursors import pack_cursor, unpack_cursor

Page = dict[str, Any]

experiments = Blueprint(
    "experiments", __name__, url_prefix=API_PREFIX, description="Strategies tried on whole groups"
)


@experiments.route("/experiments")
@require(Scope.READ)
@experiments.arguments(schemas.ExperimentQuery, location="query")
@experiments.response(200, schemas.ExperimentPage)
def list_experiments(query: dict[str, Any]) -> Page:
    """Experiments, newest first."""
    size, cursor = query["size"], query["cursor"]
    before = unpack_cursor(cursor).get("id") if cursor else None
    views = get_distribute().experiments.list(before_id=before, limit=size)
    more = pack_cursor({"id": views[-1].id}) if len(views) == size else None
    return {"items": views, "next_cursor": more}


@experiments.route("/experiments", methods=["POST"])
@require(Scope.DISTRIBUTE)
@experiments.arguments(schemas.ExperimentBody)
@experiments.response(201, schemas.ExperimentSchema)
def create_experiment(body: dict[str, Any]) -> ExperimentView:
    """Write an experiment down. The answer's plan says what it can find."""
    draft = Draft(**{**body, "arms": arms_from(body["arms"])})
    return get_distribute().experiments.create(g.actor, draft)


@experiments.route("/experiments/<int:experiment_id>")
@require(Scope.READ)
@experiments.response(200, schemas.ExperimentSchema)
def get_experiment(experiment_id: int) -> ExperimentView:
    """One experiment with its arms and plan."""
    return get_distribute().experiments.get(experiment_id)


@experiments.route("/experiments/<int:experiment_id>/start", methods=["POST"])
@require(Scope.DISTRIBUTE)
@experiments.response(200, schemas.ExperimentSchema)
def start_experiment(experiment_id: int) -> ExperimentView:
    """Draw the groups; it begins at the next midnight."""
    return get_distribute().experiments.start(g.actor, experiment_id)


@experiments.route("/experiments/<int:experiment_id>/stop", methods=["POST"])
@require(Scope.DISTRIBUTE)
@experiments.arguments(schemas.StopBody)
@experiments.response(200, schemas.ExperimentSchema)
def stop_experiment(body: dict[str, Any], experiment_id: int) -> ExperimentView:
    """End it early; all groups are back to the base strategy."""
    return get_distribute().experiments.stop(g.actor, experiment_id, body["reason"])


@experiments.route("/experiments/<int:experiment_id>/result")
@require(Scope.READ)
@experiments.response(200, schemas.ResultSchema)
def experiment_result(experiment_id: int) -> Page:
    """What it shows now. The intervals hold however often this is asked."""
    found = get_distribute().experiments.result(experiment_id)
    return {
        **vars(found),
        "arms": [_arm(one) for one in found.arms],
        "bandit": [
            {**vars(one), "guards": [_guard(guard) for guard in one.guards]} for one in found.bandit
        ],
    }


def _arm(one: ArmResult) -> Page:
    verdict = {"code": one.verdict.code, **{k: one.verdict.words(k) for k in ("zh", "en")}}
    return {
        **vars(one),
        "latest": _look(one.latest),
        "looks": [_look(look) for look in one.looks],
        "guards": [_guard(guard) for guard in one.guards],
        "verdict": verdict,
    }


def _guard(reading: GuardReading) -> Page:
    return {**vars(reading), "look": _look(reading.look)}


def _look(look: Look | None) -> Page | None:
    if look is None:
        return None
    return {
        "day": look.day,
        "base": look.estimate.base,
        "arm": look.estimate.arm,
        "difference": look.estimate.difference,
        "interval": _interval(look.interval),
        "uplift": look.uplift,
        "uplift_interval": _interval(look.uplift_interval),
    }


def _interval(found: Interval | None) -> Interval | None:
    """JSON has no infinity: an interval without ends is no interval yet."""
    return found if found is not None and isfinite(found.low) and isfinite(found.high) else None


BLUEPRINTS = [experiments]
