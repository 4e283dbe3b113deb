"""The search index: how it is, what it does, what a person can do about it."""

from __future__ import annotations

from flask import flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from contentcenter.console.labels import Label, add_labels
from contentcenter.console.language import t
from contentcenter.console.session import signed_in
from contentcenter.console.views.base import account
from contentcenter.domain.errors import Conflict
from contentcenter.domain.roles import Scope
from ingest.console.base import blueprint
from ingest.ext import get_ingest

add_labels(
    "index_status",
    {
        "ok": Label("正常", "green"),
        "behind": Label("正在追赶", "amber"),
        "attention": Label("需要处理", "seal"),
        "away": Label("引擎不可用", "seal"),
    },
)
add_labels(
    "rebuild_state",
    {
        "queued": Label("等待开始", "amber"),
        "running": Label("进行中", "blue"),
        "done": Label("已完成", "green"),
        "failed": Label("失败", "seal"),
        "cancelled": Label("已取消", "gray"),
    },
)
add_labels(
    "breaker_state",
    {
        "closed": Label("畅通", "green"),
        "half_open": Label("试探中", "amber"),
        "open": Label("已断开", "seal"),
    },
)
add_labels(
    "index_job",
    {
        "index_items": Label("更新索引"),
        "catch_up_index": Label("追赶积压"),
        "rebuild_index": Label("重建索引"),
    },
)


@blueprint.get("/index")
@signed_in(Scope.READ)
def index_page() -> str:
    parts = bool(request.headers.get("HX-Request"))
    template = "ingest/index_parts.html" if parts else "ingest/index.html"
    return render_template(template, health=get_ingest().index_health.look())


@blueprint.post("/index/rebuild")
@signed_in(Scope.ADMIN)
def start_rebuild() -> Response:
    try:
        get_ingest().rebuilds.start(account().name)
        flash(t("重建索引已排队；期间搜索照常可用"), "ok")
    except Conflict:
        flash(t("已有一次重建在排队或进行中"), "error")
    return _back()


@blueprint.post("/index/rebuild/cancel")
@signed_in(Scope.ADMIN)
def cancel_rebuild() -> Response:
    try:
        get_ingest().rebuilds.cancel(account().name)
        flash(t("重建将停止；现有索引不受影响"), "ok")
    except Conflict:
        flash(t("没有正在进行的重建"), "error")
    return _back()


@blueprint.post("/index/failed-jobs/retry")
@signed_in(Scope.ADMIN)
def retry_index_jobs() -> Response:
    count = get_ingest().index_health.retry_all(account().name)
    flash(t("已重新排队 {count} 个任务", count=count), "ok")
    return _back()


@blueprint.post("/index/failed-jobs/<job_id>/retry")
@signed_in(Scope.ADMIN)
def retry_index_job(job_id: str) -> Response:
    get_ingest().index_health.retry(job_id, account().name)
    flash(t("已重新排队"), "ok")
    return _back()


@blueprint.post("/index/failed-jobs/<job_id>/discard")
@signed_in(Scope.ADMIN)
def discard_index_job(job_id: str) -> Response:
    get_ingest().index_health.discard(job_id, account().name)
    flash(t("已丢弃；内容若仍未同步，会被再次发现"), "ok")
    return _back()


def _back() -> Response:
    return redirect(url_for("ingest_console.index_page"))
