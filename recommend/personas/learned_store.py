"""What personas learned, read and written by the learning job: in bulk, past the mapper, with
statements that are put together once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Dialect, bindparam, select

from recommend.among import among
from recommend.persona_math import Centres, Learned
from recommend.personas.store import Subject, SubjectKey, centre_bytes, learned_from
from recommend.tables import PersonaRow
from recommend.upserts import Write, upserting

_READ = select(
    PersonaRow.subject_id,
    PersonaRow.model,
    PersonaRow.centres,
    PersonaRow.learned,
    PersonaRow.version,
).where(
    PersonaRow.subject == bindparam("subject", type_=PersonaRow.subject.type),
    among(PersonaRow.subject_id, "ids"),
)
_KEYS = ("subject", "subject_id")
_LEARNED = ("model", "centres", "learned", "evidence", "seen_event_id", "version", "updated_at")


@dataclass(frozen=True)
class LearnedPersona:
    """The learned half of a stored persona. `version` 0: it is not stored yet."""

    subject: Subject
    subject_id: int
    learned: Learned
    version: int = 0

    @property
    def key(self) -> SubjectKey:
        return self.subject, self.subject_id


def load_learned(
    connection: Connection, keys: Iterable[SubjectKey], model: str, dimension: int
) -> dict[SubjectKey, LearnedPersona]:
    """What each of these learned so far, by key; nothing for those not stored.

    Vectors of another model are left out (they wait for a rebuild), sums are kept.
    """
    nothing = Centres.empty(dimension)
    found = {key: LearnedPersona(*key, Learned(nothing)) for key in sorted(keys)}
    for subject in Subject:
        ids = [one for kind, one in found if kind is subject]
        if not ids:
            continue
        told = {"subject": subject.value, "ids": ids}
        rows = connection.execute(_READ, told).all()
        for one, made_by, centres, learned, version in rows:
            known = learned_from(learned, centres if made_by == model else None, dimension)
            found[subject, one] = LearnedPersona(subject, one, known, version)
    return found


def learned_writes(
    dialect: Dialect,
    personas: Sequence[LearnedPersona],
    evidence: Mapping[SubjectKey, float],
    model: str,
    now: datetime,
) -> list[Write]:
    """What stores these, laid out; declared and hand-set columns stay untouched."""
    rows = [
        {
            "subject": one.subject.value,
            "subject_id": one.subject_id,
            "model": model,
            "centres": centre_bytes(one.learned.centres.vectors),
            "learned": one.learned.to_json(),
            "evidence": evidence.get(one.key, 0.0),
            "seen_event_id": one.learned.seen_event_id,
            "version": one.version + 1,
            "updated_at": now,
            # A first row needs them; one that is there keeps its own.
            "override": {},
            "declared": {},
        }
        for one in personas
    ]
    return upserting(dialect, PersonaRow, rows, _KEYS, _LEARNED)
