"""Events and all that goes with them, written as one unit that was prepared before.

Everything was looked up without holding anything, so the writing has to notice what moved
meanwhile: readers joined or parted, the same events stored by somebody else, an item gone. It
then writes nothing, and the caller looks again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, select
from sqlalchemy.orm import Session

from contentcenter.domain.errors import Conflict
from contentcenter.domain.facts import EventsRecorded
from contentcenter.store.database import Database
from contentcenter.store.tables import EventRow, OutboxRow
from recommend.events.seen import mark_seen, seen_rows
from recommend.identity.turns import JOINS, ORDER_LOCK, held_joins
from recommend.one_call import insert_from_json, json_rows
from recommend.tables import SeenRow
from recommend.upserts import insert_all


@dataclass(frozen=True)
class Prepared:
    """Rows of events (at least one, none of them a join or a leave of an audience), and how
    often readers had been joined when theirs were looked up."""

    rows: Sequence[Mapping[str, Any]]
    joins: int


def store(db: Database, prepared: Prepared, now: datetime) -> bool:
    """Write them, with the seen sets and the fact for the outbox; False when what they were
    prepared with is no longer so."""
    try:
        if db.is_sqlite:
            _in_one_call(db, prepared, now)
            return True
        with db.writing() as connection:
            if held_joins(connection, now) != prepared.joins:
                return False
            put(connection, prepared.rows, now)
    except Conflict:
        return False
    return True


def put(connection: Session | Connection, rows: Sequence[Mapping[str, Any]], now: datetime) -> None:
    """The same in a transaction that holds the order."""
    insert_all(connection, EventRow, rows)
    last = connection.execute(_LAST).scalar_one()
    # Nobody else inserts while the order is held: the ids are those before the last.
    fact = EventsRecorded(last - len(rows) + 1, last)
    mark_seen(connection, rows)
    told = {"topic": fact.topic, "payload": fact.payload(), "created_at": now}
    insert_all(connection, OutboxRow, [told])


def _in_one_call(db: Database, prepared: Prepared, now: datetime) -> None:
    dialect, seen = db.engine.dialect, seen_rows(prepared.rows)
    created: Any = json_rows(dialect, OutboxRow, [{"created_at": now}])
    told = (
        prepared.joins,
        json_rows(dialect, EventRow, prepared.rows),
        json_rows(dialect, SeenRow, seen),
        created,
    )
    names = tuple(prepared.rows[0])
    with db.at_once() as connection:
        # A view and a trigger of the connection's own, in its temporary schema.
        if connection.info.get("events_turn") != names:
            for statement in _turn(names):
                connection.exec_driver_sql(statement)
            connection.info["events_turn"] = names
        connection.exec_driver_sql("INSERT INTO events_turn VALUES (?, ?, ?, ?)", told)


def _turn(names: tuple[str, ...]) -> Sequence[str]:
    """Statements that make inserting a row into `events_turn` the whole unit of work: SQLite
    runs what a trigger does inside the statement that sets it off."""
    seen = insert_from_json(SeenRow, ("reader_id", "item_id", "at", "hidden"), "NEW.seen")
    return (
        "DROP VIEW IF EXISTS temp.events_turn",
        "CREATE TEMP VIEW events_turn AS SELECT 0 AS joins, '' AS events, '' AS seen, '' AS at",
        f"""
        CREATE TEMP TRIGGER events_take_turn INSTEAD OF INSERT ON events_turn BEGIN
            SELECT RAISE(ABORT, 'Readers were joined or parted meanwhile')
            WHERE NEW.joins <> coalesce((
                SELECT json_extract(value, '$.{JOINS}') FROM state WHERE name = '{ORDER_LOCK}'
            ), 0);
            {insert_from_json(EventRow, names, "NEW.events")};
            {seen} ON CONFLICT (reader_id, item_id) DO UPDATE SET hidden = excluded.hidden
                WHERE excluded.hidden AND NOT seen_items.hidden;
            INSERT INTO outbox (topic, payload, created_at)
            SELECT '{EventsRecorded.topic}', json_object(
                'first_id', max(id) - json_array_length(NEW.events) + 1, 'last_id', max(id)
            ), json_extract(NEW.at, '$[0][0]') FROM events;
        END
        """,  # noqa: S608 - every name is ours
    )


_LAST = select(func.max(EventRow.id))
