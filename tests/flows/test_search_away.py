"""A search engine that takes the call and never answers: every page still comes, in time.

No engine is needed for this one: a socket that listens is enough.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator
from dataclasses import replace

import pytest
from flask import Flask

from contentcenter.domain.roles import Role, Scope
from contentcenter.floor import Floor
from contentcenter.search.breaker import BreakerRules, BreakerState
from contentcenter.search.elastic import ElasticIndex, ElasticOptions
from contentcenter.search.guarded import GuardedIndex
from contentcenter.web.app import FLOOR
from contentcenter.web.auth import EXTENSION
from tests.flows.console_world import Shop, fill, make_console, visitor
from wsgi import create_app

PAGE_WAIT = 0.1


@pytest.fixture
def silent_url() -> Iterator[str]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(128)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


@pytest.fixture
def shop(floor: Floor) -> Shop:
    """Filled while the engine was well."""
    return fill(make_console(floor))


def app_with(floor: Floor, url: str, rules: BreakerRules) -> Flask:
    engine = ElasticIndex(ElasticOptions(url, timeout_seconds=60.0, page_timeout_seconds=PAGE_WAIT))
    return create_app(floor=replace(floor, index=GuardedIndex(engine, rules)))


def paths(shop: Shop) -> dict[str, bool]:
    """What the app and the planners ask, and whether the answer says that something is away."""
    return {
        "/api/v1/search?q=活着": True,
        "/api/v1/search?size=5&facets=category": True,
        f"/api/v1/items/{shop.item_id}/similar": True,
        "/api/v1/feed?reader_id=r1": True,
        f"/api/v1/audiences/{shop.audience_id}/items": True,
        f"/api/v1/items/{shop.item_id}/audiences": True,
        f"/api/v1/search?q=活着&audience={shop.audience_id}": True,
        f"/api/v1/audiences/{shop.audience_id}/persona": False,
        "/api/v1/suggest?q=活": False,
        "/api/v1/index": False,
        "/readyz": False,
    }


def test_each_page_waits_once_even_before_the_breaker_opens(
    floor: Floor, shop: Shop, silent_url: str
) -> None:
    app = app_with(floor, silent_url, BreakerRules(failures=10_000))
    key = app.extensions[EXTENSION].create_key("test", list(Scope), "test")
    client = app.test_client()
    index: GuardedIndex = app.extensions[FLOOR].index
    for path, tells in paths(shop).items():
        waited = index.breakers()[0].failures
        answer = client.get(path, headers={"Authorization": f"Bearer {key}"})
        assert answer.status_code == 200, f"{path}: {answer.text}"
        assert index.breakers()[0].failures - waited <= 1, f"{path} waited more than once"
        if tells:
            assert answer.get_json()["degraded"], path


def test_an_open_breaker_asks_nobody_and_the_pages_come(
    floor: Floor, shop: Shop, silent_url: str
) -> None:
    app = app_with(floor, silent_url, BreakerRules(failures=1, first_pause=3600))
    key = app.extensions[EXTENSION].create_key("test", list(Scope), "test")
    client = app.test_client()
    for path in [*paths(shop), *paths(shop)]:
        answer = client.get(path, headers={"Authorization": f"Bearer {key}"})
        assert answer.status_code == 200, f"{path}: {answer.text}"
    found = client.get(
        "/api/v1/search?q=活着", headers={"Authorization": f"Bearer {key}"}
    ).get_json()
    assert [item["title"] for item in found["items"]] == ["重读活着"]
    reads, writes = app.extensions[FLOOR].index.breakers()
    assert (reads.state, reads.failures) == (BreakerState.OPEN, 1)
    assert reads.refused > 10
    assert writes.state is BreakerState.CLOSED
    admin = visitor(app, Role.ADMIN)
    for page in (
        "/",
        "/search?q=活着",
        f"/audiences/{shop.audience_id}/items",
        "/health",
        "/index",
    ):
        answer = admin.get(page)
        assert answer.status_code == 200, page
    assert "已断开" in admin.get("/index").text
