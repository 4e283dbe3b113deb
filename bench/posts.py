"""Posts a second through queue, ledger and platform twin.

    python -m bench.posts [posts] [workers]

A real Valkey, a SQLite store in a temporary folder, the twin as a process of its own, and
worker processes as in production. Every post is one WeCom task. Prints one JSON line: posts a
second from the first job to the last `sent`, and what the same number of bare calls to the
twin costs one client, so that the machine's speed can be read out of the result.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psutil
import redis
from sqlalchemy import func, select

from contentcenter.clock import FixedClock
from contentcenter.embedding.hashing import HashingEmbedder
from contentcenter.floor import Floor
from contentcenter.jobs.rq_queue import RqQueue
from contentcenter.search.build import build_index
from contentcenter.settings import Settings
from contentcenter.store.base import Table
from contentcenter.store.database import Database
from contentcenter.text.build import build_analyser
from distribute.tables import PostRow
from tests.fixtures.twin import TwinProcess, wait_for
from tests.fixtures.valkey import ValkeyServer, free_port
from tests.flows.distribute_world import CORP_SECRET, CORPID, Shop, make_shop

BARE_CALLS = 300
LIMIT_SECONDS = 300.0


def main() -> None:
    posts = int(sys.argv[1]) if len(sys.argv) > 1 else 3_000
    workers = int(sys.argv[2]) if len(sys.argv) > 2 else 2
    print(json.dumps(run(posts, workers)))


def run(posts: int = 3_000, workers: int = 2) -> dict[str, Any]:
    """Measure in a temporary folder."""
    with tempfile.TemporaryDirectory() as folder:
        return measure(Path(folder), posts, workers)


def measure(folder: Path, posts: int, workers: int) -> dict[str, Any]:
    valkey = ValkeyServer(folder / "valkey", free_port())
    twin = TwinProcess(folder / "twin")
    crew: list[subprocess.Popen[bytes]] = []
    valkey.start()
    twin.start()
    try:
        shop, planned = _planned_shop(folder, valkey, twin, posts)
        config = _config(folder, shop)
        crew += [_start("worker", config) for _ in range(workers)]
        _wait_for_workers(shop, workers)
        bare = _bare_calls(twin)
        started = time.monotonic()
        crew.append(_start("scheduler", config))
        wait_for(lambda: _waiting(shop) < posts, 60, "no post was taken")
        first = time.monotonic()
        _until_sent(shop)
        seconds = time.monotonic() - first
        told = Counter(target for task in shop.tasks() for target in task["targets"])
        return {
            "posts": posts,
            "workers": workers,
            "posts_per_second": round(posts / seconds, 1),
            "seconds": round(seconds, 2),
            "bare_calls_per_second": round(bare, 1),
            "worker_cpu_ms_per_post": _cpu_ms(crew[:workers], posts),
            "twin_cpu_ms_per_post": _cpu_ms(_processes_of(twin), posts),
            "scheduler_start_seconds": round(first - started, 2),
            "plan_seconds": round(planned, 2),
            "states": shop.states(),
            "doubled": sum(1 for count in told.values() if count > 1),
        }
    finally:
        for process in crew:
            process.kill()
            process.wait()
        twin.stop()
        valkey.kill()


def _planned_shop(
    folder: Path, valkey: ValkeyServer, twin: TwinProcess, posts: int
) -> tuple[Shop, float]:
    url = f"sqlite:///{folder}/bench.sqlite3"
    settings = Settings(
        data_dir=folder,
        database_url=url,
        redis_url=valkey.url,
        wecom_url=twin.wecom_url,
        official_account_url=twin.official_url,
    )
    connection = redis.Redis.from_url(valkey.url)
    clock = FixedClock(datetime.now(UTC) - timedelta(minutes=2))
    floor = Floor(
        settings=settings,
        clock=clock,
        db=Database(url),
        index=build_index("embedded", settings.index_dir, ""),
        embedder=HashingEmbedder(),
        analyser=build_analyser(),
        queue=RqQueue(connection),
        redis=connection,
    )
    Table.metadata.create_all(floor.db.engine)
    shop = make_shop(floor, clock, twin)
    shop.add_items(8)
    shop.groups(posts)
    started = time.monotonic()
    shop.plan()
    seconds = time.monotonic() - started
    shop.clock.set(datetime.now(UTC))
    shop.advance(seconds=0)
    return shop, seconds


def _config(folder: Path, shop: Shop) -> Path:
    settings = shop.floor.settings
    path = folder / "crew.json"
    config = {
        "data_dir": str(folder / "worker"),
        "database_url": settings.effective_database_url,
        "redis_url": settings.redis_url,
        "wecom_url": settings.wecom_url,
        "official_account_url": settings.official_account_url,
        # Follow-ups would compete with the sends that are measured.
        "rules": {"first_look": 600},
    }
    path.write_text(json.dumps(config), encoding="utf-8")
    return path


def _start(role: str, config: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "tests.flows.distribute_worker", role, str(config)]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def _wait_for_workers(shop: Shop, workers: int) -> None:
    wait_for(lambda: shop.floor.redis.scard("rq:workers") >= workers, 60, "no workers")


def _bare_calls(twin: TwinProcess) -> float:
    """Token-checked reads one after the other: what one client and the twin can do."""
    token = twin.wecom_token(CORPID, CORP_SECRET)
    url = f"{twin.wecom_url}/cgi-bin/externalcontact/get_groupmsg_task"
    started = time.monotonic()
    for _ in range(BARE_CALLS):
        twin.call(url, {"msgid": "none"}, access_token=token)
    return BARE_CALLS / (time.monotonic() - started)


def _processes_of(twin: TwinProcess) -> list[subprocess.Popen[bytes]]:
    process = twin._process
    return [process] if process is not None else []


def _until_sent(shop: Shop) -> None:
    """Look rarely: the looking is not what is measured."""
    deadline = time.monotonic() + LIMIT_SECONDS
    while _waiting(shop):
        assert time.monotonic() < deadline, "the posts were not sent in time"
        time.sleep(0.2)


def _cpu_ms(processes: list[subprocess.Popen[bytes]], posts: int) -> float:
    """Processor time of processes and their children since their start, a post."""
    seconds = 0.0
    for process in processes:
        family = psutil.Process(process.pid)
        for one in [family, *family.children(recursive=True)]:
            times = one.cpu_times()
            seconds += times.user + times.system
    return round(seconds * 1000 / posts, 2)


def _waiting(shop: Shop) -> int:
    query = select(func.count()).where(PostRow.state.in_(("approved", "sending")))
    with shop.floor.db.reading() as session:
        return int(session.execute(query).scalar_one())


if __name__ == "__main__":
    main()
