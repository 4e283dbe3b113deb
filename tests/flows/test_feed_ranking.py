"""Learned ranking on real parts: logged answers, training, versions, replay, scenes, dislikes."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from flask import Flask

from contentcenter.clock import FixedClock
from contentcenter.floor import Floor
from recommend.events.parsing import record_reported
from recommend.feed.service import FeedAnswer, FeedService
from recommend.models import ModelKind, ModelRegistry
from recommend.ranking.answers import AnswerLog
from recommend.ranking.features import unpack
from recommend.ranking.model import RankingModel
from recommend.ranking.serving import FeedRanker
from recommend.ranking.training import TrainSettings
from recommend.ranking.training_service import FeedTraining
from recommend.services import RecommendServices, build_services
from recommend.tables import FeedAnswerRow
from tests.unit.recommend.building import add_items, library
from wsgi import create_app

KIND = ModelKind.FEED_RANKING
TRUSTING = TrainSettings(least_answers=20, least_compared=5, trees=30)


class World:
    """Twenty-four items of four topics; what serves is asked for at every page."""

    def __init__(self, floor: Floor, clock: FixedClock) -> None:
        self.floor, self.clock = floor, clock
        self.services: RecommendServices = build_services(floor)
        self.items = add_items(floor, library(6))
        self.registry = ModelRegistry(floor)
        self.training = FeedTraining(floor, self.registry, TRUSTING)
        self.feed = FeedService(
            floor,
            corpus=self.services.corpus,
            personas=self.services.personas,
            matches=self.services.matches,
            learning=self.services.learning,
            shelf=self.services.shelf,
            ranker=FeedRanker(floor, self.registry, trust_seconds=0.0),
        )

    def report(self, kind: str, reader: str, page: FeedAnswer, *items: int) -> None:
        events = [
            {
                "event_id": f"{page.trace_id}-{kind}-{item}", "kind": kind, "reader_id": reader,
                "item_id": item, "trace_id": page.trace_id,
            }
            for item in items
        ]  # fmt: skip
        record_reported(self.services.events, events)

    def days(self, readers: int, days: int) -> None:
        """Readers who look at a page a day and click what is food."""
        for day in range(days):
            for number in range(readers):
                name = f"r{day}-{number}"
                page = self.feed.page(name, size=10)
                shown = [one.card.id for one in page.items]
                food = [one.card.id for one in page.items if one.card.category == "food"]
                self.report("impression", name, page, *shown)
                self.report("click", name, page, *food)
            self.clock.advance(timedelta(days=1))


@pytest.fixture
def world(floor: Floor, clock: FixedClock) -> World:
    return World(floor, clock)


def entries(world: World, page: FeedAnswer) -> list[dict[str, Any]]:
    with world.floor.db.reading() as session:
        return list(session.get_one(FeedAnswerRow, page.trace_id).entries)


def test_an_answer_logs_what_the_model_was_given(world: World) -> None:
    page = world.feed.page("r1", size=10)
    logged = entries(world, page)
    assert [entry["place"] for entry in logged] == list(range(1, 11))
    for item, entry in zip(page.items, logged, strict=True):
        again = float(RankingModel().log_odds(unpack(entry["x"]))[0])
        assert again == pytest.approx(item.score, abs=2e-3)
        assert round(sum(item.parts.values()), 4) == item.score
        assert 0.0 < item.probability < 1.0


def test_one_place_of_ten_is_drawn_by_lot_and_says_so(world: World) -> None:
    page = world.feed.page("r1", size=10)
    drawn = [one for one in page.items if one.explored]
    assert len(drawn) == 1
    offer = next(entry for entry in entries(world, page) if "offer" in entry)["offer"]
    assert offer["ids"][offer["chosen"]] == drawn[0].card.id
    assert sum(offer["p"]) == pytest.approx(1.0, abs=1e-4)
    assert len(unpack(offer["x"])) == len(offer["ids"])
    second = world.feed.page("r1", size=10, cursor=page.next_cursor)
    assert entries(world, second)[0]["place"] == 11
    assert not any(one.explored for one in world.feed.page("r2", size=9).items)


def test_training_learns_a_taste_keeps_a_card_and_serves_when_promoted(world: World) -> None:
    world.days(readers=5, days=6)
    report = world.training.train()
    assert report.version == 1
    assert report.card["examples"]["train"]["seen"] > 100
    assert report.card["compared_with"]["prior"]["answers"] > 5
    world.registry.promote(KIND, 1)
    page = world.feed.page("new", size=10)
    assert {entry["v"] for entry in entries(world, page)} == {1}
    for one in page.items:
        assert round(sum(one.parts.values()), 4) == one.score
    world.registry.save(KIND, b"{}", {})  # an unreadable candidate changes nothing
    assert {entry["v"] for entry in entries(world, world.feed.page("n2", size=10))} == {1}


def test_recent_answers_move_what_serves_before_the_next_training(world: World) -> None:
    world.days(readers=6, days=1)
    before = world.feed.page("a", size=10)
    assert world.training.follow() > 0
    after = world.feed.page("b", size=10)
    assert all("online" not in one.parts for one in before.items)
    food = [one.parts["online"] for one in after.items if one.card.category == "food"]
    rest = [one.parts["online"] for one in after.items if one.card.category != "food"]
    assert min(food) > max(rest)


def test_without_answers_nothing_is_trained(world: World) -> None:
    world.feed.page("r1", size=10)
    report = world.training.train()
    assert (report.version, report.promoted) == (None, False)
    assert world.registry.versions(KIND) == []


def test_training_is_due_at_night_and_once(world: World) -> None:
    assert not world.training.due()  # noon in Shanghai
    world.clock.advance(timedelta(hours=15, minutes=30))
    assert world.training.due()
    world.registry.save(KIND, b"{}", {})
    assert not world.training.due()


def test_a_dislike_lowers_its_author_and_category_at_once(world: World) -> None:
    page = world.feed.page("r1", size=24)
    hated = page.items[0].card
    world.report("dislike", "r1", page, hated.id)
    again = world.feed.page("r1", size=24)
    kin = {one.card.id: one.parts.get("disliked", 0.0) for one in again.items}
    alike = [one.card for one in again.items if one.card.category == hated.category]
    assert hated.id not in kin
    assert all(kin[card.id] < 0 for card in alike)
    same = [kin[card.id] for card in alike if card.author == hated.author]
    other = [kin[card.id] for card in alike if card.author != hated.author]
    assert max(same) < min(other)
    strangers = [one.card for one in again.items if one.card.category != hated.category]
    assert all(kin[card.id] == 0 for card in strangers if card.author != hated.author)


def test_after_a_purchase_its_neighbours_lead_and_the_book_itself_is_gone(world: World) -> None:
    page = world.feed.page("r1", size=10)
    bought = next(one.card for one in page.items if one.card.category == "history")
    world.report("order", "r1", page, bought.id)
    after = world.feed.page("r1", scene="after_purchase", size=6)
    assert after.items[0].card.category == "history"
    assert after.items[0].reason.text == "与你刚买的书相近"
    assert bought.id not in {one.card.id for one in after.items}
    searched = world.feed.page("r2", scene="search_empty", size=6, question="四川火锅 烘焙面包")
    assert searched.items[0].card.category == "food"
    opened = world.feed.page("r3", size=6, item_id=world.items[0])
    assert opened.items[0].card.category == "scifi"


def test_replay_says_when_the_logs_cannot_tell_and_commands_answer(world: World) -> None:
    world.days(readers=3, days=6)
    world.training.train()
    app: Flask = create_app(floor=world.floor)
    runner = app.test_cli_runner()
    answer = runner.invoke(args=["evaluate", "replay", "--days", "10"])
    found = json.loads(answer.output.splitlines()[-1])
    assert found["draws"] == 18
    assert "cannot tell" in found["prior"]["verdict"]
    assert runner.invoke(args=["evaluate", "replay", "--version", "99"]).exit_code != 0
    trained = runner.invoke(args=["models", "train", "feed-ranking"])
    assert json.loads(trained.stdout.splitlines()[-1])["examples"]["train"]["seen"] > 0
    assert "feed_ranking\t2\t" in runner.invoke(args=["models", "list"]).output


def test_the_log_reads_back_what_was_answered(world: World) -> None:
    world.days(readers=2, days=1)
    seen = AnswerLog(world.floor).seen(world.clock.now() - timedelta(days=2))
    assert len(seen) == 20
    assert np.array_equal(
        [one.responded for one in seen], [one.entry["c"] == "food" for one in seen]
    )
    assert AnswerLog(world.floor).seen(world.clock.now()) == []
