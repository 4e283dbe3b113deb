"""Items for `bench diversity`, beyond those of `bench feed`.

An author writes in one group of meaning, a few authors write most of it, and an author writes for
one source; three items of a group tell of the same work.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from sqlalchemy import insert, update

from bench.feed import GROUPS, NOW, Placed
from contentcenter.embedding.ports import Vectors
from contentcenter.floor import Floor
from contentcenter.store.tables import BookRow, ItemBookRow, ItemRow, SourceRow, WorkRow

AUTHORS = 20  # a group; the k-th writes in proportion to 1/k
SOURCES = 12
TELLING = 3  # items that tell of one work


@dataclass(frozen=True)
class Items:
    """What readers and figures need of the items, by id."""

    group: Mapping[int, int]
    work: Mapping[int, int]
    vectors: Mapping[int, Vectors]  # centred unit rows


def furnish(floor: Floor, placed: Placed) -> dict[int, int]:
    """Authors, sources and works for the items of `fill`; returns the work of each item."""
    luck = np.random.default_rng(17)
    writes = 1.0 / np.arange(1, AUTHORS + 1)
    drawn = luck.choice(AUTHORS, len(placed.groups), p=writes / writes.sum())
    authored = [
        {"id": one, "author": f"作者{group}-{k}", "source_id": 1 + (group + int(k)) % SOURCES}
        for (one, group), k in zip(placed.groups.items(), drawn, strict=True)
    ]
    told: Counter[int] = Counter()
    works: dict[int, int] = {}
    for one, group in placed.groups.items():
        works[one] = 1 + group + GROUPS * (told[group] // TELLING)
        told[group] += 1
    with floor.db.transaction() as session:
        for number in range(2, SOURCES + 1):
            session.add(SourceRow(id=number, name=f"来源{number}", kind="ugc", created_at=NOW))
        session.flush()
        session.execute(update(ItemRow), authored)
        numbers = sorted(set(works.values()))
        session.execute(insert(WorkRow), [_work(one) for one in numbers])
        session.execute(insert(BookRow), [_book(one) for one in numbers])
        links = [{"item_id": one, "book_id": work} for one, work in works.items()]
        session.execute(insert(ItemBookRow), [{**link, "origin": "editor"} for link in links])
    return works


def _work(number: int) -> dict[str, Any]:
    return {"id": number, "key": str(number), "title": f"书{number}"}


def _book(number: int) -> dict[str, Any]:
    return {
        "id": number, "work_id": number, "title": f"书{number}", "source_id": 1,
        "source_ref": str(number), "record_hash": "", "created_at": NOW, "updated_at": NOW,
    }  # fmt: skip
