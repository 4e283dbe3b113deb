"""A new item's readers: trained from the store, asked over HTTP, and part of co-reading."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import numpy as np
import pytest

from contentcenter.domain.errors import NotFound, RetryLater
from contentcenter.domain.roles import Scope
from contentcenter.floor import Floor
from contentcenter.store.tables import EventRow, ReaderRow
from contentcenter.web.app import create_app
from contentcenter.web.auth import EXTENSION
from recommend import ext
from recommend.beside import Work
from recommend.collaborative import content_service, content_training_service
from recommend.collaborative.content_service import NewItemReaders
from recommend.collaborative.content_training_service import BridgeTraining
from recommend.collaborative.fit import FitSettings, fit
from recommend.collaborative.interactions import of_likes
from recommend.collaborative.likes import load_likes
from recommend.models import ModelKind, ModelRegistry
from tests.fixtures.floor import DATABASES
from tests.unit.recommend.building import Piece, add_items, library
from tests.unit.recommend.collaborative.content_world import QUICK

EACH = 8
READERS = 80
NEW = Piece("火星来客", category="scifi", tags=("科幻",), author="新作者")


class Shop:
    """Thirty-two items of four topics; readers who mostly like one topic; one new item."""

    def __init__(self, floor: Floor) -> None:
        self.floor = floor
        self.items = add_items(floor, library(EACH))
        with floor.db.transaction() as session:
            rows = [ReaderRow(app_id=f"r{n}", created_at=floor.clock.now()) for n in range(READERS)]
            session.add_all(rows)
            session.flush()
            self.readers = [row.id for row in rows]
            session.add_all(self._events())
        self.new = add_items(floor, [NEW])[0]
        self.registry = ModelRegistry(floor)
        self.training = BridgeTraining(floor, self.registry, QUICK)
        self.service = NewItemReaders(floor, self.registry)

    def of_topic(self, place: int) -> set[int]:
        return {reader for at, reader in enumerate(self.readers) if at % 4 == place}

    def like(self, reader: int, item: int, name: str) -> EventRow:
        at = self.floor.clock.now() - timedelta(days=3)
        return EventRow(
            event_id=name, kind="click", reader_id=reader, item_id=item, at=at, received_at=at
        )

    def _events(self) -> list[EventRow]:
        source = np.random.default_rng(4)
        out = []
        for at, reader in enumerate(self.readers):
            own = source.permutation(EACH)[:5] + EACH * (at % 4)
            for place in {*own.tolist(), int(source.integers(4 * EACH))}:
                out.append(self.like(reader, self.items[place], f"e{reader}-{place}"))
        return out


@pytest.fixture
def shop(floor: Floor) -> Shop:
    return Shop(floor)


@pytest.mark.parametrize("database_url", DATABASES, indirect=True)
def test_readers_of_the_topic_come_first_with_what_they_read(shop: Shop) -> None:
    report = shop.training.train()
    assert report.promoted, report.reason
    card = shop.registry.versions(ModelKind.CONTENT_BRIDGE)[0].card
    assert card["judged"]["ours"] > 0.8
    found = shop.service.readers_for(shop.new, 10)
    assert found.candidates == READERS
    assert not found.degraded
    assert {one.reader_id for one in found.items} <= shop.of_topic(0)
    scores = [one.score for one in found.items]
    assert scores == sorted(scores, reverse=True)
    for one in found.items:
        assert sum(one.parts.values()) == pytest.approx(one.score)
        assert one.read[0].title
        assert {"科幻", "scifi"} & set(one.read[0].shared)


def test_who_liked_it_is_not_named_and_an_unknown_item_is_not_found(shop: Shop) -> None:
    shop.training.train()
    first = shop.service.readers_for(shop.new, 1).items[0].reader_id
    with shop.floor.db.transaction() as session:
        session.add(shop.like(first, shop.new, "late"))
    again = NewItemReaders(shop.floor, shop.registry)
    assert first not in {one.reader_id for one in again.readers_for(shop.new, READERS).items}
    with pytest.raises(NotFound):
        again.readers_for(10_000)


def test_without_a_bridge_the_answer_is_to_come_back(shop: Shop) -> None:
    with pytest.raises(RetryLater):
        shop.service.readers_for(shop.new)


def test_few_likes_train_nothing(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(content_training_service, "LEAST_LIKES", 10_000)
    assert shop.training.train().version is None
    assert shop.registry.versions(ModelKind.CONTENT_BRIDGE) == []


def test_a_bridge_that_cannot_be_read_does_not_serve(shop: Shop) -> None:
    shop.training.train()
    broken = shop.registry.load(ModelKind.CONTENT_BRIDGE, 1).replace(b"format", b"fromat")
    version = shop.registry.save(ModelKind.CONTENT_BRIDGE, broken, {})
    shop.registry.promote(ModelKind.CONTENT_BRIDGE, version)
    with pytest.raises(RetryLater):
        shop.service.readers_for(shop.new)


def test_the_new_item_enters_the_co_reading_model(shop: Shop) -> None:
    likes = load_likes(shop.floor, shop.floor.clock.now() - timedelta(days=30))
    model = fit(of_likes(likes), FitSettings(kept=20))
    assert shop.service.extend(model) is model  # no bridge yet
    shop.training.train()
    wide = shop.service.extend(model)
    assert set(wide.items) - set(model.items) == {shop.new}
    scifi, food = (dict.fromkeys(shop.items[at : at + 4], 1.0) for at in (0, EACH))
    at = int(np.searchsorted(wide.items, shop.new))
    assert wide.scores(scifi)[at] > max(wide.scores(food)[at], 0.0)
    assert shop.items[0] in wide.because(scifi, shop.new)


def test_new_items_enter_without_a_look_at_readers(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The feed asks for this every ten minutes; histories are for those who ask for readers."""
    likes = load_likes(shop.floor, shop.floor.clock.now() - timedelta(days=30))
    model = fit(of_likes(likes), FitSettings(kept=20))
    shop.training.train()

    def forbidden(*_: object) -> None:
        raise AssertionError("histories were read")

    monkeypatch.setattr(content_service, "load_likes", forbidden)
    assert shop.new in shop.service.extend(model).items


def test_who_asks_first_is_told_to_come_back_and_later_ones_never_wait(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(content_service, "FIRST_WAIT_SECONDS", 0.0)
    waiting: list[Work] = []
    service = NewItemReaders(shop.floor, shop.registry, run=waiting.append)
    shop.training.train()
    with pytest.raises(RetryLater):
        service.readers_for(shop.new)
    waiting.pop()()
    first = service.readers_for(shop.new, 1).items[0].reader_id
    assert not waiting
    with shop.floor.db.transaction() as session:
        session.add(shop.like(first, shop.new, "late"))
    monkeypatch.setattr(content_service, "KEEP_SECONDS", -1.0)
    assert service.readers_for(shop.new, 1).items[0].reader_id == first
    waiting.pop()()
    assert service.readers_for(shop.new, 1).items[0].reader_id != first


def test_over_http(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(content_service, "FIRST_WAIT_SECONDS", 60.0)  # a busy machine
    app = create_app(shop.floor)
    ext.init_app(app, shop.floor)
    key = app.extensions[EXTENSION].create_key("app", [Scope.READ], "test")
    client, head = app.test_client(), {"Authorization": f"Bearer {key}"}
    path = f"/api/v1/items/{shop.new}/readers"
    assert client.get(path, headers=head).status_code == 503
    shop.training.train()
    answer = client.get(f"{path}?size=3", headers=head)
    assert answer.status_code == 200, answer.text
    found: Any = answer.json
    assert len(found["items"]) == 3
    assert found["candidates"] == READERS
    first = found["items"][0]
    assert first["reader_id"] in shop.of_topic(0)
    assert sum(first["parts"].values()) == pytest.approx(first["score"])
    assert {"item_id", "title", "weight", "shared"} <= set(first["read"][0])
    assert client.get(path).status_code == 401
    assert client.get("/api/v1/items/99999/readers", headers=head).status_code == 404
