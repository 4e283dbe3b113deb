"""Keeping versions of learned models: save, promote, roll back, load, forget the oldest."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from contentcenter.domain.errors import Conflict, NotFound
from contentcenter.floor import Floor
from contentcenter.store import audit
from recommend.models.tables import LearnedModelRow, ModelKind, ModelState

KEPT_VERSIONS = 8


@dataclass(frozen=True)
class ModelInfo:
    """A version without its blob."""

    kind: ModelKind
    version: int
    state: ModelState
    card: Mapping[str, Any]
    created_at: datetime
    activated_at: datetime | None
    actor: str


class ModelRegistry:
    """Versions by kind, in the store. At most one version of a kind is active."""

    def __init__(self, floor: Floor, kept: int = KEPT_VERSIONS) -> None:
        self._floor = floor
        self._kept = kept

    def save(
        self, kind: ModelKind, blob: bytes, card: Mapping[str, Any], actor: str = "system"
    ) -> int:
        """Keep a new candidate; returns its version. The oldest that never served again go."""
        now = self._floor.clock.now()
        packed = zlib.compress(blob, 1)
        with self._floor.db.transaction() as session:
            last = session.scalar(
                select(func.max(LearnedModelRow.version)).where(LearnedModelRow.kind == kind)
            )
            version = (last or 0) + 1
            session.add(
                LearnedModelRow(
                    kind=kind.value,
                    version=version,
                    state=ModelState.CANDIDATE.value,
                    card=dict(card),
                    blob=packed,
                    created_at=now,
                    actor=actor,
                )
            )
            session.flush()
            self._forget(session, kind)
        return version

    def promote(self, kind: ModelKind, version: int, actor: str = "system") -> None:
        """Serve this version; the one before retires. `NotFound` for a version not kept."""
        now = self._floor.clock.now()
        with self._floor.db.transaction() as session:
            row = _row(session, kind, version)
            if row is None:
                raise NotFound(f"There is no version {version} of {kind}", version=version)
            session.execute(
                update(LearnedModelRow)
                .where(
                    LearnedModelRow.kind == kind,
                    LearnedModelRow.state == ModelState.ACTIVE,
                    LearnedModelRow.version != version,
                )
                .values(state=ModelState.RETIRED.value)
            )
            session.flush()
            row.state, row.activated_at = ModelState.ACTIVE.value, now
            audit.log(session, now, actor, "model.promoted", (kind.value, version))

    def roll_back(self, kind: ModelKind, actor: str = "system") -> int:
        """Serve the version that served before; the present one becomes a candidate again.
        `Conflict` if there was none."""
        now = self._floor.clock.now()
        with self._floor.db.transaction() as session:
            before = session.scalar(
                select(LearnedModelRow)
                .where(LearnedModelRow.kind == kind, LearnedModelRow.state == ModelState.RETIRED)
                .order_by(LearnedModelRow.activated_at.desc(), LearnedModelRow.version.desc())
                .limit(1)
            )
            if before is None:
                raise Conflict(f"No earlier version of {kind} has served", kind=kind.value)
            session.execute(
                update(LearnedModelRow)
                .where(LearnedModelRow.kind == kind, LearnedModelRow.state == ModelState.ACTIVE)
                .values(state=ModelState.CANDIDATE.value)
            )
            before.state, before.activated_at = ModelState.ACTIVE.value, now
            audit.log(session, now, actor, "model.rolled_back", (kind.value, before.version))
            return before.version

    def active(self, kind: ModelKind) -> ModelInfo | None:
        """The version that serves, if any."""
        query = select(LearnedModelRow).where(
            LearnedModelRow.kind == kind, LearnedModelRow.state == ModelState.ACTIVE
        )
        with self._floor.db.reading() as session:
            row = session.scalar(query)
            return _info(row) if row is not None else None

    def versions(self, kind: ModelKind) -> list[ModelInfo]:
        """Newest first."""
        query = (
            select(LearnedModelRow)
            .where(LearnedModelRow.kind == kind)
            .order_by(LearnedModelRow.version.desc())
        )
        with self._floor.db.reading() as session:
            return [_info(row) for row in session.scalars(query)]

    def load(self, kind: ModelKind, version: int) -> bytes:
        """The blob as it was saved. `NotFound` for a version not kept."""
        query = select(LearnedModelRow.blob).where(
            LearnedModelRow.kind == kind, LearnedModelRow.version == version
        )
        with self._floor.db.reading() as session:
            packed = session.scalar(query)
        if packed is None:
            raise NotFound(f"There is no version {version} of {kind}", version=version)
        return zlib.decompress(packed)

    def _forget(self, session: Session, kind: ModelKind) -> None:
        """Beyond the kept number, the oldest go; the active one and the latest retired stay."""
        rows = session.execute(
            select(LearnedModelRow.version, LearnedModelRow.state)
            .where(LearnedModelRow.kind == kind)
            .order_by(LearnedModelRow.version.desc())
        ).all()
        retired = [row.version for row in rows if row.state == ModelState.RETIRED][:1]
        stay = {row.version for row in rows if row.state == ModelState.ACTIVE} | set(retired)
        gone = [row.version for row in rows[self._kept :] if row.version not in stay]
        if gone:
            session.execute(
                delete(LearnedModelRow).where(
                    LearnedModelRow.kind == kind, LearnedModelRow.version.in_(gone)
                )
            )


def _row(session: Session, kind: ModelKind, version: int) -> LearnedModelRow | None:
    query = select(LearnedModelRow).where(
        LearnedModelRow.kind == kind, LearnedModelRow.version == version
    )
    return session.scalar(query)


def _info(row: LearnedModelRow) -> ModelInfo:
    return ModelInfo(
        kind=ModelKind(row.kind),
        version=row.version,
        state=ModelState(row.state),
        card=row.card,
        created_at=row.created_at,
        activated_at=row.activated_at,
        actor=row.actor,
    )
