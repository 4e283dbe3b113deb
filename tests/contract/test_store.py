"""The store's promises, on SQLite and on PostgreSQL alike."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import StatementError

import distribute.tables  # noqa: F401 - the rooms' tables join the metadata
import ingest.tables  # noqa: F401
import recommend.tables  # noqa: F401
from contentcenter.domain.errors import Conflict, EngineUnavailable
from contentcenter.domain.facts import ItemReady
from contentcenter.store import audit, migrate, outbox
from contentcenter.store.base import Table
from contentcenter.store.database import Database
from contentcenter.store.tables import OutboxRow, SourceRow, StateRow
from tests.fixtures.floor import DATABASES, empty_database

NOW = datetime(2026, 11, 21, 12, 30, tzinfo=UTC)

pytestmark = pytest.mark.parametrize("database_url", DATABASES, indirect=True)


@pytest.fixture
def db(database_url: str) -> Iterator[Database]:
    database = empty_database(database_url)
    yield database
    database.dispose()


def source(name: str = "人文社") -> SourceRow:
    return SourceRow(name=name, kind="supplier", created_at=NOW)


def test_a_unit_of_work_is_all_or_nothing(db: Database) -> None:
    def half_way() -> None:
        with db.transaction() as session:
            session.add(source())
            session.flush()
            raise ValueError("something went wrong")

    with pytest.raises(ValueError, match="something"):
        half_way()
    with db.reading() as session:
        assert session.scalars(select(SourceRow)).all() == []


def test_a_broken_key_is_a_conflict(db: Database) -> None:
    with db.transaction() as session:
        session.add(source())
    with pytest.raises(Conflict), db.transaction() as session:
        session.add(source())


def test_a_missing_parent_is_refused(db: Database) -> None:
    with pytest.raises(Conflict), db.transaction() as session:
        session.execute(
            text(
                "INSERT INTO memberships (audience_id, reader_id, joined_at)"
                " VALUES (1, 1, '2026-01-01')"
            )
        )


def test_times_come_back_aware_and_in_utc(db: Database) -> None:
    shanghai = timezone(timedelta(hours=8))
    with db.transaction() as session:
        session.add(
            StateRow(name="t", value={}, updated_at=datetime(2026, 11, 21, 20, 30, tzinfo=shanghai))
        )
    with db.reading() as session:
        stored = session.get_one(StateRow, "t").updated_at
    assert stored == NOW
    assert stored.utcoffset() == timedelta(0)


def test_a_naive_time_is_refused(db: Database) -> None:
    with pytest.raises(StatementError, match="time zone"), db.transaction() as session:
        session.add(StateRow(name="t", value={}, updated_at=datetime(2026, 11, 21)))  # noqa: DTZ001


def test_json_keeps_chinese_and_numbers(db: Database) -> None:
    value = {"书名": "三体", "prices": [45.5, 0], "none": None}
    with db.transaction() as session:
        session.add(StateRow(name="j", value=value, updated_at=NOW))
    with db.reading() as session:
        assert session.get_one(StateRow, "j").value == value


def test_writers_wait_for_each_other_and_lose_nothing(db: Database) -> None:
    with db.transaction() as session:
        session.add(StateRow(name="n", value={"n": 0}, updated_at=NOW))

    def add_many() -> None:
        for _ in range(20):
            with db.transaction() as session:
                row = session.scalars(
                    select(StateRow).where(StateRow.name == "n").with_for_update()
                ).one()
                row.value = {"n": row.value["n"] + 1}

    threads = [threading.Thread(target=add_many) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with db.reading() as session:
        assert session.get_one(StateRow, "n").value == {"n": 80}


def test_a_fact_is_written_with_its_change_or_not_at_all(db: Database) -> None:
    with db.transaction() as session:
        outbox.record(session, ItemReady(item_id=7), NOW)
    with db.transaction() as session:
        outbox.record(session, ItemReady(item_id=8), NOW)
        session.rollback()
    with db.reading() as session:
        rows = outbox.waiting(session, 10)
        assert [row.payload for row in rows] == [{"item_id": 7}]


def test_told_facts_are_forgotten_after_a_while(db: Database) -> None:
    with db.transaction() as session:
        outbox.record(session, ItemReady(item_id=7), NOW)
        outbox.record(session, ItemReady(item_id=8), NOW)
        session.flush()
        first = session.scalars(select(OutboxRow.id).order_by(OutboxRow.id)).first()
        assert first is not None
        outbox.mark_relayed(session, [first], NOW)
    with db.transaction() as session:
        assert outbox.forget(session, NOW + timedelta(days=1)) == 1
    with db.reading() as session:
        assert [row.payload["item_id"] for row in outbox.waiting(session, 10)] == [8]


def test_the_trail_of_one_thing_is_in_order(db: Database) -> None:
    with db.transaction() as session:
        audit.log(session, NOW, "小王", "created", ("item", 1), title="三体")
        audit.log(session, NOW, "小王", "created", ("item", 2))
        audit.log(session, NOW, "小李", "approved", ("item", 1))
    with db.reading() as session:
        trail = audit.trail(session, "item", 1)
    assert [(row.actor, row.action) for row in trail] == [("小王", "created"), ("小李", "approved")]


def test_migrations_make_what_the_code_says(db: Database) -> None:
    Table.metadata.drop_all(db.engine)
    with db.transaction() as session:
        session.execute(text("DROP TABLE IF EXISTS alembic_version"))
    migrate.upgrade(db)
    assert migrate.differences(db) == []
    migrate.upgrade(db)  # a second time changes nothing
    with db.transaction() as session:
        session.execute(text("DROP TABLE alembic_version"))


def test_a_database_that_is_away_is_an_engine_unavailable(database_url: str) -> None:
    # A folder where the file should be; a port where nobody listens.
    away = (
        "sqlite:////dev"
        if database_url.startswith("sqlite")
        else "postgresql+psycopg://cc@127.0.0.1:9/none"
    )
    with pytest.raises(EngineUnavailable):
        Database(away).ping()
