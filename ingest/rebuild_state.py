"""The one row that says what the rebuild of the index is doing: kept in the store, so that
every process sees it and a rebuild whose worker died is noticed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy.orm import Session

from contentcenter.clock import Clock
from contentcenter.store.database import Database
from contentcenter.store.tables import StateRow

NAME = "index.rebuild"
_TIMES = ("asked_at", "started_at", "updated_at", "finished_at", "not_before")


class RebuildState(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def open(self) -> bool:
        return self in {RebuildState.QUEUED, RebuildState.RUNNING}


@dataclass(frozen=True)
class Rebuild:
    """A rebuild, the running one or the last. `attempt` counts from 1 once it runs: a worker
    that was thought dead finds another number here and stops. `updated_at` is its pulse."""

    run: int
    state: RebuildState
    actor: str
    asked_at: datetime
    updated_at: datetime
    attempt: int = 0
    done: int = 0
    total: int = 0
    started_at: datetime | None = None
    finished_at: datetime | None = None
    not_before: datetime | None = None
    problem: str = ""
    cancelling: bool = False

    @property
    def items_per_second(self) -> float | None:
        if self.started_at is None or not self.done:
            return None
        end = self.finished_at or self.updated_at
        seconds = (end - self.started_at).total_seconds()
        return self.done / seconds if seconds > 0 else None

    @property
    def remaining_seconds(self) -> float | None:
        """While it runs: how long it will at the pace so far."""
        pace = self.items_per_second
        if self.state is not RebuildState.RUNNING or pace is None:
            return None
        return max(self.total - self.done, 0) / pace

    def to_json(self) -> dict[str, Any]:
        value = {**vars(self), "state": str(self.state)}
        for name in _TIMES:
            value[name] = value[name].isoformat() if value[name] else None
        return value

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Rebuild:
        known = {**value, "state": RebuildState(value["state"])}
        for name in _TIMES:
            known[name] = datetime.fromisoformat(known[name]) if known[name] else None
        return cls(**known)


class RebuildRecord:
    """Reads and changes the row. Every change is one short transaction."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db = db
        self._clock = clock

    def read(self) -> Rebuild | None:
        with self._db.reading() as session:
            row = session.get(StateRow, NAME)
            return Rebuild.from_json(row.value) if row is not None else None

    @contextmanager
    def change(self) -> Iterator[RebuildChange]:
        """Look and decide under the row's lock; what `write` was given is kept."""
        with self._db.transaction() as session:
            yield RebuildChange(session, self._clock.now())

    def wanted(self, mine: Rebuild) -> bool:
        """False: it was cancelled or given to another worker."""
        found = self.read()
        return found is not None and same_attempt(found, mine) and not found.cancelling

    def pulse(self, mine: Rebuild, done: int, total: int) -> bool:
        """Tell how far it is. False: stop, it was cancelled or given to another worker."""
        with self.change() as change:
            found = change.found
            if found is None or not same_attempt(found, mine) or found.cancelling:
                return False
            change.write(replace(found, done=done, total=total, updated_at=change.now))
            return True


class RebuildChange:
    """What was found, and a place for what it becomes."""

    def __init__(self, session: Session, now: datetime) -> None:
        self.session = session
        self.now = now
        self._row = session.get(StateRow, NAME, with_for_update=True)
        self.found = Rebuild.from_json(self._row.value) if self._row is not None else None

    def write(self, rebuild: Rebuild) -> None:
        if self._row is None:
            self._row = StateRow(name=NAME, value=rebuild.to_json(), updated_at=self.now)
            self.session.add(self._row)
        else:
            self._row.value, self._row.updated_at = rebuild.to_json(), self.now


def same_attempt(found: Rebuild, mine: Rebuild) -> bool:
    return (found.run, found.attempt, found.state) == (
        mine.run,
        mine.attempt,
        RebuildState.RUNNING,
    )
