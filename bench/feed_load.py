"""Feed pages over HTTP at a steady rate: every answer, its time, and the memory of the web.

    python -m bench feed-load [--rate 200] [--seconds 300] [--items 20000] [--readers 5000]
                              [--processes 2]

Real processes (web, worker, scheduler, Valkey, SQLite) whose clock says noon; the requests come
from a process of their own at fixed times, answered or not (open loop), and a page's time counts
from when it was due: a stall is not hidden by the requests that were not sent meanwhile. Visits
begin at even distances; a reader turns two more pages, each some seconds after the one before was
answered. The app reports what was shown and clicked in batches. In the first seconds there are
fewer pages (nobody turns one yet): figures are of the pages after that.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from bench.feed import fill
from bench.feed_crowd import Outcome, Plan, crowd
from contentcenter.settings import Settings
from contentcenter.store import migrate
from contentcenter.store.database import Database
from recommend.services import build_services
from scripts.processes import Program
from tests.fixtures.embedding import EmbeddingProcess
from tests.fixtures.product import Product
from tests.fixtures.valkey import ValkeyServer, free_port
from wsgi import build_floor

WARM_SECONDS = 30.0
LOOK_SECONDS = 5.0


def memory_mb(pids: Sequence[int]) -> float:
    """Proportional set size of the processes and their children."""
    total = 0
    for pid in pids:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                total += int(line.split()[1])
    return total / 1024


def cpu_seconds(pids: Sequence[int]) -> float:
    """User and system time of the processes so far, with that of children they waited for."""
    ticks = 0
    for pid in pids:
        told = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        ticks += sum(int(one) for one in told[11:15])
    return ticks / os.sysconf("SC_CLK_TCK")


def family(pid: int) -> list[int]:
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(int(child) for child in children)]


def prepare(product: Product, folder: Path, items: int, settings: dict[str, str]) -> None:
    """The catalogue in the store and in the index, as the product would have them."""
    db = Database(product.database)
    migrate.upgrade(db)
    db.dispose()
    floor = build_floor(
        Settings(
            data_dir=folder,
            database_url=product.database,
            redis_url=settings["redis"],
            embedding_url=settings["embedder"],
            secret_key="bench",  # noqa: S106 - no secret here
            clock_offset_seconds=product.offset,
        )
    )
    fill(floor, items)
    build_services(floor).corpus.refresh()
    floor.db.dispose()


def until_noon() -> float:
    """Seconds by which the product's clock runs ahead, so that it is day wherever and whenever
    this runs: at night the hub trains its models, and readers sleep."""
    zone = ZoneInfo(Settings().timezone)
    now = datetime.now(zone)
    noon = now.replace(hour=12, minute=0, second=0, microsecond=0)
    return (noon - now).total_seconds() % timedelta(days=1).total_seconds()


def with_processes(program: Program, count: int) -> Program:
    """With so many processes, a socket each: at a common one, whoever wakes first takes the
    connections, and one process had 29 of 32."""
    command = list(program.command)
    command[command.index("--workers") + 1] = str(count)
    return replace(program, command=[*command, "--reuse-port"])


class SeveralWebs(Product):
    """The product with so many web processes."""

    def __init__(self, *arguments: Any, processes: int) -> None:
        super().__init__(*arguments)
        self._web = processes

    def launch(self, program: Program) -> None:
        super().launch(with_processes(program, self._web) if program.name == "web" else program)

    def web_pids(self) -> list[int]:
        return family(self._processes["web"].pid)

    def labour_pids(self) -> list[int]:
        """Workers and scheduler."""
        return [one.pid for name, one in self._processes.items() if name != "web"]


@dataclass
class Spent:
    """`memory` of the web in MB every `LOOK_SECONDS`, processor seconds of the web and of the
    workers with the scheduler."""

    memory: list[float] = field(default_factory=list)
    web: float = 0.0
    labour: float = 0.0


def minutes(memory: Sequence[float]) -> list[Sequence[float]]:
    """Looks at the memory, minute by minute; what is left of the last one joins the one before."""
    looks = int(60.0 / LOOK_SECONDS)
    starts = range(0, max(len(memory) - looks // 2, 1), looks)
    ends = [*starts[1:], len(memory)]
    return [memory[start:end] for start, end in zip(starts, ends, strict=True) if start < end]


def measure(product: SeveralWebs, plan: Plan) -> tuple[Outcome, Spent]:
    """Send the plan from a process of its own, and watch what it costs."""
    here, there = multiprocessing.get_context("spawn").Pipe(duplex=False)
    process = multiprocessing.get_context("spawn").Process(target=crowd, args=(plan, there))
    spent = Spent(web=-cpu_seconds(product.web_pids()), labour=-cpu_seconds(product.labour_pids()))
    process.start()
    there.close()
    while not here.poll(LOOK_SECONDS):
        spent.memory.append(memory_mb(product.web_pids()))
    outcome: Outcome = here.recv()
    spent.web += cpu_seconds(product.web_pids())
    spent.labour += cpu_seconds(product.labour_pids())
    process.join()
    return outcome, spent


def figures(outcome: Outcome, spent: Spent, plan: Plan) -> dict[str, Any]:
    late = np.array(outcome.late) * 1e3
    settled = late[np.array(outcome.moments) >= WARM_SECONDS]
    counted = settled if len(settled) else late
    steady = max(plan.seconds - WARM_SECONDS, 1e-9)
    return {
        "rate": plan.rate,
        "seconds": plan.seconds,
        "pages": len(late),
        "pages_a_second": round(len(settled) / steady, 1),
        "p50_ms": round(float(np.quantile(counted, 0.5)), 1),
        "p95_ms": round(float(np.quantile(counted, 0.95)), 1),
        "p99_ms": round(float(np.quantile(counted, 0.99)), 1),
        "max_ms": round(float(counted.max()), 1),
        "statuses": {str(key): count for key, count in sorted(outcome.statuses.items()) if count},
        "empty": outcome.empty,
        "degraded": outcome.degraded,
        "repeated_within_a_visit": outcome.repeated,
        "given_up": outcome.given_up,
        "cpu_ms_a_page": {
            "web": round(1e3 * spent.web / max(len(late), 1), 2),
            "workers": round(1e3 * spent.labour / max(len(late), 1), 2),
            "readers": round(1e3 * outcome.cpu_seconds / max(len(late), 1), 2),
        },
        "load_average": round(os.getloadavg()[0], 1),
        "idle_connections_reopened": outcome.reconnected,
        "events_recorded": outcome.events,
        "web_memory_mb": [round(float(np.mean(one)), 1) for one in minutes(spent.memory)],
    }


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench feed-load", description=__doc__)
    parser.add_argument("--rate", type=float, default=200.0)
    parser.add_argument("--seconds", type=float, default=300.0)
    parser.add_argument("--items", type=int, default=20_000)
    parser.add_argument("--readers", type=int, default=5_000)
    parser.add_argument("--processes", type=int, default=2, help="web processes")
    chosen = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        valkey, embedder = (
            ValkeyServer(folder / "valkey", free_port()),
            EmbeddingProcess(Path("var/cache")),
        )
        product = SeveralWebs(
            folder, valkey.url, embedder.url, until_noon(), processes=chosen.processes
        )
        try:
            valkey.start()
            embedder.start()
            prepare(product, folder, chosen.items, {"redis": valkey.url, "embedder": embedder.url})
            product.start()
            key = str(product.http.headers["Authorization"]).removeprefix("Bearer ")
            plan = Plan(product.ports.web, key, chosen.readers, chosen.rate, chosen.seconds)
            outcome, spent = measure(product, plan)
        finally:
            product.stop()
            embedder.kill()
            valkey.kill()
    print(json.dumps(figures(outcome, spent, plan), indent=1))
    return 0
