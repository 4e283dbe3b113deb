"""Events are attributed in whatever order they come; refunds never bring an order below zero."""

from __future__ import annotations

import random
from typing import Any

import pytest
from sqlalchemy import select

from contentcenter.floor import Floor
from contentcenter.store.tables import EventRow, StateRow
from distribute.reading import ReadingService
from recommend.events.attribution import Windows, touched
from recommend.events.causes import WATERMARK, AttributionService
from recommend.events.deeds import deeds_of, next_deeds
from recommend.events.summary import Outcome, outcomes_of_answers, outcomes_of_audiences
from recommend.personas.rebuild import PersonaRebuild
from tests.fixtures.floor import DATABASES
from tests.flows.reader_world import Readers
from tests.unit.recommend.building import Piece, add_audience, add_items


@pytest.fixture
def world(floor: Floor) -> Readers:
    return Readers(floor)


WHO = {"app_id": "r"}


def cause(world: Readers, name: str) -> tuple[Any, ...]:
    row = world.event(name)
    return row.attributed_post_id, row.attributed_trace_id, row.attribution


@pytest.mark.parametrize("database_url", DATABASES, indirect=True)
def test_a_late_click_moves_a_later_order(world: Readers) -> None:
    item = world.items[0]
    attribution = world.services.attribution
    world.tell("shown", "impression", 60, who=WHO, item_id=item, post_id=7)
    world.tell("order", "order", 10, who=WHO, item_id=item, value_fen=900, order_ref="A")
    world.tell("back", "refund", 5, who={"openid": "elsewhere"}, order_ref="A", item_id=item)
    assert attribution.apply() == 3
    assert cause(world, "order") == (7, None, "look_back")
    assert cause(world, "back") == (7, None, "order")
    assert attribution.summary([7])[7] == Outcome(
        {"impression": 1, "order": 1, "refund": 1}, revenue_fen=900, refunded_fen=900
    )
    world.tell("late", "click", 20, who=WHO, item_id=item, trace_id="t-1")
    attribution.apply()
    assert cause(world, "order") == (None, "t-1", "look_back")
    assert cause(world, "back") == (None, "t-1", "order")
    assert attribution.summary([7])[7] == Outcome({"impression": 1})
    with world.floor.db.reading() as session:
        brought = outcomes_of_answers(session, ["t-1", "t-2"])
    assert brought == {"t-1": Outcome({"click": 1, "order": 1, "refund": 1}, 900, 900)}


def test_an_order_counts_for_a_post_about_another_edition_of_the_work(world: Readers) -> None:
    one, two, other = add_items(
        world.floor,
        [
            Piece("书评", work="三体"),
            Piece("介绍", work="三体"),
            Piece("别的", work="别的"),
        ],
    )
    world.tell("seen", "click", 30, who=WHO, item_id=one, post_id=7)
    world.tell("o1", "order", 1, who=WHO, item_id=two, value_fen=100)
    world.tell("o2", "order", 1, who=WHO, item_id=other, value_fen=100)
    world.services.attribution.apply()
    assert cause(world, "o1") == (7, None, "look_back")
    assert cause(world, "o2") == (None, None, None)


def test_a_refund_may_come_before_its_order(world: Readers) -> None:
    item = world.items[0]
    world.tell("back", "refund", 1, who=WHO, item_id=item, value_fen=500, order_ref="A")
    world.services.attribution.apply()
    assert world.event("back").refunded_fen is None
    world.tell("order", "order", 2, who=WHO, item_id=item, value_fen=300, order_ref="A", post_id=7)
    world.services.attribution.apply()
    back = world.event("back")
    assert (back.refunded_event_id, back.refunded_fen) == (world.event("order").id, 300)
    told = world.services.attribution.summary([7])[7]
    assert (told.revenue_fen, told.refunded_fen, told.net_fen) == (300, 300, 0)


@pytest.mark.parametrize("database_url", DATABASES, indirect=True)
def test_a_refund_is_taken_off_the_audience_of_its_order_and_never_more(world: Readers) -> None:
    item, elsewhere = world.items[0], add_audience(world.floor, "别的群")
    sale = {"who": WHO, "item_id": item, "order_ref": "A"}
    world.tell("order", "order", 9, audience_id=world.group, value_fen=300, **sale)
    world.tell("part", "refund", 5, audience_id=elsewhere, value_fen=100, **sale)
    world.tell("rest", "refund", 4, value_fen=900, **sale)
    world.tell("lost", "refund", 3, audience_id=elsewhere, value_fen=900, order_ref="B", who=WHO,
               item_id=world.items[1])  # fmt: skip
    world.services.attribution.apply()
    with world.floor.db.reading() as session:
        brought = outcomes_of_audiences(session, [world.group, elsewhere, 10_000])
    assert brought == {
        world.group: Outcome({"order": 1}, revenue_fen=300, refunded_fen=300),
        elsewhere: Outcome({"refund": 2}),
    }
    deeds = ReadingService(world.floor.db).deeds_of_audiences([world.group, elsewhere])
    assert {one: told.net_fen for one, told in deeds.items()} == {world.group: 0, elsewhere: 0}


STORY: list[tuple[str, str, float, dict[str, Any]]] = [
    ("i1", "impression", 90, {"item": 0, "post_id": 7}),
    ("c1", "click", 80, {"item": 0}),
    ("i2", "impression", 70, {"item": 1, "trace_id": "t"}),
    ("f1", "favourite", 60, {"item": 1}),
    ("c2", "click", 50, {"item": 0, "post_id": 8}),
    ("k1", "cart", 40, {"item": 0}),
    ("o1", "order", 30, {"item": 0, "value_fen": 100, "order_ref": "A"}),
    ("o2", "order", 29, {"item": 0, "value_fen": 70}),
    ("r1", "refund", 20, {"item": 0, "value_fen": 50}),
    ("r2", "refund", 19, {"item": 0, "value_fen": 80, "order_ref": "A"}),
    ("r3", "refund", 18, {"item": 0, "value_fen": 90}),
    ("o3", "order", 2, {"item": 1, "value_fen": 40}),
]


def _causes(world: Readers, who: str) -> dict[str, Any]:
    query = select(EventRow).where(EventRow.event_id.startswith(f"{who}-"))
    with world.floor.db.reading() as session:
        rows = list(session.scalars(query))
    names = {row.id: row.event_id.split("-")[1] for row in rows}
    return {
        names[row.id]: (
            row.attributed_post_id,
            row.attributed_trace_id,
            row.attribution,
            names.get(row.refunded_event_id or 0),
            row.refunded_fen,
        )
        for row in rows
    }


def test_the_order_of_arrival_and_repeats_change_nothing(world: Readers) -> None:
    """The same story told to twelve readers in twelve orders, attributed after random steps."""
    source = random.Random(4)
    attribution = world.services.attribution
    for who in (f"w{number}" for number in range(12)):
        story = list(STORY) if who == "w0" else source.sample(STORY, len(STORY))
        for name, kind, hours, values in story:
            told = {key: value for key, value in values.items() if key != "item"}
            if "order_ref" in told:
                told["order_ref"] += who
            item = world.items[values["item"]]
            world.tell(f"{who}-{name}", kind, hours, who={"app_id": who}, item_id=item, **told)
            if source.random() < 0.4:
                attribution.apply()
    attribution.apply()
    expected = {
        "i1": (7, None, "direct", None, None), "c1": (7, None, "look_back", None, None),
        "i2": (None, "t", "direct", None, None), "f1": (None, "t", "look_back", None, None),
        "c2": (8, None, "direct", None, None), "k1": (8, None, "look_back", None, None),
        "o1": (8, None, "look_back", None, None), "o2": (8, None, "look_back", None, None),
        "r1": (8, None, "order", "o2", 50), "r2": (8, None, "order", "o1", 80),
        "r3": (8, None, "order", "o2", 20), "o3": (None, "t", "look_back", None, None),
    }  # fmt: skip
    for number in range(12):
        assert _causes(world, f"w{number}") == expected, number
    with world.floor.db.transaction() as session:
        session.get_one(StateRow, WATERMARK).value = {"last_id": 0}
    assert attribution.apply() == 12 * len(STORY)
    assert _causes(world, "w5") == expected


def test_windows_are_settings(world: Readers) -> None:
    world.tell("shown", "impression", 30, who=WHO, item_id=world.items[0], post_id=7)
    world.tell("click", "click", 0, who=WHO, item_id=world.items[0])
    world.services.attribution.apply()
    assert cause(world, "click") == (None, None, None)
    wide = Windows(click=Windows().cart)
    AttributionService(world.floor, wide).redo(world.reader("r"))
    assert cause(world, "click") == (7, None, "look_back")


def test_a_rebuild_at_night_finds_nothing_to_mend_after_all_that(world: Readers) -> None:
    """Joins, a parting, refunds and late events: what was lived through is what is rebuilt."""
    source = random.Random(7)
    kinds = ["impression", "click", "favourite", "order", "refund", "dislike"]
    for number in range(120):
        who = {"app_id": f"a{number % 5}"} if number % 2 else {"openid": f"o{number % 5}"}
        item = source.choice(world.items)
        hours = source.choice([0, 1, 30, 400])
        group = {"audience_id": world.group} if number % 3 == 0 else {}
        world.tell(f"e{number}", kinds[number % 6], hours, who=who, item_id=item, **group)
        if number % 20 == 19:
            world.learn()
        if number in (50, 90):
            pair = {"app_id": f"a{number % 4}", "openid": f"o{number % 3}"}
            world.tell(f"j{number}", "click", 2, who=pair, item_id=item)
    rows = world.services.identity.look("a2").rows
    world.services.identity.part(rows[1], "li", "")
    world.learn()
    rebuild = PersonaRebuild(world.floor, world.services.learning)
    steps = [rebuild.run(batch=4)]
    while not steps[-1].finished:
        steps.append(rebuild.run(batch=4))
    assert len(steps) > 2, "in bounded batches"
    assert steps[-1].done == 11
    assert (steps[-1].changed, steps[-1].postponed) == (0, 0)
    assert not rebuild.due()


def test_a_rebuild_mends_what_differs_and_says_so(world: Readers) -> None:
    world.tell("1", "click", who=WHO, item_id=world.items[0], audience_id=world.group)
    world.learn()
    reader = world.reader("r")
    lived = world.persona(reader)
    with world.floor.db.transaction() as session:
        session.execute(
            EventRow.__table__.update().values(kind="favourite")  # type: ignore[attr-defined]
        )
    rebuild = PersonaRebuild(world.floor, world.services.learning)
    assert rebuild.due()
    told = rebuild.run()
    assert (told.changed, told.done, told.finished) == (2, 2, True)
    assert world.persona(reader) != lived


@pytest.mark.parametrize("database_url", DATABASES, indirect=True)
def test_of_a_batch_all_is_read_that_may_cause_or_be_caused(world: Readers) -> None:
    rng = random.Random(9)
    for number in range(60):
        kind = rng.choice(["impression", "impression", "click", "cart", "order", "refund"])
        world.tell(
            f"n{number}",
            kind,
            rng.uniform(1, 5_000),
            who=rng.choice([{"app_id": "a"}, {"app_id": "b"}, {"app_id": "c"}]),
            item_id=rng.choice(world.items),
            trace_id=rng.choice([None, "t-1"]),
            post_id=rng.choice([None, None, 7]),
        )
    with world.floor.db.reading() as session:
        readers = set(session.scalars(select(EventRow.reader_id)))
        deeds = [one for reader in readers for one in deeds_of(session, reader or 0)]
        deeds.sort(key=lambda one: one.id)
        parts, after = [], 0
        while (part := next_deeds(session, after, 25)) is not None:
            parts.append(part)
            after = part.last
    assert [(one.first, one.last, one.count) for one in parts] == [
        (1, 25, 25),
        (26, 50, 25),
        (51, 60, 10),
    ]
    for part in parts:
        own = [one for one in deeds if part.first <= one.id <= part.last]
        assert list(part.deeds) == [one for one in own if one.kind != "impression"]
        assert part.touched == touched(own)
    assert any(one.touched for one in parts)
