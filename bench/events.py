"""Reader events: taken in, attributed, learned from; personas, seen sets and joined readers.

    python -m bench events
    python -m bench.events [events] [readers]

One process, one thread, the embedded index, random clustered vectors. The stream is that of
two days: 70 % impressions with a trace, clicks with and without, favourites, carts, orders,
refunds; one in twenty comes up to three days late. PostgreSQL is measured where its programs
are installed (a throw-away server, fsync off).
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import func, insert, select

from bench.feed import NOW, fill, make_floor
from contentcenter.floor import Floor
from contentcenter.store.base import Table
from contentcenter.store.database import Database
from contentcenter.store.tables import ItemRow, ReaderRow
from recommend.events.seen import SeenSets
from recommend.events.service import IncomingEvent
from recommend.personas.store import Subject
from recommend.readers import ReaderRef
from recommend.services import RecommendServices, build_services
from recommend.tables import SeenArchiveRow, SeenRow
from scripts.postgres import postgres_url

ITEMS = 10_000
BATCH = 1_000
SEEN_ITEMS = 100_000
KINDS = ("impression", "click", "favourite", "cart", "order", "refund")
SHARES = (0.70, 0.20, 0.04, 0.03, 0.02, 0.01)


def run(events: int = 30_000, readers: int = 1_000) -> dict[str, Any]:
    found = {"sqlite": _measured(None, events, readers)}
    with postgres_url() as url:
        if url is not None:
            found["postgresql"] = _measured(_at(url), events, readers)
    return found


def _at(url: str) -> Callable[[Floor], Floor]:
    def move(floor: Floor) -> Floor:
        floor.db.dispose()
        db = Database(url)
        Table.metadata.create_all(db.engine)
        return replace(floor, db=db)

    return move


def _measured(move: Callable[[Floor], Floor] | None, events: int, readers: int) -> dict[str, Any]:
    with _filled(move) as floor:
        services = build_services(floor)
        services.corpus.refresh()
        return {
            **_stream(services, events, readers),
            "persona": _persona(services, readers),
            "seen": _seen(floor),
            "join": _joins(services),
        }


@contextmanager
def _filled(move: Callable[[Floor], Floor] | None) -> Iterator[Floor]:
    with tempfile.TemporaryDirectory() as folder:
        floor = make_floor(Path(folder))
        if move is not None:
            floor = move(floor)
        fill(floor, ITEMS)
        yield floor
        floor.db.dispose()


def _stream(services: RecommendServices, count: int, readers: int) -> dict[str, Any]:
    events = _events(count, readers)
    spent, cpu = [], time.process_time()
    for start in range(0, count, BATCH):
        begin = time.perf_counter()
        counts = services.events.record(events[start : start + BATCH])
        spent.append(time.perf_counter() - begin)
        assert counts.accepted == len(events[start : start + BATCH])
    cpu = time.process_time() - cpu
    learning_cpu = time.process_time()
    learned, learning = _timed(services.learning.apply_events)
    learning_cpu = time.process_time() - learning_cpu
    attributed, attributing = _timed(services.attribution.apply)
    assert learned == attributed == count
    return {
        "events": count,
        "readers": readers,
        "recorded_per_second": round(count / sum(spent)),
        "recorded_per_cpu_second": round(count / cpu),
        "batch_ms_p50": _ms(spent, 0.5),
        "batch_ms_p95": _ms(spent, 0.95),
        "learned_per_second": round(count / learning),
        "learned_per_cpu_second": round(count / learning_cpu),
        "attributed_per_second": round(count / attributing),
    }


def _events(count: int, readers: int) -> list[IncomingEvent]:
    rng = np.random.default_rng(4)
    kinds = rng.choice(KINDS, count, p=SHARES)
    who = rng.integers(0, readers, count)
    # Readers come back to a few items, so that look-back and refunds find something.
    items = 1 + (who * 37 + rng.integers(0, 40, count)) % (ITEMS - 2)
    traced = rng.random(count) < np.where(kinds == "impression", 1.0, 0.5)
    hours = np.where(rng.random(count) < 0.05, rng.uniform(0, 72, count), 0.0)
    hours += np.linspace(48, 0, count)
    return [
        IncomingEvent(
            index=number,
            event_id=f"e{number}",
            kind=str(kinds[number]),
            reader=ReaderRef(app_id=f"r{who[number]}"),
            item_id=int(items[number]),
            trace_id=f"t{who[number]}-{number // 500}" if traced[number] else None,
            value_fen=4_500 if kinds[number] in {"order", "refund"} else None,
            at=NOW - timedelta(hours=float(hours[number])),
        )
        for number in range(count)
    ]


def _persona(services: RecommendServices, readers: int) -> dict[str, Any]:
    """One reader's batch of ten events: learned, and rebuilt from all events."""
    spent, cpu, rebuilt = [], [], []
    for number in range(40):
        ref = ReaderRef(app_id=f"r{number % readers}")
        batch = [
            IncomingEvent(n, f"p{number}-{n}", "click", ref, item_id=1 + (number * 10 + n) % 5_000)
            for n in range(10)
        ]
        services.events.record(batch)
        begin = time.process_time()
        spent.append(_timed(services.learning.apply_events)[1])
        cpu.append(time.process_time() - begin)
        reader = services.identity.look(f"app_id:{ref.app_id}").id
        rebuilt.append(_timed(partial(services.learning.rebuild, Subject.READER, reader))[1])
    return {
        "update_ms_p50": _ms(spent, 0.5),
        "update_ms_p95": _ms(spent, 0.95),
        "update_cpu_ms_p50": _ms(cpu, 0.5),
        "rebuild_ms_p50": _ms(rebuilt, 0.5),
    }


def _seen(floor: Floor) -> dict[str, Any]:
    """A reader who has seen everything of a large catalogue: as rows, and folded."""
    reader = _crowded_reader(floor)
    seen = SeenSets(floor)
    rows = _best(lambda: seen.load(reader))
    before = seen.load(reader)
    folding = _timed(lambda: seen.fold([reader]))[1]
    assert seen.load(reader) == before
    with floor.db.reading() as session:
        query = select(func.length(SeenArchiveRow.items))
        size = session.scalars(query.where(SeenArchiveRow.reader_id == reader)).one()
    return {
        "items": SEEN_ITEMS,
        "load_ms_as_rows": rows,
        "fold_ms": round(folding * 1_000, 1),
        "load_ms_folded": _best(lambda: seen.load(reader)),
        "is_seen_ms": _best(lambda: seen.is_seen(reader, 1)),
        "archive_bytes": size,
    }


def _crowded_reader(floor: Floor) -> int:
    """Every tenth item or so of a million, seen in random order."""
    rng = np.random.default_rng(5)
    ids = (ITEMS + rng.choice(1_000_000, SEEN_ITEMS, replace=False)).tolist()
    fixed = {
        **{"kind": "pgc", "form": "note", "state": "withdrawn", "risks": [], "source_id": 1},
        **{"title": "", "content_hash": "", "created_at": NOW, "updated_at": NOW},
    }
    with floor.db.transaction() as session:
        row = ReaderRow(app_id="crowded", created_at=NOW)
        session.add(row)
        session.flush()
        connection = session.connection()
        connection.execute(insert(_table(ItemRow)), [{"id": one, **fixed} for one in ids])
        times = [NOW - timedelta(minutes=number) for number in range(SEEN_ITEMS)]
        seen = [
            {"reader_id": row.id, "item_id": one, "at": at}
            for one, at in zip(ids, times, strict=True)
        ]
        connection.execute(insert(_table(SeenRow)), seen)
        return row.id


def _joins(services: RecommendServices) -> dict[str, Any]:
    """Pairs of readers with what the stream gave them: joined, followed up, parted."""
    joined, settled, parted = [], [], []
    for number in range(15):
        pair = f"app_id:r{2 * number}", f"app_id:r{2 * number + 1}"
        ids = [services.identity.look(one).id for one in pair]
        joined.append(_timed(partial(services.identity.join, *pair, "bench", ""))[1])
        settled.append(_timed(services.dues.settle)[1])
        parted.append(_timed(partial(services.identity.part, max(ids), "bench", ""))[1])
        services.dues.settle()
    return {
        "join_ms_p50": _ms(joined, 0.5),
        "settle_ms_p50": _ms(settled, 0.5),
        "part_ms_p50": _ms(parted, 0.5),
    }


def _table(row: type[Table]) -> Any:
    """Plain inserts: the mapper's own are slower."""
    return row.__table__


def _timed(act: Callable[[], Any]) -> tuple[Any, float]:
    begin = time.perf_counter()
    found = act()
    return found, time.perf_counter() - begin


def _best(act: Callable[[], object]) -> float:
    """Milliseconds of the best of seven."""
    return round(min(_timed(act)[1] for _ in range(7)) * 1_000, 2)


def _ms(spent: Sequence[float], quantile: float) -> float:
    return round(float(np.quantile(spent, quantile)) * 1_000, 1)


if __name__ == "__main__":
    print(json.dumps(run(*(int(one) for one in sys.argv[1:]))))
