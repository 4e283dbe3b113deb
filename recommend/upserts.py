"""Insert, or insert or update, many rows in one statement, on both databases.

PostgreSQL takes the rows as one array a column (`INSERT ... SELECT FROM unnest(...)`): one
statement is planned and answered where `executemany` asks for every row by itself, and its
text is the same for any number of rows, so that the server keeps its plan. SQLite has no
way to the server to save and takes the rows one by one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from sqlalchemy import (
    JSON,
    Connection,
    Dialect,
    String,
    Text,
    bindparam,
    cast,
    column,
    func,
    select,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from contentcenter.store.base import Table
from recommend.arrays import Array

CHUNK = 1_000
_NONE_YET = object()


class Write(NamedTuple):
    """Rows with their statement, laid out as the driver takes them: nothing is left to be done
    while locks are held but to send them."""

    statement: Any
    values: Any


def upsert(
    session: Session | Connection,
    table: type[Table],
    rows: Sequence[Mapping[str, Any]],
    keys: Sequence[str],
    changes: Sequence[str],
    *,
    adds: Sequence[str] = (),
) -> None:
    """Insert `rows`; where `keys` exist already, set the columns of `changes` and add to those
    of `adds`.

    Neither: existing rows stay as they are. All rows carry the same columns, no two the same
    keys. The rows' locks are taken in their order.
    """
    if rows:
        connection = _connection(session)
        send(connection, upserting(connection.dialect, table, rows, keys, changes, adds=adds))


def insert_all(
    session: Session | Connection, table: type[Table], rows: Sequence[Mapping[str, Any]]
) -> None:
    """Insert `rows`, which all carry the same columns; ids rise in their order."""
    if rows:
        connection = _connection(session)
        send(connection, _writes(connection.dialect, table, rows, None))


def upserting(
    dialect: Dialect,
    table: type[Table],
    rows: Sequence[Mapping[str, Any]],
    keys: Sequence[str],
    changes: Sequence[str],
    *,
    adds: Sequence[str] = (),
) -> list[Write]:
    """What `upsert` does, ready to be sent later."""
    return _writes(dialect, table, rows, (tuple(keys), tuple(changes), tuple(adds)))


def send(connection: Connection, writes: Iterable[Write]) -> None:
    """Write what was laid out, in the caller's transaction."""
    for one in writes:
        if isinstance(one.statement, str):
            connection.exec_driver_sql(one.statement, one.values)
        else:
            connection.execute(one.statement, one.values)


# Keys, changed columns, columns added to.
_Clash = tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]


def _writes(
    dialect: Dialect, table: type[Table], rows: Sequence[Mapping[str, Any]], clash: _Clash | None
) -> list[Write]:
    lay_out = _in_arrays if dialect.name == "postgresql" else _one_by_one
    parts = (rows[start : start + CHUNK] for start in range(0, len(rows), CHUNK))
    return [lay_out(dialect, table, some, clash) for some in parts]


def _in_arrays(
    dialect: Dialect, table: type[Table], rows: Sequence[Mapping[str, Any]], clash: _Clash | None
) -> Write:
    names = tuple(rows[0])
    return Write(_from_arrays(table, names, clash), _arrays(dialect, table, names, rows))


def _one_by_one(
    dialect: Dialect, table: type[Table], rows: Sequence[Mapping[str, Any]], clash: _Clash | None
) -> Write:
    text, places, left_out = _row_by_row(dialect, table, tuple(rows[0]), clash)
    columns = (
        stored(dialect, table, one, [row.get(one, left_out.get(one)) for row in rows])
        for one in places
    )
    return Write(text, list(zip(*columns, strict=True)))


def _connection(session: Session | Connection) -> Connection:
    if isinstance(session, Connection):
        return session
    session.flush()  # what waits in the session comes first, as before any of its statements
    return session.connection()


@lru_cache(maxsize=128)
def _row_by_row(
    dialect: Dialect, table: type[Table], names: tuple[str, ...], clash: _Clash | None
) -> tuple[str, Sequence[str], Mapping[str, Any]]:
    """SQLite's statement for one row, the columns in the order of its places, and what those
    hold that the rows leave out."""
    statement: Any = sqlite.insert(plain(table))
    if clash is not None:
        statement = _on_conflict(statement, table, *clash)
    left_out = {
        one.name: _default(one)
        for one in plain(table).c
        if one.default is not None and one.name not in names
    }
    compiled = statement.compile(dialect=dialect, column_keys=[*names, *left_out])
    return str(compiled), tuple(compiled.positiontup), left_out


def _default(column: Any) -> Any:
    return column.default.arg if column.default.is_scalar else column.default.arg(None)


def stored(dialect: Dialect, table: type[Table], name: str, values: Sequence[Any]) -> Sequence[Any]:
    """Values of a column as the driver takes them."""
    write = plain(table).c[name].type.dialect_impl(dialect).bind_processor(dialect)
    return values if write is None else list(_written(write, values))


def _written(write: Any, values: Sequence[Any]) -> Iterator[Any]:
    """Each as it is written; the same value again, as the moment of a batch, not anew."""
    last, written = _NONE_YET, None
    for value in values:
        if value is not last:
            last, written = value, write(value)
        yield written


@lru_cache(maxsize=128)
def _from_arrays(table: type[Table], names: tuple[str, ...], clash: _Clash | None) -> Any:
    columns = plain(table).c
    sent = {name: _sent(columns[name].type) for name in names}
    arrays = (bindparam(name, type_=Array(kind)) for name, kind in sent.items())
    listed = func.unnest(*arrays).table_valued(*(column(*one) for one in sent.items()))
    given = listed.render_derived(name="given")
    values = [
        cast(given.c[name], columns[name].type) if _is_json(columns[name].type) else given.c[name]
        for name in names
    ]
    insert: Any = postgresql.insert(plain(table))
    # Columns that the rows leave out take their defaults, as in any insert.
    statement = insert.from_select(list(names), select(*values))
    return statement if clash is None else _on_conflict(statement, table, *clash)


def _on_conflict(
    statement: Any,
    table: type[Table],
    keys: tuple[str, ...],
    changes: tuple[str, ...],
    adds: tuple[str, ...],
) -> Any:
    columns = plain(table).c
    values = {name: statement.excluded[name] for name in changes}
    values |= {name: columns[name] + statement.excluded[name] for name in adds}
    if values:
        return statement.on_conflict_do_update(index_elements=list(keys), set_=values)
    return statement.on_conflict_do_nothing(index_elements=list(keys))


def plain(table: type[Table]) -> Any:
    """The table itself, past the mapper."""
    return table.__table__


def _sent(kind: Any) -> Any:
    """The type a value travels as. Texts without their length: a cast would cut them, where
    the column refuses what is too long."""
    return Text() if _is_json(kind) or isinstance(kind, String) else kind


def _is_json(kind: Any) -> bool:
    return isinstance(kind, JSON)


def _arrays(
    dialect: Dialect,
    table: type[Table],
    names: tuple[str, ...],
    rows: Sequence[Mapping[str, Any]],
) -> dict[str, list[Any]]:
    columns = plain(table).c
    arrays = {name: [row[name] for row in rows] for name in names}
    # The plain type's own processor gives text, where the dialect's gives a wrapper.
    written: Any = JSON().bind_processor(dialect)  # type: ignore[no-untyped-call]
    for name in names:
        if _is_json(columns[name].type):
            arrays[name] = [written(value) for value in arrays[name]]
    return arrays
