"""Who is in which audience: a function of all joins and leaves, whatever order they came in."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from contentcenter.domain.events import EventKind
from contentcenter.store.tables import EventRow, MembershipRow
from contentcenter.store.tables.people import MOVES
from recommend.upserts import upsert

Pair = tuple[int, int]
MOVE_KINDS = frozenset({EventKind.JOIN, EventKind.LEAVE})


@dataclass(frozen=True)
class Stay:
    joined_at: datetime
    left_at: datetime | None


def fold_moves(moves: Iterable[tuple[datetime, str]]) -> Stay:
    """The last stay that these joins and leaves, in the order they happened, amount to.

    A join while inside changes nothing; a leave without a join is a stay of no length.
    """
    stay: Stay | None = None
    for at, kind in moves:
        if kind == EventKind.JOIN and (stay is None or stay.left_at is not None):
            stay = Stay(at, None)
        elif kind == EventKind.LEAVE and (stay is None or stay.left_at is None):
            stay = Stay(stay.joined_at if stay else at, at)
    if stay is None:
        raise ValueError("Without a move there is no stay")
    return stay


def move_members(session: Session, events: Sequence[Mapping[str, Any]]) -> None:
    """Memberships of the readers and audiences that these stored events moved."""
    pairs = {
        (one["reader_id"], one["audience_id"])
        for one in events
        if one["kind"] in MOVE_KINDS and one["reader_id"] and one["audience_id"]
    }
    if pairs:
        moves = _moves(session, {reader for reader, _ in pairs})
        _save(session, {pair: moves[pair] for pair in pairs})


def refold_members(session: Session, reader_ids: Sequence[int]) -> None:
    """All memberships of these readers anew, from the events that are theirs now."""
    session.execute(delete(MembershipRow).where(MembershipRow.reader_id.in_(reader_ids)))
    _save(session, _moves(session, set(reader_ids)))


def audiences_of(session: Session, reader_ids: Sequence[int]) -> dict[int, set[int]]:
    """Audiences that these readers ever joined or left, by reader."""
    found: dict[int, set[int]] = defaultdict(set)
    for reader, audience in _moves(session, set(reader_ids)):
        found[reader].add(audience)
    return dict(found)


def _moves(session: Session, readers: set[int]) -> dict[Pair, list[tuple[datetime, str]]]:
    found: dict[Pair, list[tuple[datetime, str]]] = defaultdict(list)
    wanted = sorted(readers)
    for start in range(0, len(wanted), 500):
        query = (
            select(EventRow.reader_id, EventRow.audience_id, EventRow.at, EventRow.kind)
            .where(
                EventRow.reader_id.in_(wanted[start : start + 500]),
                EventRow.audience_id.is_not(None),
                MOVES,
            )
            .order_by(EventRow.at, EventRow.id)
        )
        for reader, audience, at, kind in session.execute(query):
            if reader is not None and audience is not None:
                found[reader, audience].append((at, kind))
    return found


def _save(session: Session, moves: Mapping[Pair, Sequence[tuple[datetime, str]]]) -> None:
    rows = []
    for (reader, audience), own in moves.items():
        stay = fold_moves(own)
        rows.append(
            {
                "audience_id": audience,
                "reader_id": reader,
                "joined_at": stay.joined_at,
                "left_at": stay.left_at,
            }
        )
    upsert(session, MembershipRow, rows, ["audience_id", "reader_id"], ["joined_at", "left_at"])
