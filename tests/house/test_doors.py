"""Doors are guarded, queues are served, jobs take ids only, the API describes itself."""

from __future__ import annotations

import inspect
import re
import typing
from collections.abc import Sequence
from typing import Any

import pytest
from flask import Flask
from openapi_spec_validator import validate

from contentcenter.floor import Floor
from contentcenter.jobs.names import QUEUE_OF, JobName, QueueName
from contentcenter.web.auth import SCOPE_MARK
from scripts.processes import Ports, labour
from tests.fixtures.floor import FloorMaker
from wsgi import JOBS, LISTENERS, create_app

# Open on purpose: health, the documentation, what platforms and readers' phones call.
OPEN_PREFIXES = ("/healthz", "/readyz", "/metrics", "/api/docs", "/t/", "/callbacks/", "/media/")
OPEN_API = {"/api/v1/openapi.json"}


@pytest.fixture
def app(floor: Floor) -> Flask:
    return create_app(floor=floor)


def test_every_api_view_asks_for_a_scope(app: Flask) -> None:
    open_views = []
    for rule in app.url_map.iter_rules():
        if not rule.rule.startswith("/api/v1") or rule.rule in OPEN_API:
            continue
        view = app.view_functions[rule.endpoint]
        view_class: Any = getattr(view, "view_class", None)
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}:
            target = getattr(view_class, method.lower()) if view_class else view
            if not hasattr(inspect.unwrap(target, stop=_has_mark), SCOPE_MARK):
                open_views.append(f"{method} {rule.rule}")
    assert open_views == []


def _has_mark(function: Any) -> bool:
    return hasattr(function, SCOPE_MARK)


def test_every_other_page_sends_strangers_to_the_sign_in(app: Flask) -> None:
    client = app.test_client()
    leaks = []
    for rule in app.url_map.iter_rules():
        skip = rule.rule.startswith(("/api/", *OPEN_PREFIXES)) or "GET" not in (rule.methods or ())
        if skip or "login" in rule.rule or "static" in rule.endpoint or "assets" in rule.endpoint:
            continue
        url = _fill(rule.rule)
        answer = client.get(url)
        if answer.status_code not in {302, 303, 401, 403, 404}:
            leaks.append(f"{answer.status_code} {rule.rule}")
    assert leaks == []


def _fill(rule: str) -> str:
    return re.sub(r"<[^>]+>", "1", rule)


def test_without_a_key_the_api_answers_in_the_one_error_shape(app: Flask) -> None:
    answer = app.test_client().get("/api/v1/items")
    assert answer.status_code == 401
    assert set(answer.get_json()["error"]) == {"code", "message", "details"}


def test_unknown_paths_and_methods_answer_in_the_one_error_shape(app: Flask) -> None:
    client = app.test_client()
    missing = client.get("/api/v1/nothing")
    assert (missing.status_code, missing.get_json()["error"]["code"]) == (404, "not_found")
    wrong = client.put("/api/v1/items")
    assert wrong.status_code == 405
    assert "GET" in wrong.headers["Allow"]


def test_every_job_has_a_function_that_takes_ids_only() -> None:
    assert set(JOBS) == set(JobName) == set(QUEUE_OF)
    for name, function in JOBS.items():
        hints = typing.get_type_hints(function)
        hints.pop("return")
        assert set(hints.values()) <= {int, list[int], Sequence[int]}, name


def test_every_listener_names_a_real_argument() -> None:
    for listeners in LISTENERS.values():
        for listener in listeners:
            parameters = inspect.signature(JOBS[listener.job]).parameters
            expected = [listener.argument] if listener.argument else []
            assert list(parameters) == expected, listener


def test_every_queue_has_a_worker(tmp_path: Any) -> None:
    commands = [
        program.command
        for program in labour(tmp_path, Ports(21000), 0.0)
        if "worker" in program.command
    ]
    served = {word for command in commands for word in command}
    assert {str(queue) for queue in QueueName} <= served


def test_the_openapi_document_is_valid_and_complete(app: Flask) -> None:
    document = app.test_client().get("/api/v1/openapi.json").get_json()
    assert document["openapi"].startswith("3.1")
    validate(document)
    wanted = {
        "/api/v1/items", "/api/v1/items/{item_id}", "/api/v1/items/{item_id}/approve",
        "/api/v1/items/{item_id}/reject", "/api/v1/imports", "/api/v1/imports/{import_id}",
        "/api/v1/search", "/api/v1/items/{item_id}/similar", "/api/v1/suggest",
        "/api/v1/items/{item_id}/audiences", "/api/v1/audiences/{audience_id}/items",
        "/api/v1/channels", "/api/v1/audiences", "/api/v1/audiences/{audience_id}",
        "/api/v1/audiences/{audience_id}/persona", "/api/v1/plans", "/api/v1/posts",
        "/api/v1/posts/{post_id}/approve", "/api/v1/posts/{post_id}/cancel",
        "/api/v1/posts/{post_id}/retry", "/api/v1/feed", "/api/v1/events",
    }  # fmt: skip
    assert wanted - set(document["paths"]) == set()


def test_a_floor_fixture_is_a_whole_product(make_floor: FloorMaker) -> None:
    app = create_app(floor=make_floor())
    assert app.test_client().get("/healthz").status_code == 200
