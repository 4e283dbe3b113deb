"""Memories of audiences in the store: rows to values and back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from recommend.match_memory import Memory, Trace
from recommend.match_tables import MatchMemoryRow
from recommend.upserts import upsert

_AT_ONCE = 500


def load_memories(session: Session, audience_ids: Sequence[int]) -> dict[int, dict[int, Trace]]:
    """Memories by audience; one without answers is empty."""
    found: dict[int, dict[int, Trace]] = {one: {} for one in audience_ids}
    for start in range(0, len(audience_ids), _AT_ONCE):
        query = select(
            MatchMemoryRow.audience_id,
            MatchMemoryRow.item_id,
            MatchMemoryRow.weight,
            MatchMemoryRow.day,
        ).where(MatchMemoryRow.audience_id.in_(audience_ids[start : start + _AT_ONCE]))
        for row in session.execute(query):
            found[row.audience_id][row.item_id] = Trace(row.weight, row.day)
    return found


def save_memories(
    session: Session, before: Mapping[int, Memory], after: Mapping[int, Memory]
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


def _forget(session: Session, audience: int, items: Sequence[int]) -> None:
    if items:
        session.execute(
            delete(MatchMemoryRow).where(
                MatchMemoryRow.audience_id == audience, MatchMemoryRow.item_id.in_(items)
            )
        )
