"""Many rows and many ids in one statement: the same on both databases."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from sqlalchemy import event, select

from contentcenter.floor import Floor
from contentcenter.store.tables import EventRow, StateRow
from recommend.among import among
from recommend.tables import PersonaRow
from recommend.upserts import insert_all, upsert
from tests.fixtures.floor import DATABASES

NOW = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=timezone(timedelta(hours=8)))
KEYS = ("subject", "subject_id")
ODD = "{\"a\", b}\\ 'NULL' 中"

pytestmark = pytest.mark.parametrize("database_url", DATABASES, indirect=True)


def persona(number: int, **changes: Any) -> dict[str, Any]:
    return {
        "subject": "reader",
        "subject_id": number,
        "learned": {ODD: [0.1 + 0.2, number, None]},
        "override": {},
        "centres": bytes(range(256)) if number % 2 else None,
        "model": ODD,
        "evidence": 0.1 * number,
        "version": 1,
        "updated_at": NOW,
        **changes,
    }


@pytest.fixture
def told(floor: Floor) -> Iterator[list[str]]:
    """The statements that reach the database."""
    told: list[str] = []

    def note(*seen: Any) -> None:
        told.append(seen[2])

    event.listen(floor.db.engine, "before_cursor_execute", note)
    yield told
    event.remove(floor.db.engine, "before_cursor_execute", note)


def test_rows_come_back_as_they_were_written(floor: Floor) -> None:
    with floor.db.transaction() as session:
        upsert(session, PersonaRow, [persona(one) for one in range(4)], KEYS, ["learned"])
    with floor.db.reading() as session:
        rows = session.scalars(select(PersonaRow).order_by(PersonaRow.subject_id)).all()
    for number, row in enumerate(rows):
        wanted = persona(number)
        assert {name: getattr(row, name) for name in wanted} == wanted
        assert row.updated_at.tzinfo is UTC
        assert (row.declared, row.declared_version) == ({}, 0)  # left out: their defaults
    assert len(rows) == 4


def test_rows_that_are_there_change_only_what_is_named(floor: Floor) -> None:
    with floor.db.writing() as connection:
        upsert(connection, PersonaRow, [persona(1), persona(2)], KEYS, ["learned"])
        again = [persona(2, learned={"b": 1}, model="new", evidence=7.0), persona(3)]
        upsert(connection, PersonaRow, again, KEYS, ["learned"], adds=["evidence", "version"])
        upsert(connection, PersonaRow, [persona(1, learned={})], KEYS, [])
    with floor.db.reading() as session:
        rows = {row.subject_id: row for row in session.scalars(select(PersonaRow))}
    assert rows[1].learned == persona(1)["learned"]
    assert (rows[2].learned, rows[2].model, rows[2].version) == ({"b": 1}, ODD, 2)
    assert rows[2].evidence == 0.1 * 2 + 7.0
    assert set(rows) == {1, 2, 3}


def test_new_rows_get_ids_in_their_order_with_some_values_missing(floor: Floor) -> None:
    rows = [
        {
            "event_id": f"e{number}",
            "kind": "mute",
            "post_id": 2**40 + number if number % 2 else None,
            "value_fen": None,
            "at": NOW,
            "received_at": NOW,
        }
        for number in range(1_500)
    ]
    with floor.db.transaction() as session:
        insert_all(session, EventRow, rows)
    with floor.db.reading() as session:
        found = session.execute(
            select(EventRow.event_id, EventRow.post_id, EventRow.value_fen).order_by(EventRow.id)
        ).all()
    assert [tuple(row) for row in found] == [
        (row["event_id"], row["post_id"], None) for row in rows
    ]


def test_no_rows_ask_nothing(floor: Floor, told: list[str]) -> None:
    with floor.db.reading() as session:
        upsert(session, StateRow, [], ["name"], [])
    assert not told


def test_ids_are_one_value_of_one_statement(floor: Floor, told: list[str]) -> None:
    with floor.db.transaction() as session:
        upsert(session, PersonaRow, [persona(one) for one in (1, 2, 2**40)], KEYS, [])
    query = select(PersonaRow.subject_id).where(among(PersonaRow.subject_id, "ids"))
    with floor.db.connected() as connection:
        del told[:]
        for ids, found in (([2**40, 1, 9], {2**40, 1}), ([], set()), ([2], {2})):
            assert set(connection.execute(query, {"ids": ids}).scalars()) == found
    asked = [one for one in told if one.startswith("SELECT")]
    assert len(asked) == 3
    assert len(set(asked)) == 1


def test_texts_are_matched_as_they_are(floor: Floor) -> None:
    rows = [{"name": name, "value": {}, "updated_at": NOW} for name in (ODD, "plain", "other")]
    with floor.db.transaction() as session:
        upsert(session, StateRow, rows, ["name"], [])
    query = select(StateRow.name).where(
        among(StateRow.name, "names", texts=True), StateRow.name != "other"
    )
    with floor.db.connected() as connection:
        found = connection.execute(query, {"names": [ODD, "plain", "other", "absent"]}).scalars()
        assert set(found) == {ODD, "plain"}


def test_an_index_serves_many_ids(floor: Floor) -> None:
    query = select(EventRow.id).where(among(EventRow.reader_id, "readers"), EventRow.id > 0)
    with floor.db.connected() as connection:
        text = str(query.compile(dialect=connection.dialect))
        if connection.dialect.name == "postgresql":
            assert "= ANY (" in text
            return
        plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}", ("[1, 2]", 0)).all()
    assert any("USING COVERING INDEX ix_events_reader" in row[3] for row in plan)
