"""Answers of the feed in the store: written once, read again for cursors and repeats."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import BindParameter, Connection, bindparam, delete, insert, select

from contentcenter.floor import Floor
from contentcenter.store.database import Database
from recommend.among import among
from recommend.tables import FeedAnswerRow

KEPT_ANSWERS = 20_000


class Answers:
    """Item ids of answers. An answer never changes, so its ids are kept in a bounded memory
    and not decoded from the log again. Safe for several threads."""

    def __init__(self, size: int = KEPT_ANSWERS) -> None:
        self._size = size
        self._lock = threading.Lock()
        self._kept: OrderedDict[str, tuple[int, ...]] = OrderedDict()

    def of_session(
        self, connection: Connection, session_id: str, reader_id: int
    ) -> dict[str, tuple[int, ...]]:
        """All pages of a session by trace id, of this reader."""
        asked = {"reader": reader_id, "prefix": f"{session_id}-"}
        return self.of(connection, list(connection.execute(_OF_SESSION, asked).scalars()))

    def of(self, connection: Connection, traces: Sequence[str]) -> dict[str, tuple[int, ...]]:
        """Item ids of these answers by trace id."""
        with self._lock:
            known = {one: self._kept[one] for one in traces if one in self._kept}
        missing = [one for one in traces if one not in known]
        if missing:
            for trace, entries in connection.execute(_ENTRIES, {"traces": missing}):
                known[trace] = tuple(entry["item_id"] for entry in entries)
        self.keep(known)
        return known

    def keep(self, answers: Mapping[str, tuple[int, ...]]) -> None:
        with self._lock:
            for trace, items in answers.items():
                self._kept[trace] = items
                self._kept.move_to_end(trace)
            while len(self._kept) > self._size:
                self._kept.popitem(last=False)


def store_answer(db: Database, answer: Mapping[str, Any]) -> None:
    """A row of `feed_answers`, by its columns. `Conflict` for a trace id that is there already.

    One statement that commits by itself: with a BEGIN before it and a COMMIT after it, a third
    of the time that threads of a busy hub spent was waiting to begin.
    """
    with db.at_once() as connection:
        connection.execute(_STORE, dict(answer))


def answered_to(connection: Connection, trace_id: str) -> int | None:
    """Whose answer this is; None while there is none."""
    return connection.execute(_OWNER, {"trace": trace_id}).scalar()


def stored_entries(connection: Connection, trace_id: str) -> list[dict[str, Any]]:
    """Entries of an answer; none of an unknown one."""
    return list(connection.execute(_ANSWER, {"trace": trace_id}).scalar() or ())


def forget_answers(floor: Floor, before: datetime) -> int:
    with floor.db.transaction() as session:
        done = session.execute(delete(FeedAnswerRow).where(FeedAnswerRow.at < before))
    return int(done.rowcount)  # type: ignore[attr-defined]


_STORE = insert(FeedAnswerRow)
_READER: BindParameter[int] = bindparam("reader", type_=FeedAnswerRow.reader_id.type)
_OWNER = select(FeedAnswerRow.reader_id).where(FeedAnswerRow.trace_id == bindparam("trace"))
_ANSWER = select(FeedAnswerRow.entries).where(FeedAnswerRow.trace_id == bindparam("trace"))
_ENTRIES = select(FeedAnswerRow.trace_id, FeedAnswerRow.entries).where(
    among(FeedAnswerRow.trace_id, "traces", texts=True)
)
_OF_SESSION = select(FeedAnswerRow.trace_id).where(
    FeedAnswerRow.reader_id == _READER,
    FeedAnswerRow.trace_id.startswith(bindparam("prefix"), autoescape=False),
)
