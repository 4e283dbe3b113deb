"""Answers of the feed: stored before anybody gets them, each in one statement."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import event

from contentcenter.domain.errors import Conflict
from contentcenter.floor import Floor
from recommend.feed.answers import answered_to, store_answer, stored_entries
from recommend.readers import ReaderRef, resolve_readers


@pytest.fixture
def reader(floor: Floor) -> int:
    ref = ReaderRef(app_id="r1")
    with floor.db.transaction() as session:
        return resolve_readers(session, [ref], floor.clock.now())[ref]


def answer(reader: int, trace: str, at: datetime, item: int = 1) -> dict[str, Any]:
    entries = [{"item_id": item, "score": -2.5, "text": "编辑推荐"}]
    return {"trace_id": trace, "reader_id": reader, "scene": "home", "entries": entries, "at": at}


def test_an_answer_is_stored_once_and_the_first_one_stays(floor: Floor, reader: int) -> None:
    now = floor.clock.now()
    store_answer(floor.db, answer(reader, "a-0", now))
    with pytest.raises(Conflict):
        store_answer(floor.db, answer(reader, "a-0", now, item=2))
    with pytest.raises(Conflict):
        store_answer(floor.db, answer(reader + 1_000, "b-0", now))
    with floor.db.connected() as connection:
        assert stored_entries(connection, "a-0") == answer(reader, "a-0", now)["entries"]
        assert answered_to(connection, "a-0") == reader
        assert answered_to(connection, "b-0") is None


def test_it_is_one_statement_that_commits_by_itself(floor: Floor, reader: int) -> None:
    told: list[str] = []
    event.listen(floor.db.engine, "before_cursor_execute", lambda *args: told.append(args[2]))
    store_answer(floor.db, answer(reader, "a-0", floor.clock.now()))
    assert [one.split()[0] for one in told] == ["INSERT"]


def test_many_threads_store_side_by_side(floor: Floor, reader: int) -> None:
    now, traces = floor.clock.now(), [f"a-{number}" for number in range(120)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda one: store_answer(floor.db, answer(reader, one, now)), traces))
    with floor.db.connected() as connection:
        assert {answered_to(connection, one) for one in traces} == {reader}
