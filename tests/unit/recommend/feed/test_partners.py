"""Partners of liked items on a real store: sums as they are, few read anew, many kept."""

from __future__ import annotations

from collections import Counter

import pytest
from sqlalchemy import event, insert

from contentcenter.floor import Floor
from recommend.feed import partners
from recommend.feed.partners import Partners
from recommend.tables import CoReadRow
from tests.unit.recommend.building import Piece, store_items


@pytest.fixture
def ids(floor: Floor) -> list[int]:
    return store_items(floor, [Piece(f"第{n}本") for n in range(12)])


def like_together(floor: Floor, pairs: dict[tuple[int, int], float]) -> None:
    rows = [{"item_id": one, "other_id": other, "count": n} for (one, other), n in pairs.items()]
    with floor.db.transaction() as session:
        session.execute(insert(CoReadRow), rows)


def asked(floor: Floor, known: Partners, ids: list[int], limit: int = 50) -> list[int]:
    with floor.db.connected() as connection:
        return known.of(connection, ids, limit)


def questions(floor: Floor) -> list[str]:
    seen: list[str] = []
    event.listen(floor.db.engine, "before_cursor_execute", lambda *args: seen.append(str(args[2])))
    return seen


def test_items_come_by_the_sum_of_common_readers(floor: Floor, ids: list[int]) -> None:
    pairs = {(ids[0], other): float(1 + place % 4) for place, other in enumerate(ids[1:9])} | {
        (ids[9], other): float(1 + place % 3) for place, other in enumerate(ids[:9])
    }
    like_together(floor, pairs)
    sums: Counter[int] = Counter()
    for (_, other), count in pairs.items():
        sums[other] += count  # type: ignore[assignment]
    best = sorted((one for one in sums if one != ids[0]), key=lambda one: (-sums[one], one))
    assert asked(floor, Partners(), [ids[0], ids[9]]) == best
    assert asked(floor, Partners(), [ids[0], ids[9]], 3) == best[:3]
    assert asked(floor, Partners(), [ids[11]]) == []
    assert asked(floor, Partners(), []) == []


def test_many_partners_are_kept_for_a_while(
    floor: Floor, ids: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    like_together(floor, {(ids[0], one): float(place) for place, one in enumerate(ids[1:10])})
    assert asked(floor, Partners(), [ids[0]], 2) == [ids[9], ids[8]]
    monkeypatch.setattr(partners, "PARTNERS", 9)
    known = Partners()
    before = asked(floor, known, [ids[0]])
    like_together(floor, {(ids[0], ids[10]): 99.0})
    seen = questions(floor)
    assert asked(floor, known, [ids[0]]) == before
    assert not seen
    monkeypatch.setattr(partners, "KEPT_SECONDS", -1.0)
    assert asked(floor, known, [ids[0]])[0] == ids[10]


def test_a_few_partners_are_read_anew_every_time(floor: Floor, ids: list[int]) -> None:
    known = Partners()
    like_together(floor, {(ids[0], ids[1]): 1.0})
    assert asked(floor, known, [ids[0]]) == [ids[1]]
    like_together(floor, {(ids[0], ids[2]): 5.0})
    assert asked(floor, known, [ids[0]]) == [ids[2], ids[1]]
