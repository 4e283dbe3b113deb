"""Connections to PostgreSQL: asked whether they live only in doubt; writes that travel together."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import event, text

from contentcenter.domain.errors import Conflict
from contentcenter.floor import Floor
from contentcenter.store import database
from contentcenter.store.database import Database, one_exchange
from tests.fixtures.floor import DATABASES

POSTGRESQL = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
BOTH = pytest.mark.parametrize("database_url", DATABASES, indirect=True)
SESSION = text("SELECT pg_backend_pid()")


@pytest.fixture
def asked(floor: Floor, monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """The connections that were asked whether they live."""
    dialect: Any = floor.db.engine.dialect
    asked: list[object] = []
    ping = dialect.do_ping

    def note(connection: object) -> bool:
        asked.append(connection)
        return bool(ping(connection))

    monkeypatch.setattr(dialect, "do_ping", note)
    return asked


@pytest.fixture
def other(floor: Floor) -> Iterator[Database]:
    other = Database(floor.db.url.render_as_string(hide_password=False))
    yield other
    other.dispose()


def session_of(db: Database) -> int:
    with db.connected() as connection:
        return int(connection.execute(SESSION).scalar_one())


@POSTGRESQL
def test_a_connection_used_a_moment_ago_is_taken_as_it_is(
    floor: Floor, asked: list[object], monkeypatch: pytest.MonkeyPatch
) -> None:
    first = session_of(floor.db)
    assert session_of(floor.db) == first
    assert asked == []
    monkeypatch.setattr(database, "TRUSTED_SECONDS", 0.0)
    assert session_of(floor.db) == first
    assert len(asked) == 1


@POSTGRESQL
def test_a_session_that_the_server_ended_is_noticed_before_its_next_use(
    floor: Floor, other: Database, asked: list[object]
) -> None:
    first = session_of(floor.db)
    with other.connected() as connection:
        ended = text("SELECT pg_terminate_backend(:session, 10000)")
        assert connection.execute(ended, {"session": first}).scalar_one()
    assert session_of(floor.db) != first
    assert len(asked) == 1


@POSTGRESQL
def test_looking_begins_no_transaction_and_writing_does(floor: Floor) -> None:
    with floor.db.connected() as connection:
        connection.execute(text("SELECT 1"))
        raw: Any = connection.connection.driver_connection
        assert raw.info.transaction_status.name == "IDLE"
    with floor.db.transaction() as session:
        session.execute(text("CREATE TABLE IF NOT EXISTS half (id int)"))
        session.rollback()
    with floor.db.connected() as connection:
        assert connection.execute(text("SELECT to_regclass('half')")).scalar() is None


def put_together(db: Database, names: str) -> None:
    put = text("INSERT INTO tags (name) VALUES (:name)")
    with db.writing() as connection, one_exchange(connection):
        for name in names:
            connection.execute(put, {"name": name})


@BOTH
def test_writes_of_one_exchange_all_count_or_none(floor: Floor) -> None:
    put_together(floor.db, "ab")
    with pytest.raises(Conflict):
        put_together(floor.db, "cad")
    with floor.db.connected() as connection:
        assert set(connection.execute(text("SELECT name FROM tags")).scalars()) == {"a", "b"}


@BOTH
def test_a_single_statement_counts_at_once(floor: Floor) -> None:
    put = text("INSERT INTO tags (name) VALUES ('a')")
    told: list[str] = []

    def note(*seen: Any) -> None:
        told.append(seen[2])

    event.listen(floor.db.engine, "before_cursor_execute", note)
    with floor.db.at_once() as connection:
        connection.execute(put)
        with floor.db.reading() as session:
            assert session.execute(text("SELECT count(*) FROM tags")).scalar_one() == 1
    event.remove(floor.db.engine, "before_cursor_execute", note)
    assert "BEGIN IMMEDIATE" not in told
    with pytest.raises(Conflict), floor.db.at_once() as connection:
        connection.execute(put)
