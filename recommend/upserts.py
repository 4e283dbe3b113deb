"""Insert, or insert or update, many rows in one statement, on both databases.

PostgreSQL takes the rows as one array a column (`INSERT ... SELECT FROM unnest(...)`): one
statement is planned and answered where `executemany` asks for every row by itself, and its
text is the same for any number of rows, so that the server keeps its plan. SQLite has no
way to the server to save and takes the rows one by one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import JSON, Connection, String, Text, bindparam, cast, column, func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from contentcenter.store.base import Table
from recommend.arrays import Array

CHUNK = 1_000


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
    _write(session, table, rows, (tuple(keys), tuple(changes), tuple(adds)))


def insert_all(
    session: Session | Connection, table: type[Table], rows: Sequence[Mapping[str, Any]]
) -> None:
    """Insert `rows`, which all carry the same columns; ids rise in their order."""
    _write(session, table, rows, None)


# Keys, changed columns, columns added to.
_Clash = tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]


def _write(
    session: Session | Connection,
    table: type[Table],
    rows: Sequence[Mapping[str, Any]],
    clash: _Clash | None,
) -> None:
    if not rows:
        return
    connection = _connection(session)
    for start in range(0, len(rows), CHUNK):
        some = rows[start : start + CHUNK]
        if connection.dialect.name == "postgresql":
            names = tuple(some[0])
            arrays = _arrays(connection, table, names, some)
            connection.execute(_from_arrays(table, names, clash), arrays)
        else:
            # Past the mapper, which looks at each value of each row again.
            connection.execute(_row_by_row(table, clash), list(some))


def _connection(session: Session | Connection) -> Connection:
    if isinstance(session, Connection):
        return session
    session.flush()  # what waits in the session comes first, as before any of its statements
    return session.connection()


@lru_cache(maxsize=128)
def _row_by_row(table: type[Table], clash: _Clash | None) -> Any:
    statement: Any = sqlite.insert(plain(table))
    return statement if clash is None else _on_conflict(statement, table, *clash)


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
    connection: Connection,
    table: type[Table],
    names: tuple[str, ...],
    rows: Sequence[Mapping[str, Any]],
) -> dict[str, list[Any]]:
    columns = plain(table).c
    arrays = {name: [row[name] for row in rows] for name in names}
    # The plain type's own processor gives text, where the dialect's gives a wrapper.
    written: Any = JSON().bind_processor(connection.dialect)  # type: ignore[no-untyped-call]
    for name in names:
        if _is_json(columns[name].type):
            arrays[name] = [written(value) for value in arrays[name]]
    return arrays
