"""The trail of joins: what was joined, parted or not joined, on whose word or what evidence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from contentcenter.store import audit
from recommend.identity.tables import JoinState, ReaderJoinRow

SYSTEM = "system"


@dataclass(frozen=True)
class Evidence:
    """Why two readers are one. `by_person`: somebody decided it."""

    details: Mapping[str, Any]
    actor: str = SYSTEM
    by_person: bool = False

    @classmethod
    def of_reference(cls, ids: Mapping[str, str], event_id: str) -> Evidence:
        return cls({"ids": dict(ids), "event_id": event_id})


class Trail:
    """Writes and reads the trail in the caller's transaction, at one moment."""

    def __init__(self, session: Session, now: datetime, evidence: Evidence) -> None:
        self._session = session
        self._now = now
        self._evidence = evidence

    def joined(self, reader_id: int, into_id: int) -> ReaderJoinRow:
        self.log("reader_joined", reader_id, into_id)
        return self._add(JoinState.JOINED, reader_id, into_id)

    def conflict(self, reader_id: int, into_id: int | None, claim: str) -> ReaderJoinRow | None:
        """The open conflict of this claim, new if there is none; None when a person has dealt
        with it before."""
        query = (
            select(ReaderJoinRow)
            .where(ReaderJoinRow.claim == claim)
            .order_by(ReaderJoinRow.state, ReaderJoinRow.id)  # conflict before settled
        )
        known = self._session.scalars(query).first()
        if known is None:
            return self._add(JoinState.CONFLICT, reader_id, into_id, claim)
        return known if known.state == JoinState.CONFLICT else None

    def parted(self, reader_id: int, into_id: int, why: str) -> None:
        """End the join that is in force for this row."""
        query = (
            select(ReaderJoinRow)
            .where(
                ReaderJoinRow.reader_id == reader_id,
                ReaderJoinRow.state == JoinState.JOINED.value,
            )
            .order_by(ReaderJoinRow.id.desc())
        )
        made = self._session.scalars(query).first()
        if made is not None:
            self._end(made, JoinState.PARTED, why)
        self.log("reader_parted", reader_id, into_id, reason=why)

    def settle_between(self, one: Sequence[int], other: Sequence[int]) -> None:
        """Conflicts and partings between two groups of rows no longer stand."""
        for row in between(self._session, one, other, (JoinState.PARTED, JoinState.CONFLICT)):
            self._end(row, JoinState.SETTLED, "joined")

    def settle(self, row: ReaderJoinRow, why: str) -> None:
        self._end(row, JoinState.SETTLED, why)

    def log(self, action: str, reader_id: int, other_id: int | None, **details: object) -> None:
        """A line for each of the readers in the audit log."""
        told = {**self._evidence.details, **details}
        for one, other in ((reader_id, other_id), (other_id, reader_id)):
            if one is not None:
                subject, actor = ("reader", one), self._evidence.actor
                audit.log(self._session, self._now, actor, action, subject, other=other, **told)

    def _end(self, row: ReaderJoinRow, state: JoinState, why: str) -> None:
        row.state, row.ended_at = state.value, self._now
        row.ended_by, row.ended_why = self._evidence.actor, why[:400]

    def _add(
        self, state: JoinState, reader_id: int, into_id: int | None, claim: str = ""
    ) -> ReaderJoinRow:
        row = ReaderJoinRow(
            state=state.value,
            reader_id=reader_id,
            into_id=into_id,
            why="person" if self._evidence.by_person else "reference",
            evidence=dict(self._evidence.details),
            claim=claim,
            actor=self._evidence.actor,
            at=self._now,
        )
        self._session.add(row)
        self._session.flush()
        return row


def between(
    session: Session, one: Sequence[int], other: Sequence[int], states: Sequence[JoinState]
) -> Sequence[ReaderJoinRow]:
    """Rows of the trail in these states that stand between two groups of readers."""
    query = select(ReaderJoinRow).where(
        ReaderJoinRow.state.in_([state.value for state in states]),
        or_(
            ReaderJoinRow.reader_id.in_(one) & ReaderJoinRow.into_id.in_(other),
            ReaderJoinRow.reader_id.in_(other) & ReaderJoinRow.into_id.in_(one),
        ),
    )
    return session.scalars(query).all()
