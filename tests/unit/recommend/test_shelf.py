"""The shelf on a real store and index: kept, dropped when changed, bounded."""

from __future__ import annotations

from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import event, update

from contentcenter.domain.errors import EngineUnavailable
from contentcenter.domain.facts import EventsRecorded, ItemChanged
from contentcenter.floor import Floor
from contentcenter.search.ports import Filters
from contentcenter.store import outbox
from contentcenter.store.tables import ItemRow
from recommend import shelf as shelf_module
from recommend.changes import OVERLAP, ItemChanges
from recommend.persona_math.decay import day_number
from recommend.shelf import Shelf
from recommend.tables import ItemSignalRow
from recommend.upserts import upsert
from tests.fixtures.floor import wait_for_work_beside_pages
from tests.unit.recommend.building import Piece, add_items


@pytest.fixture(autouse=True)
def listening(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shelf_module, "LISTEN_SECONDS", 0.0)


@pytest.fixture
def ids(floor: Floor) -> list[int]:
    return add_items(floor, [Piece(f"第{n}本", tags=("科幻",)) for n in range(4)])


def change(floor: Floor, item_id: int, **values: object) -> None:
    with floor.db.transaction() as session:
        session.execute(
            update(ItemRow)
            .where(ItemRow.id == item_id)
            .values(version=ItemRow.version + 1, **values)
        )
        outbox.record(session, ItemChanged(item_id), floor.clock.now())


def statements(floor: Floor) -> list[str]:
    seen: list[str] = []
    event.listen(floor.db.engine, "before_cursor_execute", lambda *args: seen.append(str(args[2])))
    return seen


def test_a_second_look_asks_the_store_for_nothing_but_changes(floor: Floor, ids: list[int]) -> None:
    shelf = Shelf(floor)
    first = shelf.visible(ids)
    asked = statements(floor)
    assert shelf.visible(ids) == first
    assert list(first) == ids
    assert all("FROM outbox" in one for one in asked if one.startswith("SELECT"))


def test_a_changed_item_is_read_anew(floor: Floor, ids: list[int]) -> None:
    shelf = Shelf(floor)
    shelf.visible(ids)
    change(floor, ids[1], title="改了名字")
    assert shelf.visible(ids)[ids[1]].title == "改了名字"


def test_a_withdrawn_item_leaves(floor: Floor, ids: list[int]) -> None:
    shelf = Shelf(floor)
    shelf.visible(ids)
    change(floor, ids[0], state="withdrawn")
    assert list(shelf.visible(ids)) == ids[1:]


def test_current_cards_are_those_of_this_moment_without_texts(
    floor: Floor, ids: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shelf_module, "LISTEN_SECONDS", 1e9)
    shelf = Shelf(floor)
    shelf.visible(ids)
    change(floor, ids[0], state="withdrawn")
    change(floor, ids[1], title="改了名字")
    asked = statements(floor)
    with floor.db.connected() as connection:
        cards = shelf.current(connection, ids)
    assert [cards[one].title for one in ids[1:]] == ["改了名字", "第2本", "第3本"]
    assert ids[0] not in cards
    assert {card.text for card in cards.values()} == {""}
    asked.clear()
    with floor.db.connected() as connection:
        shelf.current(connection, ids[1:])
    assert len([one for one in asked if one.startswith("SELECT")]) == 1


def test_what_changed_while_it_was_read_is_not_kept(
    floor: Floor, ids: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The card is read, then changed and heard of by another request, then put away."""
    shelf = Shelf(floor)
    shelf.visible([ids[3]])
    load = shelf_module.load_items

    def slow(session: object, wanted: object) -> object:
        cards = load(session, wanted)  # type: ignore[arg-type]
        monkeypatch.setattr(shelf_module, "load_items", load)
        change(floor, ids[0], title="后来的名字")
        shelf.visible([ids[3]])
        return cards

    monkeypatch.setattr(shelf_module, "load_items", slow)
    shelf.visible([ids[0]])
    assert shelf.visible([ids[0]])[ids[0]].title == "后来的名字"


def test_signals_are_read_again_after_a_while(
    floor: Floor, ids: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    shelf = Shelf(floor)
    assert shelf.visible(ids)[ids[0]].match.shown == 0
    with floor.db.transaction() as session:
        row = {
            "item_id": ids[0],
            "heat": 1.0,
            "shown": 40.0,
            "liked": 4.0,
            "orders": 0.0,
            "day": 1e6,
        }
        upsert(session, ItemSignalRow, [row], ["item_id"], ["shown"])
    assert shelf.visible(ids)[ids[0]].match.shown == 0
    monkeypatch.setattr(shelf_module, "SIGNAL_SECONDS", -1.0)
    assert shelf.visible(ids)[ids[0]].match.shown == pytest.approx(40.0)


def test_an_item_loaded_without_the_index_gets_its_vector_later(
    floor: Floor, ids: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    shelf = Shelf(floor)
    with monkeypatch.context() as away:

        def fail(_: object) -> None:
            raise EngineUnavailable("away")

        away.setattr(floor.index, "vectors", fail)
        assert shelf.visible(ids)[ids[0]].match.vector is None
    monkeypatch.setattr(shelf_module, "BARE_SECONDS", -1.0)
    assert shelf.visible(ids)[ids[0]].match.vector is not None


def test_the_shelf_is_bounded(floor: Floor, ids: list[int]) -> None:
    shelf = Shelf(floor, size=2)
    assert list(shelf.visible(ids)) == ids
    assert len(shelf._kept) == 2


def test_changes_are_heard_once_and_only_those_of_items(floor: Floor, ids: list[int]) -> None:
    changes = ItemChanges(floor.db)
    assert changes.since_last() == set()
    change(floor, ids[2])
    with floor.db.transaction() as session:
        outbox.record(session, EventsRecorded(1, 2), floor.clock.now())
    assert changes.since_last() == {ids[2]}
    assert changes.since_last() == set()


def test_a_fact_committed_after_later_ones_is_heard(floor: Floor, ids: list[int]) -> None:
    """As on PostgreSQL, where ids are taken before they are committed."""
    changes = ItemChanges(floor.db)
    change(floor, ids[0])
    changes.since_last()
    with floor.db.transaction() as session:
        row = outbox.OutboxRow(
            id=10_000, topic="item_changed", payload={"item_id": ids[1]},
            created_at=floor.clock.now(),
        )  # fmt: skip
        session.add(row)
    assert changes.since_last() == {ids[1]}
    with floor.db.transaction() as session:
        row = outbox.OutboxRow(
            id=10_000 - OVERLAP + 1, topic="item_changed", payload={"item_id": ids[2]},
            created_at=floor.clock.now(),
        )  # fmt: skip
        session.add(row)
    assert changes.since_last() == {ids[2]}
    assert changes.since_last() == set()


def heard(floor: Floor, item_id: int) -> None:
    day = day_number(floor.clock.now())
    with floor.db.transaction() as session:
        row = {"item_id": item_id, "heat": 1.0, "shown": 40.0, "liked": 8.0, "orders": 0.0}
        upsert(session, ItemSignalRow, [{**row, "day": day}], ["item_id"], [])


def test_all_that_is_kept_is_confirmed_together(
    floor: Floor, ids: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    shelf = Shelf(floor)
    shelf.visible(ids)
    heard(floor, ids[0])
    # Versions alone, without the fact that says so: only who asks the store can know.
    with floor.db.transaction() as session:
        session.execute(update(ItemRow).where(ItemRow.id == ids[1]).values(state="withdrawn"))
    shelf.keep_up()
    monkeypatch.setattr(shelf_module, "TRUST_SECONDS", 1e9)
    asked = statements(floor)
    found = shelf.visible(ids[:1] + ids[2:])
    assert found[ids[0]].match.shown == pytest.approx(40.0)
    assert not any("items" in one for one in asked)
    assert ids[1] not in shelf.visible(ids)


def test_a_signal_that_only_faded_a_little_leaves_the_item_as_it_is(
    floor: Floor, ids: list[int]
) -> None:
    shelf = Shelf(floor)
    heard(floor, ids[0])
    before = shelf.visible(ids)[ids[0]]
    floor.clock.advance(timedelta(minutes=30))
    shelf.keep_up()
    assert shelf.visible(ids)[ids[0]] is before
    floor.clock.advance(timedelta(days=3))
    shelf.keep_up()
    assert shelf.visible(ids)[ids[0]].match.shown == pytest.approx(40.0 * 0.5 ** (3 / 30), rel=0.01)


def test_pages_ask_for_the_upkeep_when_it_is_due(
    floor: Floor, ids: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[object] = []
    shelf = Shelf(floor, run=asked.append)
    shelf.visible(ids)
    assert asked == []
    monkeypatch.setattr(shelf_module, "UPKEEP_SECONDS", 0.0)
    shelf.visible(ids)
    assert asked == [shelf.keep_up]


def test_a_process_stocks_up_beside_its_first_page_and_jobs_do_not(
    floor: Floor, ids: list[int]
) -> None:
    in_a_job, on_a_page = Shelf(floor), Shelf(floor)
    in_a_job.visible(ids[:1])
    with Flask("test").test_request_context():
        on_a_page.visible(ids[:1])
    wait_for_work_beside_pages()
    asked = statements(floor)
    assert list(on_a_page.visible(ids)) == ids
    assert not [one for one in asked if "FROM items" in one]
    assert list(in_a_job.visible(ids)) == ids
    assert [one for one in asked if "FROM items" in one]


def test_a_full_shelf_stocks_the_newest_and_no_more(floor: Floor, ids: list[int]) -> None:
    shelf = Shelf(floor, size=3)
    shelf.stock_up()
    newest = floor.index.select(Filters(), 3)
    asked = statements(floor)
    assert list(shelf.visible(newest)) == newest
    assert not [one for one in asked if "FROM items" in one]
