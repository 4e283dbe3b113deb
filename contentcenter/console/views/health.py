"""Is the house well: parts, queues, failed jobs, facts waiting, index against store."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from flask import flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from contentcenter.console.language import t
from contentcenter.console.session import signed_in
from contentcenter.console.views.base import blueprint, console
from contentcenter.domain.errors import ContentCenterError
from contentcenter.domain.roles import Scope
from contentcenter.floor import Floor
from contentcenter.jobs.ports import FailedJob, QueueCounts
from contentcenter.store import watch
from contentcenter.web.health import readiness


@dataclass(frozen=True)
class IndexHealth:
    expected: int
    documents: int | None
    vectors: int | None
    disk_bytes: int | None
    model: str
    problem: str = ""


@dataclass(frozen=True)
class QueueHealth:
    counts: dict[str, QueueCounts]
    failed: list[FailedJob]
    problem: str = ""


@blueprint.get("/health")
@signed_in(Scope.READ)
def health() -> str:
    template = "console/health_parts.html" if request.headers.get("HX-Request") else None
    floor = console().floor
    waiting, oldest = _facts(floor)
    return render_template(
        template or "console/health.html",
        parts=readiness(floor),
        index=_index(floor),
        queues=_queues(floor),
        facts_waiting=waiting,
        oldest_fact=oldest,
        model=_model(floor),
        settings=floor.settings,
    )


def _facts(floor: Floor) -> tuple[int, datetime | None]:
    with floor.db.reading() as session:
        return watch.facts_waiting(session)


def _index(floor: Floor) -> IndexHealth:
    with floor.db.reading() as session:
        expected = watch.items_to_index(session)
    try:
        stats = floor.index.stats()
    except ContentCenterError as error:
        return IndexHealth(expected, None, None, None, "", error.message)
    model = str(stats.model) if stats.model else ""
    return IndexHealth(expected, stats.documents, stats.vectors, stats.disk_bytes, model)


def _queues(floor: Floor) -> QueueHealth:
    try:
        counts = {str(name): counts for name, counts in floor.queue.counts().items()}
        return QueueHealth(counts, floor.queue.failed())
    except ContentCenterError as error:
        return QueueHealth({}, [], error.message)


def _model(floor: Floor) -> str:
    try:
        return str(floor.embedder.identity())
    except ContentCenterError as error:
        return error.message


@blueprint.post("/health/jobs/<job_id>/retry")
@signed_in(Scope.ADMIN)
def retry_job(job_id: str) -> Response:
    console().floor.queue.retry(job_id)
    flash(t("已重新排队"), "ok")
    return redirect(url_for("console.health"))


@blueprint.post("/notices/<int:notice_id>/settle")
@signed_in(Scope.READ)
def settle_notice(notice_id: int) -> Response:
    floor = console().floor
    with floor.db.transaction() as session:
        watch.settle_notice(session, notice_id, floor.clock.now())
    flash(t("已标记为处理完"), "ok")
    return redirect(url_for("console.home"))
