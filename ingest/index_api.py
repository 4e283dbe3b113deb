"""The search index over HTTP: its health, rebuilds, failed jobs."""

# flask-smorest has no types: its decorators are Any to mypy.
# mypy: disable-error-code="untyped-decorator"

from __future__ import annotations

from flask import g
from flask_smorest import Blueprint

from contentcenter.domain.errors import NotFound
from contentcenter.domain.roles import Scope
from contentcenter.web.api import API_PREFIX
from contentcenter.web.auth import require
from ingest import index_schemas as schemas
from ingest.ext import get_ingest
from ingest.index_health import IndexHealth
from ingest.rebuild_state import Rebuild

index = Blueprint("index", __name__, url_prefix=API_PREFIX, description="The search index")


@index.route("/index")
@require(Scope.READ)
@index.response(200, schemas.IndexHealthSchema)
def index_health() -> IndexHealth:
    """Counts, lag, model, breakers, rebuild and failed jobs. Answers too while the engine is
    away."""
    return get_ingest().index_health.look()


@index.route("/index/rebuild")
@require(Scope.READ)
@index.response(200, schemas.RebuildSchema)
def rebuild_status() -> Rebuild:
    """The running rebuild, or the last one."""
    status = get_ingest().rebuilds.status()
    if status is None:
        raise NotFound("The index has never been rebuilt by a job")
    return status


@index.route("/index/rebuild", methods=["POST"])
@require(Scope.ADMIN)
@index.response(202, schemas.RebuildSchema)
def start_rebuild() -> Rebuild:
    """Build a new index from the store and switch to it. One at a time (409 otherwise)."""
    return get_ingest().rebuilds.start(g.actor)


@index.route("/index/rebuild", methods=["DELETE"])
@require(Scope.ADMIN)
@index.response(200, schemas.RebuildSchema)
def cancel_rebuild() -> Rebuild:
    """Cancel the queued or running rebuild; the live index stays."""
    return get_ingest().rebuilds.cancel(g.actor)


@index.route("/index/failed-jobs/retry", methods=["POST"])
@require(Scope.ADMIN)
@index.response(202, schemas.CountSchema)
def retry_failed_jobs() -> dict[str, int]:
    """Queue all failed jobs of the index again."""
    return {"count": get_ingest().index_health.retry_all(g.actor)}


@index.route("/index/failed-jobs/<job_id>/retry", methods=["POST"])
@require(Scope.ADMIN)
@index.response(204)
def retry_failed_job(job_id: str) -> None:
    """Queue a failed job again."""
    get_ingest().index_health.retry(job_id, g.actor)


@index.route("/index/failed-jobs/<job_id>", methods=["DELETE"])
@require(Scope.ADMIN)
@index.response(204)
def discard_failed_job(job_id: str) -> None:
    """Forget a failed job; what is out of step is found again anyway."""
    get_ingest().index_health.discard(job_id, g.actor)
