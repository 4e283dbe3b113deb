"""Planning at scale: audiences x 7 days through planner, tailor, ledger and quota.

    python -m bench.plan [audiences] [items]

Matching is measured by its own benchmark; here every audience gets seeded scores over all
items, so that the time is the planner's. Prints one JSON line.
"""

from __future__ import annotations

import json
import resource
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import redis
from sqlalchemy import insert

from contentcenter.clock import FixedClock
from contentcenter.embedding.hashing import HashingEmbedder
from contentcenter.floor import Floor
from contentcenter.jobs.rq_queue import RqQueue
from contentcenter.search.build import build_index
from contentcenter.settings import Settings
from contentcenter.store.base import Table
from contentcenter.store.database import Database
from contentcenter.store.tables import AudienceRow
from contentcenter.text.build import build_analyser
from distribute.ports import Match
from distribute.reader_events import RecommendEvents
from distribute.services import DistributeServices, build_services
from distribute.tables import SlotRow
from recommend.events.service import EventService
from tests.flows.distribute_world import Shop

EVENING = datetime(2026, 11, 21, 4, 0, tzinfo=UTC)


class SeededMatches:
    """Scores from a seed: different for every audience, the same in every run."""

    def __init__(self, items: Sequence[int]) -> None:
        self._items = np.array(items)
        self.seconds = 0.0

    def match_items_for_audience(
        self,
        audience_id: int,
        limit: int,
        channel_kind: str | None = None,  # noqa: ARG002 - the shape of the port
        at: datetime | None = None,  # noqa: ARG002
    ) -> Sequence[Match]:
        scores = np.random.default_rng(audience_id).random(len(self._items))
        best = np.argpartition(-scores, min(limit, len(scores) - 1))[:limit]
        ordered = best[np.argsort(-scores[best])]
        return [
            Match(int(self._items[n]), float(scores[n]), {"semantic": float(scores[n])})
            for n in ordered
        ]

    def match_many(
        self, audience_ids: Sequence[int], limit: int, at: datetime | None = None
    ) -> Mapping[int, Sequence[Match]]:
        started = time.monotonic()
        found = {one: self.match_items_for_audience(one, limit, None, at) for one in audience_ids}
        self.seconds += time.monotonic() - started
        return found


def main() -> None:
    audiences = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    items = int(sys.argv[2]) if len(sys.argv) > 2 else 1_000
    print(json.dumps(run(audiences, items)))


def run(audiences: int = 10_000, items: int = 1_000) -> dict[str, Any]:
    """Measure in a temporary folder."""
    with tempfile.TemporaryDirectory() as folder:
        return measure(Path(folder), audiences, items)


def measure(folder: Path, audiences: int, items: int) -> dict[str, Any]:
    floor = _floor(folder)
    shop = Shop(floor, None, floor.clock, None)  # type: ignore[arg-type]
    matches = SeededMatches(shop.add_items(items))
    services = build_services(floor, matcher=matches, events=RecommendEvents(EventService(floor)))
    _add_audiences(floor, services, audiences)
    before = _memory()
    started = time.monotonic()
    plan = services.plans.request("bench", days=7)
    done = services.plans.run(plan.id)
    seconds = time.monotonic() - started
    return {
        "audiences": audiences,
        "items": items,
        "posts": done.summary["posts"],
        "states": done.summary["states"],
        "seconds": round(seconds, 1),
        "seconds_of_seeded_scores": round(matches.seconds, 1),
        "memory_mb_before": before,
        "memory_mb_peak": _memory(),
        "database_mb": round((folder / "bench.sqlite3").stat().st_size / 2**20),
    }


def _floor(folder: Path) -> Floor:
    url = f"sqlite:///{folder}/bench.sqlite3"
    settings = Settings(data_dir=folder, database_url=url)
    connection = redis.Redis.from_url(settings.redis_url)  # planning never talks to it
    floor = Floor(
        settings=settings,
        clock=FixedClock(EVENING),
        db=Database(url),
        index=build_index("embedded", settings.index_dir, ""),
        embedder=HashingEmbedder(),
        analyser=build_analyser(),
        queue=RqQueue(connection),
        redis=connection,
    )
    Table.metadata.create_all(floor.db.engine)
    return floor


def _add_audiences(floor: Floor, services: DistributeServices, count: int) -> None:
    channel = services.channels.create(
        "bench", kind="wecom_groups", name="w", account="ww", credentials={"secret": "s"}
    )
    now = floor.clock.now()
    rows = [
        {
            "channel_id": channel.id,
            "kind": "group",
            "name": f"群 {number}",
            "platform_ref": f"wr{number}",
            "owner_userid": "zhang",
            "tags": [],
            "categories": [],
            "auto_approve": True,
            "created_at": now,
            "updated_at": now,
        }
        for number in range(count)
    ]
    with floor.db.transaction() as session:
        ids = list(session.scalars(insert(AudienceRow).returning(AudienceRow.id), rows))
        slots = [
            {"audience_id": key, "weekdays": list(range(7)), "local_time": "20:30"} for key in ids
        ]
        session.execute(insert(SlotRow), slots)


def _memory() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


if __name__ == "__main__":
    main()
