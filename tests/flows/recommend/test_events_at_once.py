"""Events are looked up beside everybody else and written at once: what moved in between is
noticed, and nothing is counted twice or told to the wrong reader."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import event as listening
from sqlalchemy import func, select

from contentcenter.domain.errors import Conflict, EngineUnavailable
from contentcenter.store.tables import EventRow, MembershipRow, OutboxRow, ReaderRow
from recommend.events import service, storing
from recommend.tables import SeenRow
from tests.fixtures.topics import World, event

Between = Callable[[Callable[[], object]], list[int]]


@pytest.fixture
def between(monkeypatch: pytest.MonkeyPatch) -> Between:
    """Let something happen between the first look and its writing; gives the batches that
    were written or refused, by their number of events."""
    store = service.store

    def arrange(happens: Callable[[], object]) -> list[int]:
        tries: list[int] = []

        def late(db: Any, prepared: service.Prepared, now: Any) -> bool:
            tries.append(len(prepared.rows))
            if len(tries) == 1:
                happens()
            return store(db, prepared, now)

        monkeypatch.setattr(service, "store", late)
        return tries

    return arrange


@pytest.fixture
def told(world: World) -> Iterator[list[str]]:
    """The statements that reach the database."""
    told: list[str] = []

    def note(*seen: Any) -> None:
        told.append(seen[2])

    listening.listen(world.floor.db.engine, "before_cursor_execute", note)
    yield told
    listening.remove(world.floor.db.engine, "before_cursor_execute", note)


def owners(world: World) -> dict[str, int | None]:
    with world.floor.db.reading() as session:
        return dict(session.execute(select(EventRow.event_id, EventRow.reader_id)).all())  # type: ignore[arg-type]


def count(world: World, table: Any) -> int:
    with world.floor.db.reading() as session:
        return session.scalar(select(func.count()).select_from(table)) or 0


def test_readers_who_are_joined_meanwhile_are_looked_up_again(
    world: World, between: Between
) -> None:
    item, other = world.items[:2]
    world.report(event(1, "click", reader_id="a", item_id=item))
    world.report(event(2, "click", reader_id="b", item_id=item))
    identity = world.services.identity
    tries = between(lambda: identity.join("app_id:a", "app_id:b", "eve", "same person"))
    assert world.report(event(3, "click", reader_id="b", item_id=other)).accepted == 1
    assert tries == [1, 1]
    survivor = identity.look("app_id:a").id
    assert owners(world) == {"e1": survivor, "e2": survivor, "e3": survivor}
    tries = between(lambda: identity.part(max(ids(world)), "eve", "two persons"))
    world.report(event(4, "click", reader_id="b", item_id=other))
    assert len(tries) == 2
    assert owners(world)["e4"] == identity.look("app_id:b").id != survivor


def ids(world: World) -> list[int]:
    with world.floor.db.reading() as session:
        return list(session.scalars(select(ReaderRow.id)))


def test_an_event_that_another_process_stores_meanwhile_is_a_duplicate(
    world: World, between: Between
) -> None:
    item, other = world.items[:2]
    batch = [event(n, "click", reader_id="r", item_id=item) for n in range(3)]
    elsewhere = service.EventService(world.floor)
    tries = between(lambda: stored_elsewhere(elsewhere, other))
    counts = world.report(*batch)
    assert (counts.accepted, counts.duplicates, tries) == (2, 1, [3, 1, 2])
    assert count(world, EventRow) == 3
    assert count(world, SeenRow) == 2, "the first report of an event is the one that counts"
    assert count(world, OutboxRow) >= 2


def stored_elsewhere(elsewhere: service.EventService, item: int) -> None:
    reader = service.ReaderRef(app_id="r")
    elsewhere.record([service.IncomingEvent(0, "e1", "click", reader, item_id=item)])


def test_nothing_is_written_of_a_batch_that_is_refused(world: World, between: Between) -> None:
    """Until the store is held for the last try: then all of it is, once."""
    item = world.items[0]
    world.report(event(0, "click", reader_id="a", item_id=item))
    seen: list[int] = []

    def never(*_: Any) -> bool:
        seen.append(count(world, EventRow))
        return False

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(service, "store", never)
        counts = world.report(event(1, "click", reader_id="a", item_id=item))
    assert seen == [1] * service.LOOKS
    assert (counts.accepted, count(world, EventRow)) == (1, 2)


def test_a_join_whose_reader_is_met_by_the_feed_meanwhile_is_stored_all_the_same(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    resolve, tries = service.resolve_readers, []

    def late(*told: Any, **how: Any) -> Any:
        tries.append(told)
        if len(tries) == 1:
            raise Conflict("The database refused this, it breaks a key")
        return resolve(*told, **how)

    monkeypatch.setattr(service, "resolve_readers", late)
    counts = world.report(event(1, "join", reader_id="m", audience_id=world.scifi))
    assert (counts.accepted, counts.duplicates) == (1, 0)
    assert (len(tries), count(world, EventRow), count(world, MembershipRow)) == (2, 1, 1)


def test_a_large_report_is_stored_in_parts_and_counted_as_one(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "AT_ONCE", 2)
    items = world.items
    batch = [event(n, "click", reader_id=f"r{n % 3}", item_id=items[n]) for n in range(5)]
    batch[3] = event("x", "click", reader_id="r", item_id=99_999)
    store, left = service.store, [1]

    def once(*told: Any) -> bool:
        if not left:
            raise EngineUnavailable("The database went away", engine="store")
        left.pop()
        return store(*told)

    with monkeypatch.context() as patch:
        patch.setattr(service, "store", once)
        with pytest.raises(EngineUnavailable):
            world.report(*batch, batch[0])
    assert sorted(owners(world)) == ["e0", "e1"]
    again = world.report(*batch, batch[0])
    assert (again.accepted, again.duplicates) == (2, 3)
    assert [(one.index, one.event_id) for one in again.rejected] == [(3, "ex")]
    with world.floor.db.reading() as session:
        facts = session.scalars(select(OutboxRow.payload).order_by(OutboxRow.id)).all()
    told = [(one["first_id"], one["last_id"]) for one in facts if "first_id" in one]
    assert told == [(1, 2), (3, 3), (4, 4)]
    assert world.services.learning.apply_events() == 4


def test_known_readers_events_are_one_write(world: World, told: list[str]) -> None:
    items = world.items
    world.report(*(event(n, "click", reader_id=f"r{n}", item_id=items[0]) for n in range(3)))
    del told[:]
    batch = [event(f"b{n}", "click", reader_id=f"r{n % 3}", item_id=items[n]) for n in range(9)]
    assert world.report(*batch).accepted == 9
    writes = [one for one in told if not one.lstrip().startswith(("SELECT", "WITH"))]
    if world.floor.db.is_sqlite:
        assert writes == ["INSERT INTO events_turn VALUES (?, ?, ?, ?, ?)"]
    else:
        assert [one.split()[2] for one in writes] == ["events", "seen_items", "outbox"]


def test_new_readers_are_met_before_the_events_are_written(world: World) -> None:
    item = world.items[0]
    shared = {"app_id": "x", "openid": "o"}
    counts = world.report(
        event(1, "impression", reader_id="new", item_id=item),
        event(2, "dislike", reader_id="new", item_id=item),
        event(3, "click", reader={"unionid": "u"}, item_id=item),
        event(4, "click", reader_id="x", item_id=item),
        event(5, "click", reader=shared, item_id=item),
        event(6, "click", audience_id=world.scifi, item_id=item),
    )
    assert (counts.accepted, counts.rejected) == (6, ())
    found = owners(world)
    assert len(ids(world)) == 3
    assert found["e1"] == found["e2"] != found["e3"]
    assert found["e4"] == found["e5"] == world.services.identity.look("openid:o").id
    assert found["e6"] is None
    with world.floor.db.reading() as session:
        hidden = dict(session.execute(select(SeenRow.reader_id, SeenRow.hidden)).all())  # type: ignore[arg-type]
    assert hidden == {found["e1"]: True, found["e3"]: False, found["e4"]: False}


def test_what_was_seen_can_still_be_hidden_but_not_shown_again(world: World) -> None:
    item = world.items[0]
    for number, kind in enumerate(("impression", "dislike", "click")):
        world.report(event(number, kind, reader_id="r", item_id=item))
        with world.floor.db.reading() as session:
            assert session.scalars(select(SeenRow.hidden)).one() is (number > 0)


def test_texts_that_no_database_stores_are_named(world: World) -> None:
    item = world.items[0]
    counts = world.report(
        event("\0", "click", reader_id="r", item_id=item),
        event(1, "click", reader_id="\ud83d", item_id=item),
        event("\U0001f4da 书", "click", reader_id="读者", item_id=item, order_ref='"\\{'),
    )
    reasons = [(one.index, one.reason.split(":")[0]) for one in counts.rejected]
    assert reasons == [(0, "event_id"), (1, "reader_id")]
    with world.floor.db.reading() as session:
        row = session.scalars(select(EventRow)).one()
    assert (row.event_id, row.order_ref) == ("e\U0001f4da 书", '"\\{')


def test_what_apps_usually_report_is_stored_as_anything_else(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where one moment and five columns tell all, the others are not sent."""
    items = world.items
    told = [
        ("impression", items[0], "t"),
        ("impression", items[1], None),
        ("click", items[1], "t"),
        ("dislike", items[2], "t"),
        ("impression", items[2], "t"),
        ("favourite", items[3], None),
    ]
    for way in ("quick", "plain"):
        if way == "plain":
            monkeypatch.setattr(storing, "_usual", lambda _rows: False)
        batch = [
            event(f"{way}{n}", kind, reader_id=way, item_id=item, trace_id=trace)
            for n, (kind, item, trace) in enumerate(told)
        ]
        assert world.report(*batch).accepted == len(batch)
    quick, plain = (stored_of(world, way) for way in ("quick", "plain"))
    assert len(quick[0]) == len(told)
    assert quick == plain
    with world.floor.db.reading() as session:
        facts = [row.payload for row in session.scalars(select(OutboxRow).order_by(OutboxRow.id))]
    assert [(one["first_id"], one["last_id"]) for one in facts[-2:]] == [(1, 6), (7, 12)]


def stored_of(world: World, reader: str) -> tuple[list[Any], list[Any]]:
    """Events and seen items of a reader, but for what names the reader."""
    own = world.services.identity.look(f"app_id:{reader}").id
    with world.floor.db.reading() as session:
        rows = session.scalars(
            select(EventRow).where(EventRow.reader_id == own).order_by(EventRow.id)
        ).all()
        seen = session.execute(
            select(SeenRow.item_id, SeenRow.at, SeenRow.hidden)
            .where(SeenRow.reader_id == own)
            .order_by(SeenRow.item_id)
        )
        names = [
            one.name
            for one in EventRow.__table__.columns
            if one.name not in {"id", "event_id", "reader_id"}
        ]
        events = [tuple(getattr(row, name) for name in names) for row in rows]
        return events, [tuple(row) for row in seen]


def test_a_report_is_cut_evenly() -> None:
    events = [service.IncomingEvent(n, f"e{n}", "click") for n in range(1_250)]
    for count, sizes in (
        (0, []),
        (1, [1]),
        (600, [600]),
        (601, [301, 300]),
        (1_250, [417, 417, 416]),
    ):
        parts = list(service.evenly(events[:count], 600))
        assert [len(part) for part in parts] == sizes
        assert [one for part in parts for one in part] == events[:count]
