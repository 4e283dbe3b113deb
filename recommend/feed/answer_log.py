"""Answers into the store, many at a time.

A database that takes one writer (SQLite) makes every other one wait and ask again: sampled at
100 pages a second, threads spent a third of their time beginning to write. So the first thread
whose turn it is writes all answers that wait, in one transaction; the others find theirs
written. Nobody is answered before the answer is stored.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from contentcenter.domain.errors import Conflict, ContentCenterError
from contentcenter.store.database import Database
from recommend.feed.answers import store_answers


@dataclass
class _Waiting:
    """An answer (the columns of its row) until it is stored, or refused."""

    answer: Mapping[str, Any]
    done: bool = False
    error: ContentCenterError | None = None


class AnswerLog:
    """`store` returns when the answer is in the store. Safe for several threads."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._turn = threading.Lock()
        self._guard = threading.Lock()
        self._waiting: list[_Waiting] = []

    def store(self, answer: Mapping[str, Any]) -> None:
        """Raises what the database said: `Conflict` for a trace id that is there already,
        `EngineUnavailable`."""
        mine = _Waiting(answer)
        with self._guard:
            self._waiting.append(mine)
        with self._turn:
            if not mine.done:
                self._write(self._taken())
        if mine.error is not None:
            raise mine.error

    def _taken(self) -> list[_Waiting]:
        with self._guard:
            batch, self._waiting = self._waiting, []
        return batch

    def _write(self, batch: Sequence[_Waiting]) -> None:
        """All of them, or, where one is refused, each by itself."""
        error = self._stored(batch)
        if isinstance(error, Conflict) and len(batch) > 1:
            for one in batch:
                self._write([one])
            return
        for one in batch:
            one.done, one.error = True, error

    def _stored(self, batch: Sequence[_Waiting]) -> ContentCenterError | None:
        try:
            store_answers(self._db, [one.answer for one in batch])
        except ContentCenterError as error:
            return error
        return None
