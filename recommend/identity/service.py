"""Readers for people and for the API: look up by any id, join, part, settle conflicts."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from contentcenter.domain.errors import Conflict, InvalidInput, NotFound
from contentcenter.floor import Floor
from contentcenter.store.tables import ReaderRow
from recommend.identity.dues import ReaderDues
from recommend.identity.joining import ID_FIELDS, Joining, root_of
from recommend.identity.tables import JoinState, ReaderJoinRow
from recommend.identity.trail import Evidence, Trail
from recommend.identity.turns import hold_order
from recommend.identity.views import ConflictView, ReaderView, conflict_view, view_reader
from recommend.personas.service import PersonaService, field_views

LONGEST_REF = 100
LONGEST_NOTE = 400


class IdentityService:
    """`reference`: `id:12`, `app_id:..`, `openid:..`, `external_userid:..`, `unionid:..`, or a
    bare id that is looked for in all four kinds."""

    def __init__(self, floor: Floor, personas: PersonaService, dues: ReaderDues) -> None:
        self._floor = floor
        self._personas = personas
        self._dues = dues

    def look(self, reference: str) -> ReaderView:
        """The reader of an id, as the person stands now. `NotFound` when nobody has it,
        `Conflict` when several have."""
        with self._floor.db.reading() as session:
            root = root_of(session, _row(session, reference))
            view = view_reader(session, root)
        return self._with_persona(view)

    def join(
        self, first: str, second: str, actor: str, note: str, *, despite: bool = False
    ) -> ReaderView:
        """Join two readers on a person's word; joined ones stay as they are.

        `Conflict` when they are known under two unionids, or are too many rows for one person;
        `despite` overrules that.
        """
        now = self._floor.clock.now()
        with self._floor.db.transaction() as session:
            hold_order(session, now)
            one, other = (root_of(session, _row(session, ref)) for ref in (first, second))
            if one is not other:
                told = Evidence({"note": _note(note), "ids": [first, second]}, actor, True)
                made = Joining(session, now, told).join(one, other, despite=despite)
                _refuse_conflict(made, one, other)
        return self.look(f"id:{one.id}")

    def part(self, reader_id: int, actor: str, note: str) -> tuple[ReaderView, ReaderView]:
        """Undo the join of this row; returns who it was parted from, and the reader itself.

        Events recorded since the join stay with the first. `Conflict` for a row that was not
        joined into another.
        """
        now = self._floor.clock.now()
        with self._floor.db.transaction() as session:
            hold_order(session, now)
            told = Evidence({"note": _note(note)}, actor, True)
            left = Joining(session, now, told).part(_by_id(session, reader_id), _note(note))
        return self.look(f"id:{left.id}"), self.look(f"id:{reader_id}")

    def conflicts(self, limit: int = 50, after: int = 0) -> list[ConflictView]:
        """Evidence that waits for a person, oldest first."""
        query = (
            select(ReaderJoinRow)
            .where(ReaderJoinRow.state == JoinState.CONFLICT.value, ReaderJoinRow.id > after)
            .order_by(ReaderJoinRow.id)
            .limit(limit)
        )
        with self._floor.db.reading() as session:
            return [conflict_view(row) for row in session.scalars(query)]

    def dismiss(self, conflict_id: int, actor: str, note: str) -> None:
        """Leave the readers of a conflict apart; the same evidence is not listed again."""
        now = self._floor.clock.now()
        with self._floor.db.transaction() as session:
            row = session.get(ReaderJoinRow, conflict_id, with_for_update=True)
            if row is None or row.state != JoinState.CONFLICT:
                raise NotFound(f"No open conflict {conflict_id}", conflict_id=conflict_id)
            trail = Trail(session, now, Evidence({"note": _note(note)}, actor, True))
            trail.settle(row, _note(note) or "dismissed")
            trail.log("reader_conflict_dismissed", row.reader_id, row.into_id)

    def _with_persona(self, view: ReaderView) -> ReaderView:
        with self._floor.db.connected() as connection:
            persona = self._personas.reader(connection, view.id, view.audience_ids)
        return view.with_persona(field_views(persona), self._dues.of(view.id))


def _refuse_conflict(made: ReaderJoinRow | None, one: ReaderRow, other: ReaderRow) -> None:
    if made is None or made.state == JoinState.CONFLICT:
        raise Conflict(
            f"Readers {one.id} and {other.id} contradict each other"
            f"{': ' + made.claim if made is not None else ''}; join them despite it if you know",
            reader_ids=[one.id, other.id],
        )


def _note(text: str) -> str:
    if len(text) > LONGEST_NOTE:
        raise InvalidInput(f"note: at most {LONGEST_NOTE} characters", field="note")
    return text.strip()


def _by_id(session: Session, reader_id: int) -> ReaderRow:
    row = session.get(ReaderRow, reader_id)
    if row is None:
        raise NotFound(f"There is no reader {reader_id}", reader_id=reader_id)
    return row


def _row(session: Session, reference: str) -> ReaderRow:
    text = reference.strip()
    if not 1 <= len(text) <= LONGEST_REF:
        raise InvalidInput(f"reader: 1 to {LONGEST_REF} characters", field="reader")
    kind, colon, value = text.partition(":")
    if colon and kind == "id":
        return _by_id(session, _number(value))
    fields: Sequence[str] = (kind,) if colon and kind in ID_FIELDS else ID_FIELDS
    return _one(session, fields, value if colon and kind in ID_FIELDS else text)


def _number(text: str) -> int:
    if not text.isdecimal() or len(text) > 18:
        raise InvalidInput("reader: id: needs a whole number", field="reader")
    return int(text)


def _one(session: Session, fields: Sequence[str], value: str) -> ReaderRow:
    found = session.scalars(
        select(ReaderRow)
        .where(or_(*(getattr(ReaderRow, name) == value for name in fields)))
        .order_by(ReaderRow.id)
        .limit(10)
    ).all()
    if not found:
        raise NotFound(f"Nobody is known as {value}", reader=value)
    roots = {root_of(session, row).id for row in found}
    if len(roots) > 1:
        raise Conflict(f"Several readers are known as {value}; say id:..", reader_ids=sorted(roots))
    return found[0]
