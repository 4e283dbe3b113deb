"""The vector cache in the database: it survives restarts and all processes share it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

import numpy as np
from sqlalchemy import delete, select
from sqlalchemy.dialects import postgresql, sqlite

from contentcenter.clock import Clock
from contentcenter.embedding.ports import Vectors
from contentcenter.embedding.vectors import unit_rows
from contentcenter.store.database import Database
from contentcenter.store.tables import EmbeddingCacheRow

_STORED = np.dtype("<f2")
_KEYS_AT_ONCE = 500  # far below SQLite's limit of parameters in one statement


class SqlVectorCache:
    """A `contentcenter.embedding.cache.VectorCache` over the table `embedding_cache`.

    Vectors are stored as float16, half the size; read back they are scaled to unit length
    and differ from what was put by less than 1e-3 in any coordinate.
    """

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db = db
        self._clock = clock

    def get_many(self, keys: Sequence[str]) -> Mapping[str, Vectors]:
        table = EmbeddingCacheRow
        found: dict[str, Vectors] = {}
        with self._db.reading() as session:
            for start in range(0, len(keys), _KEYS_AT_ONCE):
                wanted = keys[start : start + _KEYS_AT_ONCE]
                rows = session.execute(select(table.key, table.vector).where(table.key.in_(wanted)))
                found |= {key: _unpacked(vector) for key, vector in rows}
        return found

    def put_many(self, vectors: Mapping[str, Vectors]) -> None:
        # Two workers may embed the same text; the first row stays, they are the same.
        insert = sqlite.insert if self._db.is_sqlite else postgresql.insert
        statement = insert(EmbeddingCacheRow).on_conflict_do_nothing()
        now = self._clock.now()
        rows = [
            {"key": key, "vector": vector.astype(_STORED).tobytes(), "created_at": now}
            for key, vector in vectors.items()
        ]
        if rows:
            with self._db.transaction() as session:
                session.execute(statement, rows)

    def forget(self, before: datetime) -> int:
        """Drops what was put before a time; what is still needed is embedded again once."""
        with self._db.transaction() as session:
            done = session.execute(
                delete(EmbeddingCacheRow).where(EmbeddingCacheRow.created_at < before)
            )
            return int(done.rowcount)  # type: ignore[attr-defined]


def _unpacked(stored: bytes) -> Vectors:
    return unit_rows(np.frombuffer(stored, dtype=_STORED).astype(np.float32))
