"""Events and all that goes with them, written as one unit that was prepared before.

Everything was looked up without holding anything, so the writing has to notice what moved
meanwhile: readers joined or parted, the same events stored by somebody else, an item gone. It
then writes nothing, and the caller looks again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, select
from sqlalchemy.orm import Session

from contentcenter.domain.errors import Conflict
from contentcenter.domain.events import SEEN_EVENTS, EventKind
from contentcenter.domain.facts import EventsRecorded
from contentcenter.store.database import Database
from contentcenter.store.tables import EventRow, OutboxRow
from recommend.events.attribution import DIRECT
from recommend.events.seen import HIDING, mark_seen, seen_rows
from recommend.identity.turns import JOINS, ORDER_LOCK, held_joins
from recommend.one_call import insert_from_json, json_rows
from recommend.tables import SeenRow
from recommend.upserts import insert_all


def _listed(kinds: Iterable[EventKind]) -> str:
    return ", ".join(f"'{kind.value}'" for kind in sorted(kinds))


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


# What differs between events that apps usually report: of a feed, as they happen.
_USUAL = ("event_id", "kind", "reader_id", "item_id", "trace_id")
_SELDOM = ("audience_id", "post_id", "order_ref", "value_fen", "attributed_post_id")


def _usual(rows: Sequence[Mapping[str, Any]]) -> bool:
    """Whether the rest of these rows follows from `_USUAL` and one moment."""
    at = rows[0]["at"]
    return all(
        row["at"] is at
        and row["attributed_trace_id"] == row["trace_id"]
        and not any(row[name] is not None for name in _SELDOM)
        for row in rows
    )


def _in_one_call(db: Database, prepared: Prepared, now: datetime) -> None:
    dialect, rows = db.engine.dialect, prepared.rows
    moments: Any = json_rows(dialect, EventRow, [{"at": rows[0]["at"], "received_at": now}])
    usual, events, seen = "[]", "[]", "[]"
    if _usual(rows):
        usual = json_rows(dialect, EventRow, [{name: row[name] for name in _USUAL} for row in rows])
    else:
        events = json_rows(dialect, EventRow, rows)
        seen = json_rows(dialect, SeenRow, seen_rows(rows))
    names = tuple(rows[0])
    with db.at_once() as connection:
        # A view and a trigger of the connection's own, in its temporary schema.
        if connection.info.get("events_turn") != names:
            for statement in _turn(names):
                connection.exec_driver_sql(statement)
            connection.info["events_turn"] = names
        told = (prepared.joins, usual, events, seen, moments)
        connection.exec_driver_sql("INSERT INTO events_turn VALUES (?, ?, ?, ?, ?)", told)


def _turn(names: tuple[str, ...]) -> Sequence[str]:
    """Statements that make inserting a row into `events_turn` the whole unit of work: SQLite
    runs what a trigger does inside the statement that sets it off."""
    seen = insert_from_json(SeenRow, ("reader_id", "item_id", "at", "hidden"), "NEW.seen")
    hide = """ON CONFLICT (reader_id, item_id) DO UPDATE SET hidden = excluded.hidden
                WHERE excluded.hidden AND NOT seen_items.hidden"""
    return (
        "DROP VIEW IF EXISTS temp.events_turn",
        """
        CREATE TEMP VIEW events_turn AS
        SELECT 0 AS joins, '' AS usual, '' AS events, '' AS seen, '' AS moments
        """,
        f"""
        CREATE TEMP TRIGGER events_take_turn INSTEAD OF INSERT ON events_turn BEGIN
            SELECT RAISE(ABORT, 'Readers were joined or parted meanwhile')
            WHERE NEW.joins <> coalesce((
                SELECT json_extract(value, '$.{JOINS}') FROM state WHERE name = '{ORDER_LOCK}'
            ), 0);
            {_USUAL_EVENTS};
            {_USUAL_SEEN} {hide};
            {insert_from_json(EventRow, names, "NEW.events")};
            {seen} {hide};
            INSERT INTO outbox (topic, payload, created_at)
            SELECT '{EventsRecorded.topic}', json_object(
                'first_id', max(id) - {_COUNT} + 1, 'last_id', max(id)
            ), {_RECEIVED_AT} FROM events;
        END
        """,  # noqa: S608 - every name is ours
    )


_COUNT = "(json_array_length(NEW.usual) + json_array_length(NEW.events))"
_AT = "(SELECT json_extract(NEW.moments, '$[0][0]'))"
_RECEIVED_AT = "(SELECT json_extract(NEW.moments, '$[0][1]'))"
# Taking a value out of JSON costs as much as storing it: only what differs comes as JSON, the
# seen items from the events that were just stored (by their ids: an index that suits the
# grouping would be read from end to end).
_GIVEN = ", ".join(f"json_extract(value, '$[{at}]') AS {name}" for at, name in enumerate(_USUAL))
_USUAL_EVENTS = f"""
            INSERT INTO events (
                {", ".join(_USUAL)}, attributed_trace_id, attribution, at, received_at
            )
            SELECT {", ".join(_USUAL)}, trace_id,
                CASE WHEN trace_id IS NOT NULL THEN '{DIRECT}' END, {_AT}, {_RECEIVED_AT}
            FROM (SELECT {_GIVEN} FROM json_each(NEW.usual))
""".strip()  # noqa: S608 - every name is ours
_USUAL_SEEN = f"""
            INSERT INTO seen_items (reader_id, item_id, at, hidden)
            SELECT reader_id, item_id, {_AT}, max(kind IN ({_listed(HIDING)}))
            FROM events NOT INDEXED
            WHERE id > (SELECT max(id) FROM events) - json_array_length(NEW.usual)
                AND reader_id IS NOT NULL AND item_id IS NOT NULL
                AND kind IN ({_listed(SEEN_EVENTS | HIDING)})
            GROUP BY reader_id, item_id
""".strip()  # noqa: S608 - every name is ours
_LAST = select(func.max(EventRow.id))
