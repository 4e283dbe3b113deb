"""Joining two readers and parting them again, inside the caller's transaction.

Events are the truth about a reader: a join moves them and notes whose they were; everything
else (seen items, memberships, persona, attribution) is derived from them again. Joined rows
form a tree, the older reader above the younger, so that parting any of them restores its side
as it was. Callers hold `turns.hold_order`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from contentcenter.domain.errors import Conflict
from contentcenter.domain.facts import ReadersMoved
from contentcenter.store import outbox
from contentcenter.store.tables import EventRow, ReaderRow
from contentcenter.store.tables.people import MOVES
from recommend.events.members import refold_members
from recommend.events.seen import SEEN_ROWS_KEPT, rebuild_seen
from recommend.identity.tables import DueTask, JoinState, ReaderDueRow, ReaderJoinRow
from recommend.identity.trail import Evidence, Trail, between
from recommend.identity.turns import next_epoch, next_joins

ID_FIELDS = ("app_id", "openid", "external_userid", "unionid")
# More rows than one person has; an id that a whole shop shares ("guest") must not join it.
LARGEST_GROUP = 32

Group = Sequence[ReaderRow]


def root_of(session: Session, row: ReaderRow) -> ReaderRow:
    """Who stands for this reader."""
    while row.joined_into is not None:
        row = session.get_one(ReaderRow, row.joined_into)
    return row


def group_of(session: Session, row: ReaderRow) -> list[ReaderRow]:
    """This row and all that were joined into it, directly or not; this one first."""
    session.flush()
    group, layer = [row], [row]
    while layer:
        ids = [one.id for one in layer]
        query = select(ReaderRow).where(ReaderRow.joined_into.in_(ids)).order_by(ReaderRow.id)
        layer = list(session.scalars(query))
        group += layer
    return group


def unionids(rows: Iterable[ReaderRow]) -> set[str]:
    return {row.unionid for row in rows if row.unionid is not None}


class Joining:
    """Joins and parts on one piece of evidence, or one person's word, at one moment."""

    def __init__(self, session: Session, now: datetime, evidence: Evidence) -> None:
        self._session = session
        self._now = now
        self._evidence = evidence
        self._trail = Trail(session, now, evidence)

    def join(
        self, first: ReaderRow, second: ReaderRow, *, despite: bool = False
    ) -> ReaderJoinRow | None:
        """Join two readers that stand for themselves; the older one (lower id) survives.

        Returns the row of the trail: `joined`, or `conflict` when the evidence contradicts
        what is known and `despite` is not set; None when a person has already dealt with this
        conflict.
        """
        self._session.flush()
        into, reader = sorted((first, second), key=lambda row: row.id)
        groups = group_of(self._session, into), group_of(self._session, reader)
        objection = None if despite else self._objection(*groups)
        if objection is not None:
            return self._trail.conflict(reader.id, into.id, objection)
        self._trail.settle_between(_ids(groups[0]), _ids(groups[1]))
        reader.joined_into = into.id
        self._session.flush()
        _hand_over(self._session, reader.id, into.id)
        self._derive((into.id, reader.id))
        return self._trail.joined(reader.id, into.id)

    def part(self, row: ReaderRow, why: str) -> ReaderRow:
        """Undo the join of this row; returns who it was parted from.

        Both sides are what they were, but for events recorded since the join: these stay with
        the survivor. Evidence alone will not join the two again. `Conflict` for a row that
        stands for itself.
        """
        if row.joined_into is None:
            raise Conflict(
                f"Reader {row.id} stands for itself; part one that was joined into it",
                reader_id=row.id,
                joined=_ids(group_of(self._session, row)[1:]),
            )
        root = root_of(self._session, row)
        self._trail.parted(row.id, root.id, why)
        row.joined_into = None
        own = _ids(group_of(self._session, row))
        _give_back(self._session, root.id, row.id, own)
        self._derive((root.id, row.id))
        return root

    def contradicts(self, row: ReaderRow, unionid: str) -> bool:
        """Whether the reader is known under another unionid; that is listed for a person."""
        root = root_of(self._session, row)
        others = unionids(group_of(self._session, root)) - {unionid}
        if others:
            self._trail.conflict(root.id, None, _union_claim(others | {unionid}))
        return bool(others)

    def learned(self, row: ReaderRow, field: str) -> None:
        """Note that a known reader was heard of under one more id."""
        self._session.flush()
        self._trail.log("reader_id_learned", row.id, None, field=field)

    def _objection(self, one: Group, other: Group) -> str | None:
        """Why these two must not be joined without a person's word, as a claim to list."""
        names = unionids([*one, *other])
        if len(names) > 1:
            return _union_claim(names)
        if len(one) + len(other) > LARGEST_GROUP:
            return f"size {one[0].id}"
        parted = between(self._session, _ids(one), _ids(other), [JoinState.PARTED])
        if parted and not self._evidence.by_person:
            return f"parted {one[0].id} {other[0].id}"
        return None

    def _derive(self, reader_ids: Sequence[int]) -> None:
        """What follows from events: at once what a reader would miss, the rest by a job."""
        tasks = _tasks(self._session, reader_ids)
        for one in reader_ids:
            rebuild_seen(self._session, one, SEEN_ROWS_KEPT, self._now)
            _fall_due(self._session, one, tasks, self._now)
        refold_members(self._session, reader_ids)
        next_joins(self._session, self._now)
        next_epoch(self._session, self._now)
        outbox.record(self._session, ReadersMoved(reader_ids[0]), self._now)


def _ids(rows: Iterable[ReaderRow]) -> list[int]:
    return [row.id for row in rows]


def _union_claim(names: set[str]) -> str:
    return "unionid " + " ".join(sorted(names)[:2])


def _tasks(session: Session, reader_ids: Sequence[int]) -> list[DueTask]:
    """What must be computed anew; audiences only if these readers taught any by what they did
    alone, or do so now."""
    own = EventRow.reader_id.in_(reader_ids)
    alone = own & EventRow.audience_id.is_(None) & EventRow.item_id.is_not(None)
    belonged = own & MOVES & EventRow.audience_id.is_not(None)
    taught = all(
        session.scalar(select(EventRow.id).where(which).limit(1)) is not None
        for which in (belonged, alone)
    )
    return [one for one in DueTask if taught or one is not DueTask.AUDIENCES]


def _fall_due(session: Session, reader_id: int, tasks: Iterable[DueTask], now: datetime) -> None:
    for task in tasks:
        row = session.get(ReaderDueRow, (reader_id, task.value))
        if row is None:
            session.add(ReaderDueRow(reader_id=reader_id, task=task.value, round=1, at=now))
        else:
            row.round, row.at = row.round + 1, now


def _hand_over(session: Session, reader_id: int, into_id: int) -> None:
    """All events of one reader to another, each remembering whose it was first."""
    session.execute(
        update(EventRow)
        .where(EventRow.reader_id == reader_id)
        .values(
            reader_id=into_id,
            recorded_reader_id=func.coalesce(EventRow.recorded_reader_id, EventRow.reader_id),
        )
        .execution_options(synchronize_session=False)
    )


def _give_back(session: Session, root_id: int, reader_id: int, own: Sequence[int]) -> None:
    """Events first recorded for these rows go back to the reader that was parted."""
    session.execute(
        update(EventRow)
        .where(EventRow.reader_id == root_id, EventRow.recorded_reader_id.in_(own))
        .values(
            reader_id=reader_id,
            recorded_reader_id=func.nullif(EventRow.recorded_reader_id, reader_id),
        )
        .execution_options(synchronize_session=False)
    )
