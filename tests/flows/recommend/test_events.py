"""Events on real parts: counted once, bad ones named, readers found by any id."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy import func, select

from contentcenter.store.tables import (
    EventRow,
    MembershipRow,
    OutboxRow,
    ReaderRow,
)
from recommend.events.service import PostRef
from recommend.tables import SeenRow
from tests.fixtures.topics import World, event


def test_events_are_counted_once_and_bad_ones_are_named(world: World) -> None:
    item = world.items[0]
    good = [event(n, "click", reader_id="r", item_id=item) for n in range(3)]
    bad: list[Any] = [
        event("x1", "wink", reader_id="r", item_id=item),
        event("x2", "click", reader_id="r", item_id=99_999),
        event("x3", "click", reader_id="r"),
        event("x4", "click", reader_id="r", item_id=item, at="yesterday"),
        event("x5", "click", reader_id="r", item_id=item, at="2026-11-21T12:00:00"),
        event("x6", "click", reader_id="r", item_id=item, at="2027-11-21T12:00:00+08:00"),
        event("x7", "join", reader_id="r"),
        event("x8", "click", reader_id="r", post_code="nobody"),
        event("x9", "click", reader_id="r", item_id=True),
        {"kind": "click", "reader_id": "r", "item_id": item},
        "not an event",
    ]
    counts = world.report(*good, good[0], *bad)
    assert (counts.accepted, counts.duplicates, len(counts.rejected)) == (3, 1, len(bad))
    assert [one.index for one in counts.rejected] == list(range(4, 4 + len(bad)))
    fields = [one.reason.split(":")[0] for one in counts.rejected[:9]]
    assert fields == [
        *("kind", "item_id", "item_id", "at", "at", "at"),
        *("audience_id", "post_code", "item_id"),
    ]
    again = world.report(*good)
    assert (again.accepted, again.duplicates) == (0, 3)
    assert world.services.learning.apply_events() == 3
    assert world.services.learning.apply_events() == 0


def test_a_post_code_brings_item_audience_and_post(world: World) -> None:
    codes: list[str] = []

    def lookup(wanted: Any) -> dict[str, PostRef]:
        codes.extend(wanted)
        return {"abc": PostRef(77, world.items[2], world.scifi)}

    world.services.events.post_lookup = lookup
    world.report(event(1, "click", reader={"openid": "o1"}, post_code="abc"))
    with world.floor.db.reading() as session:
        row = session.scalars(select(EventRow)).one()
    assert (row.post_id, row.item_id, row.audience_id) == (77, world.items[2], world.scifi)
    assert codes == ["abc"]


def test_readers_are_found_by_any_id_and_learn_the_others(world: World) -> None:
    item = world.items[0]
    world.report(
        event(1, "click", reader={"openid": "o1"}, item_id=item),
        event(2, "click", reader={"openid": "o1", "unionid": "u1"}, item_id=item),
        event(3, "click", reader={"app_id": "a1", "unionid": "u1"}, item_id=item),
        event(4, "click", reader_id="a1", item_id=item),
    )
    with world.floor.db.reading() as session:
        rows = session.scalars(select(ReaderRow)).all()
        readers = set(session.scalars(select(EventRow.reader_id)))
    assert [(row.openid, row.unionid, row.app_id) for row in rows] == [("o1", "u1", "a1")]
    assert readers == {rows[0].id}


def test_joins_and_leaves_in_any_order(world: World) -> None:
    now = world.floor.clock.now()

    def at(days: int) -> str:
        return (now - timedelta(days=days)).isoformat()

    ref = {"audience_ref": "chat-科幻迷", "reader_id": "m"}
    world.report(event(1, "join", at=at(9), **ref), event(2, "leave", at=at(5), **ref))
    world.report(event(3, "join", at=at(7), **ref))  # late: before the leave
    with world.floor.db.reading() as session:
        row = session.scalars(select(MembershipRow)).one()
        assert row.left_at == now - timedelta(days=5)
    world.report(event(4, "join", at=at(1), **ref))
    with world.floor.db.reading() as session:
        assert session.scalars(select(MembershipRow)).one().left_at is None
    world.services.learning.apply_events()
    view = world.services.personas.get(world.scifi)
    assert next(one.value for one in view.fields if one.name == "fatigue") > 0


def test_recording_tells_the_learning_job(world: World) -> None:
    world.report(event(1, "click", reader_id="r", item_id=world.items[0]))
    with world.floor.db.reading() as session:
        payload = session.scalars(
            select(OutboxRow.payload).where(OutboxRow.topic == "events_recorded")
        ).one()
        assert payload == {"first_id": 1, "last_id": 1}
        assert session.scalar(select(func.count()).select_from(SeenRow)) == 1
