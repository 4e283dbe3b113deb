"""Training from the store's events, versions, and the feed's recall by the model that serves."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from itertools import count

import numpy as np
import pytest

from contentcenter.clock import FixedClock
from contentcenter.domain.errors import EngineUnavailable
from contentcenter.floor import Floor
from contentcenter.store.tables import EventRow, ReaderRow
from recommend.beside import Work
from recommend.collaborative import training_service
from recommend.collaborative.fit import FitSettings
from recommend.collaborative.likes import load_likes
from recommend.collaborative.model import CoReadingModel
from recommend.collaborative.serving import CoReading
from recommend.collaborative.training import TrainRules
from recommend.collaborative.training_service import CoReadingTraining
from recommend.corpus_service import CorpusService
from recommend.feed.recall import FeedRecall, RecallFor
from recommend.feed.spreading import Recall
from recommend.feed.visits import liked_by
from recommend.models import ModelKind, ModelRegistry, ModelState
from recommend.personas.service import PersonaService
from tests.fixtures.floor import DATABASES
from tests.unit.recommend.building import library, store_items
from tests.unit.recommend.collaborative.likes_world import dense

KIND = ModelKind.CO_READING
EACH_TOPIC = 8
READERS = 60
RULES = TrainRules(least_likes=20, least_judged=10)


class Readers:
    """Items of four topics, and readers who like items of one topic, a day apart."""

    def __init__(self, floor: Floor) -> None:
        self.floor = floor
        self.items = store_items(floor, library(EACH_TOPIC))
        self.numbers = count(1)
        with floor.db.transaction() as session:
            rows = [ReaderRow(app_id=f"r{n}", created_at=floor.clock.now()) for n in range(READERS)]
            session.add_all(rows)
            session.flush()
            self.ids = [row.id for row in rows]

    def topic_of(self, item: int) -> int:
        return self.items.index(item) // EACH_TOPIC

    def like(self, reader: int, item: int, at: datetime, kind: str = "click") -> None:
        event = EventRow(
            event_id=f"e{next(self.numbers)}",
            kind=kind,
            reader_id=self.ids[reader],
            item_id=item,
            at=at,
            received_at=at,
        )
        with self.floor.db.transaction() as session:
            session.add(event)

    def live(self, likes: int = 5, seed: int = 1) -> None:
        """Everyone likes some items of their topic."""
        source = np.random.default_rng(seed)
        start = self.floor.clock.now() - timedelta(days=20)
        events = []
        for reader, reader_id in enumerate(self.ids):
            own = np.arange(EACH_TOPIC) + EACH_TOPIC * (reader % 4)
            for day, place in enumerate(source.permutation(own)[:likes]):
                events.append(
                    EventRow(
                        event_id=f"e{next(self.numbers)}",
                        kind="click",
                        reader_id=reader_id,
                        item_id=self.items[place],
                        at=start + timedelta(days=day),
                        received_at=start + timedelta(days=day),
                    )
                )
        with self.floor.db.transaction() as session:
            session.add_all(events)


@pytest.fixture
def readers(floor: Floor) -> Readers:
    return Readers(floor)


@pytest.fixture
def registry(floor: Floor) -> ModelRegistry:
    return ModelRegistry(floor)


@pytest.fixture
def training(floor: Floor, registry: ModelRegistry) -> CoReadingTraining:
    return CoReadingTraining(floor, registry, FitSettings(kept=20), RULES)


@pytest.mark.parametrize("database_url", DATABASES, indirect=True)
def test_likes_come_from_the_store_as_they_happened(readers: Readers) -> None:
    floor, (first, second, third) = readers.floor, readers.items[:3]
    now = floor.clock.now()
    for item, kind, days in (
        (first, "click", 3),
        (first, "order", 1),
        (second, "click", 2),
        (second, "dislike", 1),
        (third, "click", 40),
        (third, "impression", 1),
    ):
        readers.like(0, item, now - timedelta(days=days), kind)
    found = load_likes(floor, now - timedelta(days=30))
    assert [(one.reader_id, one.item_id, one.last) for one in found] == [
        (readers.ids[0], first, now - timedelta(days=1))
    ]
    assert found[0].weight == pytest.approx(np.log2(7))


def test_a_first_version_that_beats_popularity_serves_and_its_card_says_why(
    readers: Readers, training: CoReadingTraining, registry: ModelRegistry
) -> None:
    readers.live()
    report = training.train(actor="ying")
    assert (report.version, report.promoted) == (1, True)
    active = registry.active(KIND)
    assert active is not None
    assert (active.version, active.actor) == (1, "ying")
    card = active.card
    assert (card["likes"], card["readers"]) == (READERS * 5, READERS)
    popular = card["against"]["popular"]
    assert popular["judged"] == READERS
    assert popular["ours"] > popular["other"]
    assert card["process_peak_mb"] > 0


def test_without_likes_nothing_is_trained(
    training: CoReadingTraining, registry: ModelRegistry
) -> None:
    report = training.train()
    assert (report.version, report.promoted) == (None, False)
    assert registry.versions(KIND) == []


def test_with_too_few_new_likes_to_judge_by_the_next_version_waits(
    readers: Readers, training: CoReadingTraining, registry: ModelRegistry
) -> None:
    readers.live()
    training.train()
    second = training.train()
    assert (second.version, second.promoted) == (2, False)
    assert "0 likes to judge by" in second.reason
    active = registry.active(KIND)
    assert active is not None
    assert active.version == 1


def test_new_likes_judge_both_versions_and_a_worse_one_does_not_serve(
    readers: Readers, training: CoReadingTraining, registry: ModelRegistry, floor: Floor
) -> None:
    readers.live()
    training.train()
    perfect = _knows_the_topics(readers)
    until = registry.versions(KIND)[0].card["until"]
    registry.promote(KIND, registry.save(KIND, perfect.to_bytes(), {"until": until}))
    now = floor.clock.now()
    for reader in range(READERS):
        # Everyone turns to the next topic: what was learned up to now misleads.
        item = readers.items[EACH_TOPIC * ((reader + 1) % 4) + reader % EACH_TOPIC]
        readers.like(reader, item, now - timedelta(hours=1))
    third = training.train()
    assert third.card["against"]["version 2"]["judged"] == READERS
    assert not third.promoted
    active = registry.active(KIND)
    assert active is not None
    assert active.version == 2


def _knows_the_topics(readers: Readers) -> CoReadingModel:
    """Whoever likes a topic comes to like the next one."""
    weights = np.zeros((len(readers.items),) * 2, np.float32)
    for place in range(len(readers.items)):
        start = EACH_TOPIC * ((place // EACH_TOPIC + 1) % 4)
        weights[place, start : start + EACH_TOPIC] = 1.0
    return CoReadingModel(np.array(readers.items, np.int64), dense(weights.tolist()))


def test_a_version_is_due_at_night_once(
    readers: Readers,
    training: CoReadingTraining,
    clock: FixedClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert not training.due()  # noon in Shanghai
    clock.advance(timedelta(hours=15))
    assert training.due()
    readers.live()
    training.train()
    clock.advance(timedelta(hours=1))
    assert not training.due()
    clock.advance(timedelta(hours=23))
    assert training.due()
    monkeypatch.setattr(training_service, "NIGHT", range(12, 13))
    assert not training.due()


# --- serving ----------------------------------------------------------------------------------


def small(first: float) -> CoReadingModel:
    return CoReadingModel(np.array([1, 2, 3]), dense([[0, first, 0.5], [0, 0, 0], [0, 0, 0]]))


def test_the_model_is_loaded_once_and_swapped_with_the_version(registry: ModelRegistry) -> None:
    serving = CoReading(registry, trust_seconds=0.0)
    assert serving.current() is None
    for first, expected in ((0.9, 2), (0.1, 3)):
        registry.promote(KIND, registry.save(KIND, small(first).to_bytes(), {}))
        served = serving.current()
        assert served is not None
        assert served.model.recall({1: 1.0}, 1) == [expected]
        assert serving.current() is served
    registry.roll_back(KIND)
    back = serving.current()
    assert back is not None
    assert (back.version, back.model.recall({1: 1.0}, 1)) == (1, [2])


def test_what_was_looked_up_is_trusted_for_some_seconds(registry: ModelRegistry) -> None:
    serving = CoReading(registry, trust_seconds=3_600.0)
    assert serving.current() is None
    registry.promote(KIND, registry.save(KIND, small(0.9).to_bytes(), {}))
    assert serving.current() is None


def test_new_items_are_added_when_a_version_is_loaded(registry: ModelRegistry) -> None:
    def extend(model: CoReadingModel) -> CoReadingModel:
        return model.extended(np.array([9], np.int64), dense([[0.95], [0], [0]]))

    registry.promote(KIND, registry.save(KIND, small(0.9).to_bytes(), {}))
    served = CoReading(registry, extend).current()
    assert served is not None
    assert served.model.recall({1: 1.0}, 2) == [9, 2]


def test_what_became_new_since_is_added_to_the_model_as_it_was_trained(
    registry: ModelRegistry,
) -> None:
    newest = iter((8, 9))

    def extend(model: CoReadingModel) -> CoReadingModel:
        return model.extended(np.array([next(newest)], np.int64), dense([[0.95], [0], [0]]))

    registry.promote(KIND, registry.save(KIND, small(0.9).to_bytes(), {}))
    serving = CoReading(registry, extend, trust_seconds=0.0, extend_seconds=0.0)
    for item in (8, 9):
        served = serving.current()
        assert served is not None
        assert served.model.recall({1: 1.0}, 3) == [item, 2, 3]


def test_without_the_new_items_the_model_serves_as_it_was_trained(registry: ModelRegistry) -> None:
    def away(model: CoReadingModel) -> CoReadingModel:
        raise EngineUnavailable("the index does not answer")

    registry.promote(KIND, registry.save(KIND, small(0.9).to_bytes(), {}))
    served = CoReading(registry, away).current()
    assert served is not None
    assert served.model.recall({1: 1.0}, 2) == [2, 3]


def test_a_version_that_cannot_be_read_does_not_serve(registry: ModelRegistry) -> None:
    broken = small(0.9).to_bytes().replace(b"format", b"fromat")
    registry.promote(KIND, registry.save(KIND, broken, {}))
    assert CoReading(registry, trust_seconds=0.0).current() is None
    assert registry.versions(KIND)[0].state is ModelState.ACTIVE


def test_no_page_waits_while_a_version_is_loaded(registry: ModelRegistry) -> None:
    waiting: list[Work] = []
    serving = CoReading(registry, trust_seconds=0.0, run=waiting.append)
    registry.promote(KIND, registry.save(KIND, small(0.9).to_bytes(), {}))
    assert serving.current() is None
    waiting.pop()()
    first = serving.current()
    assert first is not None
    registry.promote(KIND, registry.save(KIND, small(0.1).to_bytes(), {}))
    assert serving.current() is first
    waiting.pop()()
    second = serving.current()
    assert second is not None
    assert second.version == 2


def test_only_one_look_at_a_time(registry: ModelRegistry) -> None:
    registry.promote(KIND, registry.save(KIND, small(0.9).to_bytes(), {}))
    waiting: list[Work] = []
    looks = []

    def extend(model: CoReadingModel) -> CoReadingModel:
        looks.append(len(waiting))
        for work in [*waiting]:
            work()  # another thread's look, in the middle of this one
        return model

    serving = CoReading(registry, extend, trust_seconds=0.0, run=waiting.append)
    serving.current()
    serving.current()
    waiting.pop()()
    assert looks == [1]


# --- recall in the feed -----------------------------------------------------------------------


def recalled(readers: Readers, registry: ModelRegistry, barred: frozenset[int]) -> list[int]:
    floor = readers.floor
    corpus = CorpusService(floor)
    recall = FeedRecall(floor, corpus, CoReading(registry))
    with floor.db.connected() as connection:
        persona = PersonaService(floor, corpus).reader(connection, readers.ids[0], [])
        history = liked_by(connection, readers.ids[0])
        found = recall.recall(connection, RecallFor(persona, history, barred))
    return list(found.lists[Recall.CO_READ])


def test_the_feed_recalls_by_the_model_and_without_what_is_barred(
    readers: Readers, training: CoReadingTraining, registry: ModelRegistry
) -> None:
    readers.live(likes=4)
    assert recalled(readers, registry, frozenset()) == []  # no model, no counted pairs
    assert training.train().promoted
    found = recalled(readers, registry, frozenset())
    assert {readers.topic_of(one) for one in found[:4]} == {0}
    without = recalled(readers, registry, frozenset(found[:2]))
    assert without[:2] == found[2:4]


def test_settings_reach_the_model(readers: Readers, floor: Floor, registry: ModelRegistry) -> None:
    readers.live()
    CoReadingTraining(floor, registry, replace(FitSettings(), kept=3), RULES).train()
    model = CoReadingModel.from_bytes(registry.load(KIND, 1))
    assert np.diff(model.weights.indptr).max() == 3
