"""The index's health, rebuilds and failed jobs through the API and the console."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from contentcenter.domain.errors import EngineUnavailable
from contentcenter.domain.roles import Role, Scope
from contentcenter.embedding.hashing import HashingEmbedder
from contentcenter.floor import Floor
from contentcenter.jobs import worker
from contentcenter.jobs.names import JobName
from contentcenter.jobs.rq_queue import RqQueue
from contentcenter.search.guarded import GuardedIndex
from contentcenter.store import audit
from contentcenter.web.auth import EXTENSION
from ingest.drafts import ItemDraft
from ingest.ext import IngestServices
from tests.fixtures.twin import wait_for
from tests.flows.console_world import make_console, visitor
from wsgi import create_app


class Plug:
    """The real engine until it is pulled."""

    def __init__(self, engine: Any) -> None:
        self._engine = engine
        self.away = False

    def __getattr__(self, name: str) -> Any:
        def call(*arguments: Any, **named: Any) -> Any:
            if self.away:
                raise EngineUnavailable("The search engine does not answer.")
            return getattr(self._engine, name)(*arguments, **named)

        return call


@pytest.fixture
def plug(floor: Floor) -> Plug:
    return Plug(floor.index)


@pytest.fixture
def app(floor: Floor, plug: Plug) -> Flask:
    return make_console(replace(floor, index=GuardedIndex(plug)))


@pytest.fixture
def ingest(app: Flask) -> IngestServices:
    services: IngestServices = app.extensions["ingest"]
    ids = [
        services.items.create(
            ItemDraft(title=f"第{n}篇", body=f"写第{n}场雨。", source="编辑部"), "ann"
        ).item_id
        for n in range(4)
    ]
    services.pipeline.process(ids)
    services.catch_up.index(ids[:3])
    return services


def caller(app: Flask, *scopes: Scope) -> Callable[..., Any]:
    key = app.extensions[EXTENSION].create_key("test", scopes, "test")
    client: FlaskClient = app.test_client()

    def call(method: str, path: str, status: int = 200) -> Any:
        headers = {"Authorization": f"Bearer {key}"}
        answer = client.open(f"/api/v1{path}", method=method, headers=headers)
        assert answer.status_code == status, answer.text
        return answer.get_json(silent=True)

    return call


def test_the_api_tells_how_the_index_is(app: Flask, ingest: IngestServices, plug: Plug) -> None:
    call = caller(app, Scope.READ)
    health = call("GET", "/index")
    assert (health["status"], health["engine"]) == ("behind", "embedded")
    assert health["engine_version"].startswith("tantivy ")
    assert (health["expected"], health["documents"], health["behind"]) == (4, 3, 1)
    assert health["model"] == health["configured_model"] != ""
    assert [one["state"] for one in health["breakers"]] == ["closed", "closed"]
    call("GET", "/index/rebuild", 404)
    call("POST", "/index/rebuild", 403)
    plug.away = True
    ingest.catch_up.index([1, 2, 3, 4])
    away = call("GET", "/index")
    assert (away["status"], away["documents"], away["behind"]) == ("away", None, 1)
    assert "does not answer" in away["waiting"]["reason"]


def test_readiness_and_metrics_tell_of_the_breaker(app: Flask, plug: Plug) -> None:
    client = app.test_client()
    assert client.get("/readyz").get_json()["status"] == "ok"
    plug.away = True
    for _ in range(4):
        answer = client.get("/readyz")
    assert (answer.status_code, answer.get_json()["status"]) == (200, "degraded")
    metrics = client.get("/metrics").text
    assert 'contentcenter_breaker_state{part="search"} 2.0' in metrics
    assert 'contentcenter_breaker_calls_total{outcome="refused",part="search"}' in metrics
    assert "contentcenter_index_behind 0.0" in metrics


def test_a_rebuild_through_the_api(app: Flask, ingest: IngestServices, floor: Floor) -> None:
    call = caller(app, Scope.READ, Scope.ADMIN)
    asked = call("POST", "/index/rebuild", 202)
    assert asked["state"] == "queued"
    assert call("POST", "/index/rebuild", 409)["error"]["details"]["run"] == asked["run"]
    worker.work(app, floor.settings.redis_url, ["ingest"], burst=True)  # type: ignore[list-item]
    wait_for(lambda: call("GET", "/index/rebuild")["state"] == "done")
    assert call("GET", "/index")["status"] == "ok"
    call("DELETE", "/index/rebuild", 409)
    with floor.db.reading() as session:
        told = [row.action for row in audit.trail(session, "index", asked["run"])]
    assert told == ["rebuild_asked", "rebuild_done"]


def test_another_model_is_told_with_what_to_do(floor: Floor, ingest: IngestServices) -> None:
    other = create_app(floor=replace(floor, embedder=HashingEmbedder(dimension=32)))
    health = caller(other, Scope.READ)("GET", "/index")
    assert health["status"] == "attention"
    assert "rebuild the index" in health["advice"]
    page = visitor(other, Role.ADMIN).get("/index").text
    assert "两种模型的向量不能混用" in page


def broken(**_: object) -> None:
    raise ValueError("no such shard")


def fail(floor: Floor, *jobs: JobName) -> None:
    app, queue = Flask("jobs"), RqQueue(floor.redis)
    worker.register(app, queue, dict.fromkeys(JobName, broken))
    for number, job in enumerate(jobs):
        queue.enqueue(job, item_ids=[number])
    worker.work(app, floor.settings.redis_url, ["ingest"], burst=True)  # type: ignore[list-item]


def test_failed_jobs_of_the_index_are_repeated_or_discarded(
    app: Flask, ingest: IngestServices, floor: Floor
) -> None:
    fail(floor, JobName.INDEX_ITEMS, JobName.INDEX_ITEMS, JobName.INDEX_ITEMS, JobName.RUN_IMPORT)
    call = caller(app, Scope.READ, Scope.ADMIN)
    jobs = call("GET", "/index")["failed_jobs"]
    assert [job["name"] for job in jobs] == ["index_items"] * 3
    assert all("no such shard" in job["error"] for job in jobs)
    (other,) = floor.queue.failed(jobs={JobName.RUN_IMPORT})
    call("DELETE", f"/index/failed-jobs/{other.id}", 404)
    call("DELETE", f"/index/failed-jobs/{jobs[0]['id']}", 204)
    call("POST", f"/index/failed-jobs/{jobs[1]['id']}/retry", 204)
    assert call("POST", "/index/failed-jobs/retry", 202) == {"count": 1}
    assert call("GET", "/index")["failed_jobs"] == []
    worker.work(app, floor.settings.redis_url, ["ingest"], burst=True)  # type: ignore[list-item]
    assert [job.name for job in floor.queue.failed()] == ["run_import"]


def test_the_console_page_acts_for_admins_only(
    app: Flask, ingest: IngestServices, floor: Floor
) -> None:
    fail(floor, JobName.INDEX_ITEMS)
    admin, viewer = visitor(app, Role.ADMIN), visitor(app, Role.VIEWER)
    assert "全部重试" in admin.get("/index").text
    assert "全部重试" not in viewer.get("/index").text
    assert viewer.post("/index/rebuild").status_code == 403
    assert "重建索引已排队" in admin.post("/index/rebuild", on="/index").text
    assert "已有一次重建" in admin.post("/index/rebuild", on="/index").text
    assert "停止重建" in admin.get("/index").text
    assert "现有索引不受影响" in admin.post("/index/rebuild/cancel", on="/index").text
    assert "已重新排队 1 个任务" in admin.post("/index/failed-jobs/retry", on="/index").text
    assert "没有失败的任务" in admin.get("/index", headers={"HX-Request": "true"}).text
