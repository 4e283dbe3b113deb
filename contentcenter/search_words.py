"""The operators' words: kept in the store, told to the analyser of every process.

A list nobody has edited is the starter list. Saving one replaces it whole, with the version
the writer had read: who saves over somebody else's change is told so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from contentcenter.clock import Clock
from contentcenter.domain.errors import Conflict
from contentcenter.store import audit
from contentcenter.store.database import Database
from contentcenter.store.tables import AuditRow, SearchWordRow, StateRow
from contentcenter.text.analysis import Analyser
from contentcenter.text.starter_words import STARTER
from contentcenter.text.synonyms import WordKind
from contentcenter.text.understanding import Understanding
from contentcenter.text.word_lines import HEADINGS, build_words, parse_lines

STATE = "search_words"
# Ids of the lists in the audit log.
SUBJECTS = {kind: number for number, kind in enumerate(WordKind, 1)}
_SHOWN_CHANGES = 30


@dataclass(frozen=True)
class WordLists:
    """All lines by kind. `edited`: kinds that operators have taken over from the starter."""

    version: int
    lines: Mapping[WordKind, tuple[str, ...]]
    edited: frozenset[WordKind]
    updated_at: datetime | None = None
    updated_by: str = ""


class SearchWordService:
    """Reads and replaces the lists, and keeps this process's analyser up to date."""

    def __init__(self, db: Database, clock: Clock, analyser: Analyser) -> None:
        self._db = db
        self._clock = clock
        self._analyser = analyser
        self._loaded: int | None = None

    def lists(self) -> WordLists:
        with self._db.reading() as session:
            return _read(session)

    def refresh(self) -> bool:
        """Take over what another process has saved; True when that was something new."""
        with self._db.reading() as session:
            if _version(session.get(StateRow, STATE)) == self._loaded:
                return False
            lists = _read(session)
        self._analyser.use(build_words(lists.lines))
        self._loaded = lists.version
        return True

    def save(self, texts: Mapping[WordKind, str], version: int, actor: str) -> WordLists:
        """Replace the given lists, all or none.

        Raises `InvalidInput` that names every bad line, `Conflict` when somebody has saved
        since `version`.
        """
        wanted = {kind: parse_lines(kind, text) for kind, text in texts.items()}
        now = self._clock.now()
        with self._db.transaction() as session:
            row = session.get(StateRow, STATE, with_for_update=True)
            if _version(row) != version:
                raise Conflict("词表刚被别人改过，请刷新页面后再改", version=_version(row))
            before = _read(session)
            changed = {
                kind: lines for kind, lines in wanted.items() if tuple(lines) != before.lines[kind]
            }
            for kind, lines in changed.items():
                _replace(session, kind, lines, now, actor)
                details = {"kind": HEADINGS[kind], **_difference(before.lines[kind], lines)}
                audit.log(
                    session, now, actor, "search_words_saved", (STATE, SUBJECTS[kind]), **details
                )
            if changed:
                _raise_version(session, before, changed, now, actor)
        self.refresh()
        return self.lists()

    def reset(self, kind: WordKind, version: int, actor: str) -> WordLists:
        """Go back to the starter list."""
        return self.save({kind: "\n".join(STARTER[kind])}, version, actor)

    def understand(self, question: str) -> Understanding:
        """How this process reads a question now."""
        return self._analyser.understand(question)

    def trail(self, limit: int = 20) -> Sequence[AuditRow]:
        """Who changed what, oldest first."""
        query = (
            select(AuditRow)
            .where(AuditRow.subject_type == STATE)
            .order_by(AuditRow.id.desc())
            .limit(limit)
        )
        with self._db.reading() as session:
            return session.scalars(query).all()[::-1]


def _version(row: StateRow | None) -> int:
    return 0 if row is None else int(row.value["version"])


def _read(session: Session) -> WordLists:
    state = session.get(StateRow, STATE)
    edited = frozenset(WordKind(kind) for kind in state.value["edited"]) if state else frozenset()
    lines: dict[WordKind, list[str]] = {kind: [] for kind in WordKind}
    rows = select(SearchWordRow.kind, SearchWordRow.line).order_by(SearchWordRow.position)
    for kind, line in session.execute(rows):
        lines[WordKind(kind)].append(line)
    return WordLists(
        version=_version(state),
        lines={kind: tuple(lines[kind]) if kind in edited else STARTER[kind] for kind in WordKind},
        edited=edited,
        updated_at=state.updated_at if state else None,
        updated_by=str(state.value["by"]) if state else "",
    )


def _replace(
    session: Session, kind: WordKind, lines: Sequence[str], now: datetime, actor: str
) -> None:
    """Lines that stay keep who wrote them and when."""
    known = select(SearchWordRow.line, SearchWordRow.created_at, SearchWordRow.created_by).where(
        SearchWordRow.kind == str(kind)
    )
    written = {line: (at, by) for line, at, by in session.execute(known)}
    session.execute(delete(SearchWordRow).where(SearchWordRow.kind == str(kind)))
    for position, line in enumerate(lines):
        at, by = written.get(line, (now, actor))
        session.add(
            SearchWordRow(
                kind=str(kind), position=position, line=line, created_at=at, created_by=by
            )
        )


def _difference(before: Sequence[str], after: Sequence[str]) -> dict[str, object]:
    added = [line for line in after if line not in set(before)]
    removed = [line for line in before if line not in set(after)]
    return {
        "added": added[:_SHOWN_CHANGES],
        "removed": removed[:_SHOWN_CHANGES],
        "lines": len(after),
    }


def _raise_version(
    session: Session,
    before: WordLists,
    changed: Mapping[WordKind, Sequence[str]],
    now: datetime,
    actor: str,
) -> None:
    edited = sorted(str(kind) for kind in {*before.edited, *changed})
    value = {"version": before.version + 1, "edited": edited, "by": actor}
    session.merge(StateRow(name=STATE, value=value, updated_at=now))
