"""What a reader has seen stays seen, few rows or many."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest
from sqlalchemy import func, insert, select

from contentcenter.floor import Floor
from contentcenter.store.tables import ItemRow, ReaderRow, SourceRow
from recommend.events.seen import SeenSets, pack, unpack
from recommend.tables import SeenArchiveRow, SeenRow
from tests.fixtures.floor import DATABASES
from tests.flows.reader_world import Readers

MANY = 3_000


@pytest.fixture
def crowd(floor: Floor) -> Floor:
    """One reader who has seen every one of many items; the newest has the highest id."""
    now = floor.clock.now()
    times = {"created_at": now, "updated_at": now}
    with floor.db.transaction() as session:
        session.add(SourceRow(name="编辑部", kind="pgc", trusted=True, created_at=now))
        session.add(ReaderRow(id=1, app_id="r", created_at=now))
        session.flush()
        fixed = {"kind": "pgc", "form": "note", "state": "published", "risks": [], "source_id": 1}
        session.execute(
            insert(ItemRow),
            [
                {"id": n, "title": f"{n}", "content_hash": f"{n}", **fixed, **times}
                for n in range(1, MANY + 2)
            ],
        )
        session.execute(
            insert(SeenRow),
            [
                {"reader_id": 1, "item_id": n, "at": now - timedelta(minutes=MANY - n)}
                for n in range(1, MANY + 1)
            ],
        )
    return floor


def rows(floor: Floor) -> list[int]:
    with floor.db.reading() as session:
        return sorted(session.scalars(select(SeenRow.item_id)))


@pytest.mark.parametrize("database_url", DATABASES, indirect=True)
def test_old_rows_become_one_small_set_and_stay_seen(crowd: Floor) -> None:
    seen = SeenSets(crowd, keep=200)
    assert seen.crowded() == [1]
    assert seen.fold([1]) == MANY - 200
    assert seen.crowded() == []
    assert rows(crowd) == list(range(MANY - 199, MANY + 1)), "the newest stay"
    assert seen.load(1) == frozenset(range(1, MANY + 1))
    assert all(seen.is_seen(1, one) for one in (1, 2_799, 2_800, 2_801, MANY))
    assert not seen.is_seen(1, MANY + 1)
    assert not seen.is_seen(2, 1)
    with crowd.db.reading() as session:
        assert session.scalars(select(func.length(SeenArchiveRow.items))).one() < 1_000
    assert seen.fold([1]) == 0
    assert seen.load(1) == frozenset(range(1, MANY + 1))


def test_a_few_rows_too_many_are_not_worth_folding(crowd: Floor) -> None:
    assert SeenSets(crowd, keep=MANY - 100).crowded() == []


def test_an_archived_item_seen_again_is_still_one_item(floor: Floor) -> None:
    world = Readers(floor)
    for number, item in enumerate(world.items):
        world.tell(f"e{number}", "impression", 20 - number, who={"app_id": "r"}, item_id=item)
    reader = world.reader("r")
    seen = SeenSets(floor, keep=3)
    seen.fold([reader])
    world.tell("again", "click", who={"app_id": "r"}, item_id=world.items[0])
    world.tell("no", "dislike", who={"app_id": "r"}, item_id=world.items[1])
    seen.fold([reader])
    assert seen.load(reader) == frozenset(world.items)
    assert len(rows(floor)) == 3


def test_an_archive_is_read_back_exactly() -> None:
    rng = np.random.default_rng(1)
    for ids in ([], [1], [2**40, 3], rng.integers(1, 10**6, 5_000).tolist()):
        assert unpack(pack(ids)).tolist() == sorted(set(ids))
