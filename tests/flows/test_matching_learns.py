"""Matching learns through the store: memory, its rebuild, learned weights, what it would take."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from scipy.sparse import csr_array
from sqlalchemy import func, select

from contentcenter.clock import FixedClock
from contentcenter.domain.roles import Scope
from contentcenter.floor import Floor
from contentcenter.web.app import create_app
from contentcenter.web.auth import EXTENSION
from recommend import ext
from recommend.collaborative.model import CoReadingModel
from recommend.events.parsing import record_reported
from recommend.matching.echo import ECHO_PARTS
from recommend.matching.memory import MEMORY_HELD
from recommend.matching.memory_store import load_memories
from recommend.matching.model_service import CoReadingByDay
from recommend.matching.tables import MatchMemoryRow
from recommend.models import ModelKind, ModelState
from recommend.personas.store import Subject
from recommend.schemas import MatchSchema
from recommend.services import RecommendServices, build_services
from tests.unit.recommend.building import Piece, add_audience, add_items, library


class World:
    """Twenty-four items of four topics, one group that said nothing and one that did."""

    def __init__(self, floor: Floor) -> None:
        self.floor = floor
        self.services: RecommendServices = build_services(floor)
        self.items = add_items(floor, library(6))
        self.silent = add_audience(floor, "甲群")
        self.kids = add_audience(
            floor, "绘本妈妈", description="亲子共读绘本", tags=["绘本"], categories=["children"],
            price_ceiling_fen=3_000,
        )  # fmt: skip
        self.services.personas.refresh([self.silent, self.kids])
        self._events = 0

    def tell(self, audience: int, kind: str, item: int, days_ago: float = 0.0) -> dict[str, Any]:
        self._events += 1
        at = self.floor.clock.now() - timedelta(days=days_ago)
        return {
            "event_id": f"e{self._events}",
            "kind": kind,
            "reader_id": f"r{self._events % 7}",
            "audience_id": audience,
            "item_id": item,
            "at": at.isoformat(),
        }

    def report(self, events: list[dict[str, Any]]) -> None:
        record_reported(self.services.events, events)
        self.services.learning.apply_events()

    def memory(self, audience: int) -> dict[int, Any]:
        with self.floor.db.reading() as session:
            return load_memories(session, [audience])[audience]


@pytest.fixture
def world(floor: Floor) -> World:
    return World(floor)


def test_what_was_answered_is_remembered_and_echoes_in_the_score(world: World) -> None:
    food = world.items[6:12]
    before = world.services.matches.pair(food[5], world.silent)
    assert not any(before.parts[name] for name in ECHO_PARTS)
    world.report([world.tell(world.silent, "order", one) for one in food[:3]])
    assert set(world.memory(world.silent)) == set(food[:3])
    assert world.memory(world.kids) == {}
    alike = world.services.matches.pair(food[5], world.silent)
    other = world.services.matches.pair(world.items[0], world.silent)
    for name in ("members", "words", "authors"):
        assert alike.parts[name] > other.parts[name], name
    assert round(sum(alike.parts.values()), 4) == alike.score


def test_a_rebuild_remembers_the_same(world: World) -> None:
    kinds = ["click", "favourite", "order", "dislike", "refund", "impression"]
    for batch in range(4):
        world.report(
            [
                world.tell(
                    world.silent,
                    kinds[(batch + n) % 6],
                    world.items[(n * 5 + batch) % 24],
                    float((n * 13) % 60),
                )
                for n in range(25)
            ]
        )
    lived = world.memory(world.silent)
    assert lived
    with world.floor.db.transaction() as session:
        session.query(MatchMemoryRow).delete()
    world.services.learning.rebuild(Subject.AUDIENCE, world.silent)
    assert world.memory(world.silent) == lived


def test_memory_stays_bounded_in_the_store(world: World) -> None:
    many = add_items(world.floor, [Piece(f"书{n}") for n in range(MEMORY_HELD + 30)])
    world.report([world.tell(world.silent, "click", one) for one in many])
    with world.floor.db.reading() as session:
        kept = session.scalar(select(func.count()).select_from(MatchMemoryRow))
    assert kept is not None
    assert 0 < kept <= MEMORY_HELD


def test_many_audiences_at_once_are_scored_with_their_memory(world: World) -> None:
    food = world.items[6:12]
    world.report([world.tell(world.silent, "order", one) for one in food[:3]])
    matches = world.services.matches
    many = matches.match_many([world.silent, world.kids], 3)
    alone = matches.match_items_for_audience(world.silent, 3)
    assert [(one.item_id, one.score) for one in many[world.silent]] == [
        (one.item_id, one.score) for one in alone
    ]


def test_weights_are_learned_kept_and_served(world: World) -> None:
    """A group takes only food, in mornings with one item of each topic: being like what it
    took before must come to weigh more than the freshness that the other items have."""
    first = world.services.match_model.train()
    assert first.state is ModelState.ACTIVE
    assert first.card["learned"] is False
    assert first.card["weights_from"] == "prior"
    assert not world.services.match_model.current().weights, "the statistics alone"
    assert world.services.match_model.current().known.count == len(world.items)
    assert world.services.matches.settings.members == world.services.match_model.base.members
    world.report(mornings(world))
    second = world.services.match_model.train()
    assert second.card["learned"] is True
    assert second.card["weights_from"] == "learned"
    assert second.card["checked"] >= 10
    assert second.state is ModelState.ACTIVE
    assert second.card["loss"]["after"] <= second.card["loss"]["before"]
    weights, base = world.services.matches.settings, world.services.match_model.base
    learned = weights.members + weights.words + weights.tags + weights.category
    assert learned > base.members + base.words + base.tags + base.category
    world.services.models.roll_back(ModelKind.MATCHING)
    assert world.services.models.active(ModelKind.MATCHING).version == first.version  # type: ignore[union-attr]


def test_without_new_choices_learned_weights_are_kept_and_said_to_be(
    world: World, clock: FixedClock
) -> None:
    world.report(mornings(world))
    learned = world.services.match_model.train()
    weights = dict(world.services.match_model.current().weights)
    clock.advance(timedelta(days=200))
    later = world.services.match_model.train()
    assert (later.card["choices"], later.card["weights_from"]) == (0, "kept")
    assert later.card["weights"] == learned.card["weights"]
    assert world.services.match_model.current().weights == weights


def mornings(world: World) -> list[dict[str, Any]]:
    events = []
    for day in range(55, 0, -1):
        for topic in range(4):
            item = world.items[topic * 6 + day % 6]
            events.append(world.tell(world.silent, "impression", item, float(day)))
        events.append(world.tell(world.silent, "click", world.items[6 + day % 6], day - 0.1))
    return events


def test_an_answer_says_why_not_and_what_it_would_take(world: World) -> None:
    later = (world.floor.clock.now() + timedelta(days=9)).isoformat()
    dear, closed = add_items(
        world.floor,
        [
            Piece("森林绘本大全", "绘本" * 20, "children", ("绘本",), 4_500, age_days=2.0),
            Piece("绘本月历", "绘本" * 20, "children", ("绘本",), 2_500,
                  rights={"starts_at": world.floor.clock.now() + timedelta(days=9)}),
        ],
    )  # fmt: skip
    told = world.services.matches.explain(dear, world.kids)
    assert [one.reason for one in told.why_not] == ["price_ceiling"]
    assert told.would[0].text == "若价格不高于 30 元，就可以发"
    shut = world.services.matches.explain(closed, world.kids)
    assert shut.would[0].values == {"date": later[:10]}
    page = get(world, f"/audiences/{world.kids}/items?size=20")
    assert not page["items"][0]["why_not"]
    second = page["items"][1]
    assert second["why_not"][0]["reason"].startswith("trails_")
    assert all("分：" in one["text"] or "贴近" in one["text"] for one in second["why_not"])
    refused = {one["item_id"]: one for one in page["refused"]}
    assert refused[dear]["would"][0]["outcome"] == "eligible"
    found = get(world, f"/items/{dear}/audiences")
    assert found["refused"][0]["would"][0]["values"] == {"yuan": "30"}


def test_a_price_it_would_be_first_at_makes_it_first(world: World) -> None:
    """The counterfactual is taken at its word: the price is set, and the item leads."""

    def piece(price_fen: int, quality: float, work: str) -> Piece:
        text = "绘本亲子共读" * 20
        return Piece("亲子绘本", text, "children", ("绘本",), price_fen, quality=quality, work=work)

    group = add_audience(
        world.floor, "绘本群", description="亲子共读绘本", tags=["绘本"], categories=["children"]
    )
    world.services.personas.refresh([group])
    _, dear = add_items(world.floor, [piece(2_800, 0.4, "甲"), piece(99_000, 0.9, "乙")])
    told = world.services.matches.explain(dear, group)
    yuan = next(one.values["yuan"] for one in told.would if one.kind == "price")
    assert yuan < 990
    (again,) = add_items(world.floor, [piece(yuan * 100, 0.9, "丙")])
    best = world.services.matches.match_items_for_audience(group, 2)
    assert best[0].item_id == again
    assert best[0].score - best[1].score < 0.05  # not by a far too low price


def test_what_other_readers_read_with_it_counts_and_is_named(world: World) -> None:
    food, other = world.items[6:9], world.items[20]
    world.report([world.tell(world.silent, "order", one) for one in food[:2]])
    world.report([world.tell(world.silent, "click", food[2])])
    ids = np.array(sorted([*food, other]), np.int64)
    weights = np.zeros((4, 4), np.float32)
    place = np.searchsorted(ids, other)
    weights[np.searchsorted(ids, food[0]), place] = 0.4
    weights[np.searchsorted(ids, food[2]), place] = 0.2
    before = world.services.matches.pair(other, world.silent)
    assert before.parts["co_read"] == 0.0
    models = world.services.models
    blob = CoReadingModel(ids, csr_array(weights)).to_bytes()
    models.promote(ModelKind.CO_READING, models.save(ModelKind.CO_READING, blob, {}))
    world.services = build_services(world.floor)  # what serves is looked for anew
    matches = world.services.matches
    told = matches.explain(other, world.silent)
    assert told.parts["co_read"] > 0.3
    assert told.score == pytest.approx(before.score + told.parts["co_read"], abs=2e-4)
    assert [one.item_id for one in told.because] == [food[0], food[2]]
    assert sum(one.share for one in told.because) == pytest.approx(1.0, abs=1e-3)
    assert not matches.explain(other, world.kids).because
    own = matches.pair(food[0], world.silent)
    assert own.parts["answered"] > matches.pair(food[2], world.silent).parts["answered"] > 0.0
    many = {m.item_id: m for m in matches.match_many([world.silent, world.kids], 24)[world.silent]}
    assert many[other].score == pytest.approx(told.score, abs=2e-4)
    listed = next(m for m in matches.ranked_with_why(world.silent).items if m.item_id == other)
    shown = MatchSchema().dump(listed)["because"]
    assert shown[0] == {
        "item_id": food[0],
        "title": told.because[0].title,
        "share": shown[0]["share"],
    }


def test_a_day_is_learned_from_with_the_co_reading_of_that_day(world: World) -> None:
    models, now = world.services.models, world.floor.clock.now()
    blob = CoReadingModel(np.array([1, 2]), csr_array(np.eye(2, dtype=np.float32))).to_bytes()
    models.save(ModelKind.CO_READING, blob, {})
    by = CoReadingByDay(models).by
    assert by(now - timedelta(days=1)) is None
    served = by(now + timedelta(days=1))
    assert served is not None
    assert served.items.tolist() == [1, 2]
    models.save(ModelKind.CO_READING, b"of another format", {})
    assert CoReadingByDay(models).by(now + timedelta(days=1)) is None  # and no error


def get(world: World, path: str) -> Any:
    app = create_app(world.floor)
    ext.init_app(app, world.floor)
    key = app.extensions[EXTENSION].create_key("app", [Scope.READ], "test")
    answer = app.test_client().get(f"/api/v1{path}", headers={"Authorization": f"Bearer {key}"})
    assert answer.status_code == 200, answer.text
    return answer.json
