"""Insert or update in one statement, on both databases."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from contentcenter.store.base import Table

CHUNK = 400


def upsert(
    session: Session,
    table: type[Table],
    rows: Sequence[dict[str, Any]],
    keys: Sequence[str],
    changes: Sequence[str],
    *,
    adds: Sequence[str] = (),
) -> None:
    """Insert `rows`; where `keys` exist already, set the columns of `changes` and add to those
    of `adds`.

    Neither: existing rows stay as they are. All rows carry the same columns.
    """
    if not rows:
        return
    session.flush()  # what waits in the session comes first, as before any of its statements
    dialect = session.get_bind().dialect.name
    statement = _statement(dialect, table, tuple(keys), tuple(changes), tuple(adds))
    connection = session.connection()
    for start in range(0, len(rows), CHUNK):
        # Past the mapper, which looks at each value of each row again.
        connection.execute(statement, list(rows[start : start + CHUNK]))


@lru_cache(maxsize=128)
def _statement(
    dialect: str,
    table: type[Table],
    keys: tuple[str, ...],
    changes: tuple[str, ...],
    adds: tuple[str, ...],
) -> Any:
    insert: Any = postgresql.insert if dialect == "postgresql" else sqlite.insert
    columns: Any = table.__table__
    statement = insert(columns)
    values = {name: statement.excluded[name] for name in changes}
    values |= {name: columns.c[name] + statement.excluded[name] for name in adds}
    if values:
        return statement.on_conflict_do_update(index_elements=list(keys), set_=values)
    return statement.on_conflict_do_nothing(index_elements=list(keys))
