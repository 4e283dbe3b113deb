"""Answers are stored before anybody gets them, many at a time, each with its own fate."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import select

from contentcenter.domain.errors import Conflict
from contentcenter.floor import Floor
from recommend.feed import answer_log
from recommend.feed.answer_log import AnswerLog
from recommend.readers import ReaderRef, resolve_readers
from recommend.tables import FeedAnswerRow


@pytest.fixture
def reader(floor: Floor) -> int:
    ref = ReaderRef(app_id="r1")
    with floor.db.transaction() as session:
        return resolve_readers(session, [ref], floor.clock.now())[ref]


def answer(floor: Floor, reader: int, trace: str) -> dict[str, Any]:
    at = floor.clock.now()
    return {"trace_id": trace, "reader_id": reader, "scene": "home", "entries": [], "at": at}


def stored(floor: Floor) -> set[str]:
    with floor.db.reading() as session:
        return set(session.scalars(select(FeedAnswerRow.trace_id)))


def test_what_waits_while_one_writes_is_written_together(
    floor: Floor, reader: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    log, batches, entered, go = AnswerLog(floor.db), [], threading.Event(), threading.Event()
    write = answer_log.store_answers

    def slow(db: Any, answers: Any) -> None:
        batches.append(len(answers))
        entered.set()
        assert go.wait(10)
        write(db, answers)

    monkeypatch.setattr(answer_log, "store_answers", slow)
    with ThreadPoolExecutor(5) as pool:
        first = pool.submit(log.store, answer(floor, reader, "a-0"))
        assert entered.wait(10)
        rest = [pool.submit(log.store, answer(floor, reader, f"b-{n}")) for n in range(4)]
        while len(log._waiting) < 4:
            threading.Event().wait(0.001)
        assert not first.done()
        go.set()
        for one in (first, *rest):
            one.result(10)
    assert batches == [1, 4]
    assert stored(floor) == {"a-0", "b-0", "b-1", "b-2", "b-3"}


def test_one_that_is_there_already_is_refused_and_the_others_are_not(
    floor: Floor, reader: int
) -> None:
    log = AnswerLog(floor.db)
    log.store(answer(floor, reader, "a-0"))
    double, fresh = (
        answer_log._Waiting(answer(floor, reader, "a-0")),
        answer_log._Waiting(answer(floor, reader, "a-1")),
    )
    log._waiting.append(double)
    log._waiting.append(fresh)
    log.store(answer(floor, reader, "a-2"))
    assert isinstance(double.error, Conflict)
    assert fresh.error is None
    assert stored(floor) == {"a-0", "a-1", "a-2"}
    with pytest.raises(Conflict):
        log.store(answer(floor, reader, "a-0"))
