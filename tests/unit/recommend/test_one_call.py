"""Rows written in one call: the same values as row by row, on both databases."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from sqlalchemy import select

from contentcenter.domain.errors import Conflict
from contentcenter.floor import Floor
from contentcenter.store.tables import ReaderRow
from recommend.one_call import insert_missing
from recommend.readers import ReaderRef, meet_readers, standing_for
from tests.fixtures.floor import DATABASES

NOW = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=timezone(timedelta(hours=8)))
ODD = "{\"a\", b}\\ 'NULL' 中\U0001f4da"

pytestmark = pytest.mark.parametrize("database_url", DATABASES, indirect=True)


def readers(floor: Floor) -> list[ReaderRow]:
    with floor.db.reading() as session:
        return list(session.scalars(select(ReaderRow).order_by(ReaderRow.id)))


def row(app_id: str, openid: str | None = None) -> dict[str, object]:
    return {"app_id": app_id, "openid": openid, "created_at": NOW}


def test_rows_are_stored_as_they_are_and_stay_as_they_were(floor: Floor) -> None:
    insert_missing(floor.db, ReaderRow, [row(ODD), row("b", "1")], ["app_id"])
    insert_missing(floor.db, ReaderRow, [row("b", "2"), row("c")], ["app_id"])
    insert_missing(floor.db, ReaderRow, [], ["app_id"])
    found = readers(floor)
    assert [(one.app_id, one.openid) for one in found] == [(ODD, None), ("b", "1"), ("c", None)]
    assert {one.created_at for one in found} == {NOW.astimezone(UTC)}


def test_another_key_that_breaks_is_a_conflict_and_writes_nothing(floor: Floor) -> None:
    insert_missing(floor.db, ReaderRow, [row("a", "1")], ["app_id"])
    with pytest.raises(Conflict):
        insert_missing(floor.db, ReaderRow, [row("b"), row("c", "1")], ["app_id"])
    assert len(readers(floor)) == 1


def test_only_what_needs_no_second_look_is_met(floor: Floor) -> None:
    refs = [
        ReaderRef(app_id="a"),
        ReaderRef(openid="o"),
        ReaderRef(unionid="u"),
        ReaderRef(app_id="b", openid="p"),
        ReaderRef(openid="p"),
    ]
    for _ in range(2):
        meet_readers(floor.db, refs, NOW)
    assert [(one.app_id, one.openid) for one in readers(floor)] == [("a", None), (None, "o")]
    with floor.db.connected() as connection:
        assert standing_for(connection, refs) == {refs[0]: 1, refs[1]: 2}


def test_who_stands_for_a_reader_after_joins(floor: Floor) -> None:
    with floor.db.transaction() as session:
        session.add_all(
            [
                ReaderRow(id=1, app_id="a", created_at=NOW),
                ReaderRow(id=2, app_id="b", joined_into=1, created_at=NOW),
                ReaderRow(id=3, openid="o", joined_into=2, created_at=NOW),
                ReaderRow(id=4, openid="p", unionid="u", created_at=NOW),
                ReaderRow(id=5, app_id="c", unionid="u", created_at=NOW),
            ]
        )
    both = ReaderRef(app_id="b", openid="o")
    torn = ReaderRef(app_id="a", openid="p")
    new = ReaderRef(app_id="a", unionid="v")
    twice = ReaderRef(unionid="u")
    with floor.db.connected() as connection:
        found = standing_for(connection, [both, torn, new, twice])
    assert found == {both: 1, twice: 4}
