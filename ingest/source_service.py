"""Sources: where content comes from, and which of them are published by rule."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import func, select

from contentcenter.clock import Clock
from contentcenter.domain.content import ItemKind
from contentcenter.store import audit
from contentcenter.store.database import Database
from contentcenter.store.tables import ItemRow, SourceRow
from ingest.origins import ensure_source


@dataclass(frozen=True)
class SourceView:
    id: int
    name: str
    kind: str
    trusted: bool
    items: int


class SourceService:
    def __init__(self, db: Database, clock: Clock) -> None:
        self._db = db
        self._clock = clock

    def trust(self, name: str, kind: str, trusted: bool, actor: str) -> int:
        """Say whether a source's items are published without an editor's approval (when they
        carry no risk); an unknown source is made. Items already there keep their state."""
        with self._db.transaction() as session:
            source = ensure_source(session, name, ItemKind(kind), self._clock.now())
            if source.trusted != trusted:
                source.trusted = trusted
                action = "trusted" if trusted else "no_longer_trusted"
                audit.log(session, self._clock.now(), actor, action, ("source", source.id))
            return source.id

    def list(self) -> list[SourceView]:
        """All sources by name, with how many items each has."""
        counted = (
            select(SourceRow, func.count(ItemRow.id))
            .outerjoin(ItemRow, ItemRow.source_id == SourceRow.id)
            .group_by(SourceRow.id)
            .order_by(SourceRow.name)
        )
        with self._db.reading() as session:
            return [
                SourceView(source.id, source.name, source.kind, source.trusted, items)
                for source, items in session.execute(counted)
            ]
