"""Rows written in one call of the driver, as a unit of work of its own.

SQLite has one writer. A unit of several statements gives the interpreter's lock back at each
of them and must win it again while it holds the store's: beside three busy threads a report
of 500 events kept every other process of the hub from writing for a second, of which SQLite
worked 16 ms. One statement takes the store's lock, writes and commits inside one call that
needs no interpreter. Its rows come as one JSON text, made before. For integers, texts and
times only: SQLite reads numbers with a fraction from text to about 15 digits.

PostgreSQL takes the rows as `upserts` sends them, in a transaction.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import orjson
from sqlalchemy import Dialect

from contentcenter.store.base import Table
from contentcenter.store.database import Database
from recommend.upserts import plain, stored, upsert

Row = Mapping[str, Any]


def insert_missing(
    db: Database, table: type[Table], rows: Sequence[Row], keys: Sequence[str]
) -> None:
    """Insert `rows`, which all carry the same columns; those whose `keys` are there stay as
    they are."""
    if not rows:
        return
    if not db.is_sqlite:
        with db.writing() as connection:
            upsert(connection, table, rows, keys, [])
        return
    told = json_rows(db.engine.dialect, table, rows)
    insert = insert_from_json(table, tuple(rows[0]), "?")
    with db.at_once() as connection:
        connection.exec_driver_sql(f"{insert} ON CONFLICT ({', '.join(keys)}) DO NOTHING", (told,))


@lru_cache(maxsize=32)
def insert_from_json(table: type[Table], names: tuple[str, ...], given: str) -> str:
    """SQLite's statement that inserts the rows of `json_rows`; `given` is where it finds the
    text. Ids rise in the order of the rows. An `ON CONFLICT` may follow."""
    values = (f"json_extract(value, '$[{place}]')" for place in range(len(names)))
    # Table and columns are ours. "WHERE true": the parser takes ON for a join's without it.
    return (
        f"INSERT INTO {plain(table).name} ({', '.join(names)})"  # noqa: S608
        f" SELECT {', '.join(values)} FROM json_each({given}) WHERE true"
    )


def json_rows(dialect: Dialect, table: type[Table], rows: Sequence[Row]) -> str:
    """Rows as a JSON list of lists, each value as SQLite stores it, in the order of the first
    row's columns."""
    if not rows:
        return "[]"
    names = tuple(rows[0])
    columns = [stored(dialect, table, name, [row[name] for row in rows]) for name in names]
    return orjson.dumps(list(zip(*columns, strict=True))).decode()
