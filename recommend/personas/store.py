"""Personas in the store: rows to values and back. Each writer touches its own columns."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

import numpy as np
from sqlalchemy import Connection, Row, bindparam, select
from sqlalchemy.orm import Session

from contentcenter.embedding.ports import Vectors
from recommend.among import among
from recommend.persona_math import Blending, Centres, Declared, Learned
from recommend.tables import PersonaRow
from recommend.upserts import upsert

# Values, not rows of the mapper: the learning job reads thousands of them.
_COLUMNS = (
    PersonaRow.subject_id,
    PersonaRow.model,
    PersonaRow.centres,
    PersonaRow.declared,
    PersonaRow.declared_centres,
    PersonaRow.declared_version,
    PersonaRow.learned,
    PersonaRow.override,
    PersonaRow.version,
    PersonaRow.updated_at,
)
# Built once: the feed asks at every page.
_OF_SUBJECTS = select(*_COLUMNS).where(
    PersonaRow.subject == bindparam("subject", type_=PersonaRow.subject.type),
    among(PersonaRow.subject_id, "ids"),
)


class Subject(StrEnum):
    AUDIENCE = "audience"
    READER = "reader"


SubjectKey = tuple[Subject, int]


@dataclass(frozen=True)
class StoredPersona:
    """One persona as stored, ready to be blended."""

    subject: Subject
    subject_id: int
    declared: Declared
    learned: Learned
    override: Mapping[str, Any] = field(default_factory=dict)
    declared_version: int = 0
    version: int = 0
    updated_at: datetime | None = None

    def blending(self) -> Blending:
        return Blending(self.declared, self.learned, self.override)


def empty_persona(subject: Subject, subject_id: int, dimension: int) -> StoredPersona:
    nothing = np.zeros((0, dimension), dtype=np.float32)
    return StoredPersona(subject, subject_id, Declared(nothing), Learned(Centres.empty(dimension)))


def load_personas(
    session: Session | Connection,
    subject: Subject,
    ids: Iterable[int],
    model: str,
    dimension: int,
) -> dict[int, StoredPersona]:
    """Stored personas by subject id; those not stored are empty.

    Vectors of another model are left out (they wait for a rebuild), sums are kept.
    """
    wanted = list(dict.fromkeys(ids))
    found = {one: empty_persona(subject, one, dimension) for one in wanted}
    if wanted:
        asked = {"subject": subject.value, "ids": wanted}
        for row in session.execute(_OF_SUBJECTS, asked):
            found[row.subject_id] = _stored(row, subject, model, dimension)
    return found


def _stored(row: Row[Any], subject: Subject, model: str, dimension: int) -> StoredPersona:
    same = row.model == model
    said = row.declared or {}
    declared = row.declared_centres if said.get("model") == model else None
    return StoredPersona(
        subject=subject,
        subject_id=row.subject_id,
        declared=Declared(
            vectors=centre_rows(declared, dimension),
            categories=tuple(said.get("categories", ())),
            tags=tuple(said.get("tags", ())),
            ceiling_fen=said.get("ceiling_fen"),
            reading_age=said.get("reading_age"),
            size=said.get("size", 1),
        ),
        learned=learned_from(row.learned, row.centres if same else None, dimension),
        override=row.override or {},
        declared_version=row.declared_version,
        version=row.version,
        updated_at=row.updated_at,
    )


def learned_from(value: Mapping[str, Any], centres: bytes | None, dimension: int) -> Learned:
    """What was learned, from its columns; without centres of the model in use, its sums."""
    if not value:
        return Learned(Centres.empty(dimension))
    vectors = centre_rows(centres, dimension)
    if len(vectors) != len(value["weights"]):
        return Learned.from_json({**value, "weights": []}, Centres.empty(dimension))
    return Learned.from_json(value, Centres(vectors, tuple(value["weights"])))


def save_declared(
    session: Session, personas: Sequence[StoredPersona], model: str, now: datetime
) -> None:
    rows = [
        {
            **_base(one, now),
            "declared": {
                "model": model,
                "categories": list(one.declared.categories),
                "tags": list(one.declared.tags),
                "ceiling_fen": one.declared.ceiling_fen,
                "reading_age": one.declared.reading_age,
                "size": one.declared.size,
            },
            "declared_centres": centre_bytes(one.declared.vectors),
            "declared_version": one.declared_version,
        }
        for one in personas
    ]
    changes = ["declared", "declared_centres", "declared_version", "version", "updated_at"]
    _write(session, rows, changes)


def save_override(
    session: Session, persona: StoredPersona, override: Mapping[str, Any], now: datetime
) -> None:
    row = {**_base(persona, now), "override": dict(override)}
    _write(session, [row], ["override", "version", "updated_at"])


def _base(one: StoredPersona, now: datetime) -> dict[str, Any]:
    """Columns that a first insert needs; on a conflict only the writer's own are set."""
    return {
        "subject": one.subject.value,
        "subject_id": one.subject_id,
        "learned": {},
        "override": {},
        "declared": {},
        "version": one.version + 1,
        "updated_at": now,
    }


def _write(session: Session, rows: list[dict[str, Any]], changes: list[str]) -> None:
    if rows:
        upsert(session, PersonaRow, rows, ["subject", "subject_id"], changes)


def centre_bytes(vectors: Vectors) -> bytes:
    """Vectors (n, d) as they are stored: float32, little endian, row by row."""
    return np.ascontiguousarray(vectors, dtype="<f4").tobytes()


def centre_rows(blob: bytes | None, dimension: int) -> Vectors:
    """The vectors (n, d) of `centre_bytes`."""
    if not blob:
        return np.zeros((0, dimension), dtype=np.float32)
    flat = np.frombuffer(blob, dtype="<f4").astype(np.float32)
    return flat.reshape(-1, dimension)
