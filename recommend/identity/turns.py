"""Who may write when: events and joins take turns, and learning notices what moved behind it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, select, update
from sqlalchemy.orm import Session

from contentcenter.store.tables import StateRow
from recommend.among import among
from recommend.upserts import upsert

ORDER_LOCK = "events.order"
EPOCH = "personas.epoch"
JOINS = "joins"  # in the value of `ORDER_LOCK`


def hold_order(session: Session, now: datetime) -> None:
    """Writers of events, joins and partings take turns until the transaction ends.

    Ids of events are then given in the order of commits, the learning job's watermark can
    never step over an event that is still to appear, and "recorded since" has a meaning.
    """
    locked_state(session, ORDER_LOCK, {}, now)


def next_joins(session: Session, now: datetime) -> None:
    """Readers were joined or parted: whoever looked them up before must look again."""
    row = locked_state(session, ORDER_LOCK, {}, now)
    row.value = {**row.value, JOINS: _joins(row.value) + 1}
    row.updated_at = now


def read_joins(connection: Connection) -> int:
    """How often readers were joined or parted so far."""
    return _joins(read_states(connection, ORDER_LOCK)[ORDER_LOCK])


def held_joins(connection: Connection, now: datetime) -> int:
    """The same, with the order held until the transaction ends."""
    return _joins(held_states(connection, {ORDER_LOCK: {}}, now)[ORDER_LOCK])


def _joins(value: Mapping[str, Any]) -> int:
    return int(value.get(JOINS, 0))


def read_epoch(session: Session) -> int:
    """How often events changed hands or personas were rebuilt so far."""
    row = session.get(StateRow, EPOCH)
    return int(row.value.get("n", 0)) if row is not None else 0


def lock_epoch(session: Session, now: datetime) -> int:
    """The epoch, held until the transaction ends. What was computed from events read in an
    earlier epoch is stale: read and compute again."""
    return int(locked_state(session, EPOCH, {"n": 0}, now).value.get("n", 0))


def next_epoch(session: Session, now: datetime) -> None:
    row = locked_state(session, EPOCH, {"n": 0}, now)
    row.value = {"n": int(row.value.get("n", 0)) + 1}
    row.updated_at = now


def locked_state(session: Session, name: str, fresh: dict[str, int], now: datetime) -> StateRow:
    """A state row held until the transaction ends, made with `fresh` if it is not there yet."""
    # A row this session has read before may be older than what the lock now shows.
    query = (
        select(StateRow)
        .where(StateRow.name == name)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    row = session.scalars(query).first()
    if row is not None:
        return row
    upsert(session, StateRow, [{"name": name, "value": fresh, "updated_at": now}], ["name"], [])
    return session.scalars(query).one()


States = dict[str, dict[str, Any]]
# Built once: what learns from events reads and moves states at every turn.
_STATES = (
    select(StateRow.name, StateRow.value)
    .where(among(StateRow.name, "names", texts=True))
    .order_by(StateRow.name)
)
_HELD_STATES = _STATES.with_for_update()
_SET_STATE: Any = (
    update(StateRow.__table__)  # type: ignore[arg-type]
    .where(StateRow.name == bindparam("state", type_=StateRow.name.type))
    .values(
        value=bindparam("new", type_=StateRow.value.type),
        updated_at=bindparam("now", type_=StateRow.updated_at.type),
    )
)


def read_states(connection: Connection, *names: str) -> States:
    """The values of these states, as one picture; nothing of those that are not there yet."""
    found: States = dict(connection.execute(_STATES, {"names": sorted(names)}).all())
    return {name: found.get(name, {}) for name in names}


def held_states(connection: Connection, fresh: Mapping[str, Any], now: datetime) -> States:
    """The values of these states, held until the transaction ends; those that are not there
    yet are made with their `fresh` value."""
    found = _held(connection, fresh)
    if len(found) < len(fresh):
        rows = [{"name": one, "value": fresh[one], "updated_at": now} for one in sorted(fresh)]
        upsert(connection, StateRow, rows, ["name"], [])
        found = _held(connection, fresh)
    return found


def _held(connection: Connection, names: Iterable[str]) -> States:
    return dict(connection.execute(_HELD_STATES, {"names": sorted(names)}).all())


def set_state(connection: Connection, name: str, value: Mapping[str, Any], now: datetime) -> None:
    """A new value for a state that is held."""
    connection.execute(_SET_STATE, {"state": name, "new": dict(value), "now": now})
