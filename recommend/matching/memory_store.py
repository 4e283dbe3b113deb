"""Memories of audiences in the store: rows to values and back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from sqlalchemy import Connection, Row, delete, select
from sqlalchemy.orm import Session

from recommend.matching.memory import Memory, MemoryColumns, Trace, recalled_columns
from recommend.matching.tables import MatchMemoryRow
from recommend.upserts import upsert

_AT_ONCE = 500
Stored = Row[int, int, float, float]


def load_memories(
    session: Session | Connection, audience_ids: Sequence[int]
) -> dict[int, dict[int, Trace]]:
    """Memories by audience; one without answers is empty."""
    found: dict[int, dict[int, Trace]] = {one: {} for one in audience_ids}
    for rows in _read(session, audience_ids):
        for audience, item, weight, day in rows:
            found[audience][item] = Trace(weight, day)
    return found


def load_recalled(session: Session, audience_ids: Sequence[int], day: float) -> MemoryColumns:
    """What each audience recalls on a day, in columns; `audience` counts `audience_ids`. A
    few hundred audiences at a time, so that 10,000 full memories take no more than their
    columns (about 80 MB)."""
    place = {one: at for at, one in enumerate(audience_ids)}
    parts = [recalled_columns(_columns(rows, place), day) for rows in _read(session, audience_ids)]
    parts.append(_columns((), place))
    return MemoryColumns(
        audience=np.concatenate([one.audience for one in parts]),
        item=np.concatenate([one.item for one in parts]),
        weight=np.concatenate([one.weight for one in parts]),
        day=np.concatenate([one.day for one in parts]),
    )


def _columns(rows: Sequence[Stored], place: Mapping[int, int]) -> MemoryColumns:
    audiences, items, weights, days = zip(*rows, strict=True) if rows else ((), (), (), ())
    return MemoryColumns(
        audience=np.array([place[one] for one in audiences], dtype=np.int64),
        item=np.array(items, dtype=np.int64),
        weight=np.array(weights, dtype=np.float64),
        day=np.array(days, dtype=np.float64),
    )


def _read(session: Session | Connection, audience_ids: Sequence[int]) -> Iterator[Sequence[Stored]]:
    """(audience, item, weight, day), all rows of some audiences at a time."""
    for start in range(0, len(audience_ids), _AT_ONCE):
        query = select(
            MatchMemoryRow.audience_id,
            MatchMemoryRow.item_id,
            MatchMemoryRow.weight,
            MatchMemoryRow.day,
        ).where(MatchMemoryRow.audience_id.in_(audience_ids[start : start + _AT_ONCE]))
        yield session.execute(query).all()


def save_memories(
    session: Session | Connection, before: Mapping[int, Memory], after: Mapping[int, Memory]
) -> None:
    """Write what changed, in the caller's transaction; `before` is what the store holds."""
    rows = []
    for audience, memory in after.items():
        known = before.get(audience, {})
        _forget(session, audience, sorted(known.keys() - memory.keys()))
        rows += [
            {"audience_id": audience, "item_id": item, "weight": one.weight, "day": one.day}
            for item, one in memory.items()
            if known.get(item) != one
        ]
    upsert(session, MatchMemoryRow, rows, ["audience_id", "item_id"], ["weight", "day"])


def _forget(session: Session | Connection, audience: int, items: Sequence[int]) -> None:
    if items:
        session.execute(
            delete(MatchMemoryRow).where(
                MatchMemoryRow.audience_id == audience, MatchMemoryRow.item_id.in_(items)
            )
        )
