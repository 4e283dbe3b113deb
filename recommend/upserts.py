"""Insert or update in one statement, on both databases."""

from __future__ import annotations

from collections.abc import Sequence
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
) -> None:
    """Insert `rows`; where `keys` exist already, set the columns of `changes`.

    No changes: existing rows stay as they are. All rows carry the same columns.
    """
    dialect = session.get_bind().dialect.name
    for start in range(0, len(rows), CHUNK):
        chunk = list(rows[start : start + CHUNK])
        insert: Any = postgresql.insert if dialect == "postgresql" else sqlite.insert
        statement = insert(table)
        values = {name: statement.excluded[name] for name in changes}
        done = (
            statement.on_conflict_do_update(index_elements=list(keys), set_=values)
            if changes
            else statement.on_conflict_do_nothing(index_elements=list(keys))
        )
        session.execute(done, chunk)
