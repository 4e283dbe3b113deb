"""The feed service on a real store and index: milliseconds a page, pages and events a second.

    python -m bench.feed [items] [readers]

One process, one thread, SQLite, the embedded index, random clustered vectors: what is
measured is recall, ranking, spreading, fact checks and the stored answer, not a model.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import redis
from sqlalchemy import insert

import distribute.tables  # noqa: F401 - the rooms' tables join the metadata
import ingest.tables  # noqa: F401
from contentcenter.clock import FixedClock
from contentcenter.domain.categories import CATEGORIES
from contentcenter.embedding.hashing import HashingEmbedder
from contentcenter.embedding.ports import Vectors
from contentcenter.floor import Floor
from contentcenter.jobs.rq_queue import RqQueue
from contentcenter.search.build import build_index
from contentcenter.search.ports import IndexDocument
from contentcenter.settings import Settings
from contentcenter.store.base import Table
from contentcenter.store.database import Database
from contentcenter.store.tables import ItemRow, ItemTagRow, SourceRow, TagRow
from contentcenter.text.build import build_analyser
from recommend.corpus import unit_rows
from recommend.events.service import IncomingEvent
from recommend.readers import ReaderRef
from recommend.services import RecommendServices, build_services

NOW = datetime(2026, 11, 21, 4, tzinfo=UTC)
CODES = tuple(CATEGORIES)
PAGE = 10
PAGES = 3
TAGS = 200
GROUPS = 60


def run(items: int = 20_000, readers: int = 200) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        floor = make_floor(Path(folder))
        fill(floor, items)
        services = build_services(floor)
        services.corpus.refresh()
        events = _report(services, items, readers)
        pages = _pages(services, readers)
        floor.db.dispose()
    return {"items": items, "readers": readers, **events, **pages}


def make_floor(folder: Path, now: datetime = NOW) -> Floor:
    settings = Settings(data_dir=folder, secret_key="bench")  # noqa: S106 - no secret here
    db = Database(settings.effective_database_url)
    Table.metadata.create_all(db.engine)
    nowhere = redis.Redis(port=1, socket_timeout=1)  # the feed needs no Redis
    return Floor(
        settings=settings,
        clock=FixedClock(now),
        db=db,
        index=build_index("embedded", settings.index_dir, ""),
        embedder=HashingEmbedder(),
        analyser=build_analyser(),
        queue=RqQueue(nowhere),
        redis=nowhere,
    )


@dataclass(frozen=True)
class Placed:
    """Where the items lie, by id: the group each was drawn from, and its vector."""

    groups: Mapping[int, int]
    vectors: Mapping[int, Vectors]


def fill(floor: Floor, count: int) -> Placed:
    """A catalogue of `GROUPS` clusters in the store and in the index."""
    rng = np.random.default_rng(3)
    dimension = floor.embedder.identity().dimension
    centres = rng.normal(size=(GROUPS, dimension))
    group = rng.integers(0, GROUPS, count)
    vectors = unit_rows((centres[group] + rng.normal(size=(count, dimension))).astype(np.float32))
    rows = [_row(number, int(group[number])) for number in range(1, count)]
    links = [
        {"item_id": row["id"], "tag_id": 1 + (row["id"] * step) % TAGS, "origin": "editor"}
        for row in rows
        for step in (1, 7)
        if step == 1 or (row["id"] * 7) % TAGS != row["id"] % TAGS
    ]
    with floor.db.transaction() as session:
        session.add(SourceRow(name="编辑部", kind="pgc", trusted=True, created_at=NOW))
        session.flush()
        session.execute(insert(TagRow), [{"name": f"标签{n}"} for n in range(TAGS)])
        session.execute(insert(ItemRow), rows)
        session.execute(insert(ItemTagRow), links)
    documents = [_document(row, vectors[row["id"]]) for row in rows]
    with floor.index.rebuild(floor.embedder.identity()) as rebuild:
        for start in range(0, len(documents), 2_000):
            rebuild.put(documents[start : start + 2_000])
        rebuild.commit()
    ids = [row["id"] for row in rows]
    return Placed({one: int(group[one]) for one in ids}, {one: vectors[one] for one in ids})


def _row(number: int, group: int) -> dict[str, Any]:
    at = NOW - timedelta(hours=number % 2_000)
    times = {"created_at": at, "updated_at": at, "ready_at": at, "published_at": at}
    return {
        "id": number,
        "kind": ("pgc", "ugc", "supplier")[number % 3],
        "form": "article",
        "state": "published",
        "title": f"第{number}篇",
        "text": "正文" * 200,
        "author": f"作者{number % 300}",
        "category": CODES[group % len(CODES)],
        "source_id": 1,
        "content_hash": str(number),
        "quality": 0.3 + (number % 7) / 10,
        "risks": [],
        # In the index already: nobody has to embed the catalogue while pages are measured.
        "version": 1,
        "indexed_version": 1,
        **times,
    }


def _document(row: dict[str, Any], vector: Any) -> IndexDocument:
    return IndexDocument(
        id=row["id"],
        revision=1,
        text={},
        vector=vector,
        kind=row["kind"],
        state="published",
        category=row["category"],
        tags=(f"标签{row['id'] % TAGS}",),
        source="编辑部",
        quality=row["quality"],
        published_at=row["published_at"],
    )


def _report(services: RecommendServices, items: int, readers: int) -> dict[str, Any]:
    """Batches of 1,000 events; then the learning job over all of them."""
    rng = np.random.default_rng(4)
    count = 60 * readers
    kinds = rng.choice(["impression", "click", "favourite"], count, p=[0.7, 0.25, 0.05])
    events = [
        IncomingEvent(
            index=number,
            event_id=f"e{number}",
            kind=str(kinds[number]),
            reader=ReaderRef(app_id=f"r{number % readers}"),
            item_id=int(rng.integers(1, items - 1)),
        )
        for number in range(count)
    ]
    begin = time.perf_counter()
    for start in range(0, count, 1_000):
        services.events.record(events[start : start + 1_000])
    middle = time.perf_counter()
    services.learning.apply_events()
    return {
        "events_per_second": round(count / (middle - begin)),
        "learned_per_second": round(count / (time.perf_counter() - middle)),
    }


def _pages(services: RecommendServices, readers: int) -> dict[str, Any]:
    """Three pages of every reader; the first quarter of the readers warms the shelf and is not
    counted. First pages are ranked, later ones go on with what was ranked."""
    wall: list[list[float]] = []
    cpu: list[list[float]] = []
    empty = 0
    for reader in range(readers):
        cursor = None
        visit: list[tuple[float, float]] = []
        for _ in range(PAGES):
            begin = (time.perf_counter(), time.process_time())
            page = services.feed.page(f"r{reader}", size=PAGE, cursor=cursor)
            visit.append((time.perf_counter() - begin[0], time.process_time() - begin[1]))
            cursor, empty = page.next_cursor, empty + (not page.items)
        wall.append([1e3 * one for one, _ in visit])
        cpu.append([1e3 * one for _, one in visit])
    counted, spent = np.array(wall[readers // 4 :]), np.array(cpu[readers // 4 :])
    return {
        "pages": counted.size,
        **_quantiles(counted),
        "first": _quantiles(counted[:, 0]),
        "later": _quantiles(counted[:, 1:]),
        "cpu_first": _quantiles(spent[:, 0]),
        "cpu_later": _quantiles(spent[:, 1:]),
        "pages_per_second": round(1_000 / float(counted.mean()), 1),
        "empty": empty,
    }


def _quantiles(milliseconds: npt.NDArray[np.float64]) -> dict[str, float]:
    return {
        "p50_ms": round(float(np.quantile(milliseconds, 0.5)), 2),
        "p95_ms": round(float(np.quantile(milliseconds, 0.95)), 2),
    }


if __name__ == "__main__":
    print(json.dumps(run(*(int(one) for one in sys.argv[1:]))))
