"""What a reader has seen: the newest items as rows, all older ones as one small exact set.

Rows alone grow without bound: 100,000 of them slow every feed page. A Bloom filter would be as
small as the archive, but hides items nobody has seen and cannot be taken apart; item ids are
dense enough for sorted differences to need about a byte each.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import BindParameter, Connection, bindparam, delete, func, select
from sqlalchemy.orm import Session

from contentcenter.domain.events import SEEN_EVENTS, EventKind
from contentcenter.floor import Floor
from contentcenter.store.tables import EventRow
from recommend.tables import SeenArchiveRow, SeenRow
from recommend.upserts import upsert

HIDING = frozenset({EventKind.DISLIKE, EventKind.MUTE})
# The default of the setting, and what a rebuild keeps.
SEEN_ROWS_KEPT = 2_000
# Rows beyond the kept number before they are worth folding.
SLACK = 1.25
_KINDS = sorted({kind.value for kind in SEEN_EVENTS | HIDING})
Ids = NDArray[np.int64]
# Built once: the feed asks at every page.
_READER: BindParameter[int] = bindparam("reader", type_=SeenRow.reader_id.type)
_SEEN_ITEMS = select(SeenRow.item_id).where(SeenRow.reader_id == _READER)
_ARCHIVE = select(SeenArchiveRow.items).where(SeenArchiveRow.reader_id == _READER)


class SeenSets:
    """Seen items by reader. `keep`: how many of the newest stay as rows."""

    def __init__(self, floor: Floor, keep: int | None = None) -> None:
        self._floor = floor
        self._keep = floor.settings.seen_rows_kept if keep is None else keep

    def load(self, reader_id: int) -> frozenset[int]:
        """Ids of all items the reader has seen or hidden."""
        with self._floor.db.reading() as session:
            return load_seen(session, reader_id)

    def is_seen(self, reader_id: int, item_id: int) -> bool:
        """Whether the reader has seen or hidden this item."""
        with self._floor.db.reading() as session:
            if session.get(SeenRow, (reader_id, item_id)) is not None:
                return True
            archive = _archived(session, reader_id)
        place = int(np.searchsorted(archive, item_id))
        return place < len(archive) and int(archive[place]) == item_id

    def crowded(self, limit: int = 500) -> list[int]:
        """Readers with more rows than are worth keeping."""
        query = (
            select(SeenRow.reader_id)
            .group_by(SeenRow.reader_id)
            .having(func.count() > int(self._keep * SLACK))
            .order_by(SeenRow.reader_id)
            .limit(limit)
        )
        with self._floor.db.reading() as session:
            return list(session.scalars(query))

    def fold(self, reader_ids: Sequence[int]) -> int:
        """Move all but the newest rows of these readers to their archives; returns how many."""
        moved = 0
        for reader_id in reader_ids:
            with self._floor.db.transaction() as session:
                moved += _fold(session, reader_id, self._keep, self._floor.clock.now())
        return moved


def load_seen(session: Session | Connection, reader_id: int) -> frozenset[int]:
    """Ids of all items a reader has seen or hidden, in the caller's session."""
    rows = session.execute(_SEEN_ITEMS, {"reader": reader_id}).scalars()
    return frozenset([*rows, *_archived(session, reader_id).tolist()])


def load_archive(connection: Connection, reader_id: int) -> frozenset[int]:
    """Ids of what a reader saw long ago; none where nothing was folded yet."""
    return frozenset(_archived(connection, reader_id).tolist())


def mark_seen(session: Session | Connection, events: Iterable[Mapping[str, Any]]) -> None:
    """Remember what the readers of these stored events have seen."""
    rows = seen_rows(events)
    shown = [row for row in rows if not row["hidden"]]
    hidden = [row for row in rows if row["hidden"]]
    upsert(session, SeenRow, shown, ["reader_id", "item_id"], [])
    upsert(session, SeenRow, hidden, ["reader_id", "item_id"], ["hidden"])


def seen_rows(events: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """What these events leave behind in the seen sets, each (reader, item) once."""
    seen: dict[tuple[int, int], dict[str, Any]] = {}
    for one in events:
        if one["reader_id"] is None or one["item_id"] is None or one["kind"] not in _KINDS:
            continue
        key = (one["reader_id"], one["item_id"])
        hidden = one["kind"] in HIDING or seen.get(key, {}).get("hidden", False)
        seen[key] = {"reader_id": key[0], "item_id": key[1], "at": one["at"], "hidden": hidden}
    return list(seen.values())


def rebuild_seen(session: Session, reader_id: int, keep: int, now: datetime) -> None:
    """What a reader has seen, anew from all events that are the reader's now."""
    _archive_row(session, reader_id, now)
    session.execute(delete(SeenRow).where(SeenRow.reader_id == reader_id))
    query = (
        select(EventRow.reader_id, EventRow.item_id, EventRow.kind, EventRow.at)
        .where(EventRow.reader_id == reader_id, EventRow.kind.in_(_KINDS))
        .order_by(EventRow.id)
    )
    mark_seen(session, [row._asdict() for row in session.execute(query)])
    _write_archive(session, reader_id, np.empty(0, dtype=np.int64), now)
    _fold(session, reader_id, keep, now)


def _fold(session: Session, reader_id: int, keep: int, now: datetime) -> int:
    _archive_row(session, reader_id, now)
    query = (
        select(SeenRow.item_id)
        .where(SeenRow.reader_id == reader_id)
        .order_by(SeenRow.at.desc(), SeenRow.item_id.desc())
    )
    old = list(session.scalars(query))[keep:]
    known = _archived(session, reader_id)
    _write_archive(session, reader_id, np.union1d(known, np.array(old, dtype=np.int64)), now)
    for start in range(0, len(old), 500):
        session.execute(
            delete(SeenRow).where(
                SeenRow.reader_id == reader_id, SeenRow.item_id.in_(old[start : start + 500])
            )
        )
    return len(old)


def _archive_row(session: Session, reader_id: int, now: datetime) -> None:
    """Hold the reader's archive until the transaction ends."""
    fresh = {"reader_id": reader_id, "items": pack(()), "count": 0, "updated_at": now}
    upsert(session, SeenArchiveRow, [fresh], ["reader_id"], [])
    held = select(SeenArchiveRow.count).where(SeenArchiveRow.reader_id == reader_id)
    session.execute(held.with_for_update())


def _write_archive(session: Session, reader_id: int, items: Ids, now: datetime) -> None:
    if len(items) == 0:
        session.execute(delete(SeenArchiveRow).where(SeenArchiveRow.reader_id == reader_id))
        return
    row = {"reader_id": reader_id, "items": pack(items), "count": len(items), "updated_at": now}
    upsert(session, SeenArchiveRow, [row], ["reader_id"], ["items", "count", "updated_at"])


def _archived(session: Session | Connection, reader_id: int) -> Ids:
    packed = session.execute(_ARCHIVE, {"reader": reader_id}).scalar()
    return np.empty(0, dtype=np.int64) if packed is None else unpack(packed)


def pack(items: Iterable[int]) -> bytes:
    """Distinct ids as bytes: sorted differences (uint64), the bytes of equal weight together."""
    ids = np.unique(np.fromiter(items, dtype=np.int64))
    steps = np.diff(ids, prepend=0).astype("<u8")
    planes = steps.view(np.uint8).reshape(-1, 8).T
    return zlib.compress(np.ascontiguousarray(planes).tobytes(), 6)


def unpack(packed: bytes) -> Ids:
    """The ids of `pack`, ascending."""
    planes = np.frombuffer(zlib.decompress(packed), dtype=np.uint8).reshape(8, -1)
    steps = np.ascontiguousarray(planes.T).view("<u8").reshape(-1)
    return np.cumsum(steps.astype(np.int64))
