"""Feed pages over HTTP at a steady rate: every answer, its time, and the memory of the web.

    python -m bench feed-load [--rate 200] [--seconds 300] [--items 20000] [--readers 5000]
                              [--processes 2]

Real processes (web, worker, scheduler, Valkey, SQLite); the requests come from a process of
their own at fixed times, answered or not (open loop), and a page's time counts from when it
was due: a stall is not hidden by the requests that were not sent meanwhile. Visits begin at
even distances; a reader turns two more pages, each some seconds after the one before was
answered. The app reports what was shown and clicked in batches. In the first seconds there are
fewer pages (nobody turns one yet): figures are of the pages after that.
"""

from __future__ import annotations

import argparse
import heapq
import http.client
import json
import multiprocessing
import queue
import random
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np

from bench.feed import fill
from contentcenter.settings import Settings
from contentcenter.store import migrate
from contentcenter.store.database import Database
from recommend.services import build_services
from scripts.processes import Program
from tests.fixtures.embedding import EmbeddingProcess
from tests.fixtures.product import Product
from tests.fixtures.valkey import ValkeyServer, free_port
from wsgi import build_floor

PAGES_A_VISIT = 3
# How long a reader looks at a page, evenly drawn, in seconds.
READING = (3.0, 12.0)
CONNECTIONS = 32
CLICK_SHARE = 0.06
EVENTS_A_BATCH = 500
WARM_SECONDS = 30.0


@dataclass(frozen=True)
class Plan:
    """What the requests look like."""

    port: int
    key: str
    readers: int
    rate: float
    seconds: float
    seed: int = 1


@dataclass
class Outcome:
    """`late` (seconds after the due time) and statuses of all pages; `moments` their due
    times from the start."""

    late: list[float] = field(default_factory=list)
    moments: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)
    empty: int = 0
    degraded: int = 0
    repeated: int = 0
    events: int = 0
    reconnected: int = 0


@dataclass(frozen=True, order=True)
class Turn:
    """A page that is due at `moment` (seconds from the start); `page` from 0."""

    moment: float
    reader: int
    page: int = 0
    cursor: str | None = None
    seen: frozenset[int] = frozenset()


class Crowd:
    """Readers on keep-alive connections; one thread each connection."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._rng = random.Random(plan.seed)
        self._lock = threading.Lock()
        self._turns: list[Turn] = []
        self._events: list[dict[str, Any]] = []
        self.outcome = Outcome()

    def run(self) -> Outcome:
        """Begin `rate` / 3 visits a second and turn their pages until the time is over."""
        due: queue.SimpleQueue[Turn | None] = queue.SimpleQueue()
        self._turns = self._beginnings()
        start = time.perf_counter()
        workers = [
            threading.Thread(target=self._work, args=(due, start)) for _ in range(CONNECTIONS)
        ]
        for one in workers:
            one.start()
        while (now := time.perf_counter() - start) < self._plan.seconds:
            for turn in self._due(now):
                due.put(turn)
            time.sleep(0.001)
        for _ in workers:
            due.put(None)
        for one in workers:
            one.join()
        self._report(Wire(self._plan), self._events)
        return self.outcome

    def _beginnings(self) -> list[Turn]:
        """First pages, ordered by time, which is a heap already."""
        every = PAGES_A_VISIT / self._plan.rate
        readers = range(self._plan.readers)
        count = int(self._plan.seconds / every)
        return [Turn(number * every, self._rng.choice(readers)) for number in range(count)]

    def _due(self, now: float) -> list[Turn]:
        out = []
        with self._lock:
            while self._turns and self._turns[0].moment <= now:
                out.append(heapq.heappop(self._turns))
        return out

    def _work(self, due: queue.SimpleQueue[Turn | None], start: float) -> None:
        wire = Wire(self._plan)
        while (turn := due.get()) is not None:
            answer, status = self._page(wire, turn)
            done = time.perf_counter() - start
            batch = self._note(turn, done, status, answer)
            if batch:
                self._report(wire, batch)
        with self._lock:
            self.outcome.reconnected += wire.reconnected

    def _page(self, wire: Wire, turn: Turn) -> tuple[dict[str, Any], int]:
        path = f"/api/v1/feed?reader_id=r{turn.reader}&size=10"
        path += f"&cursor={quote(turn.cursor)}" if turn.cursor else ""
        status, body = wire.ask("GET", path)
        return (json.loads(body) if status == 200 else {}), status

    def _note(
        self, turn: Turn, done: float, status: int, answer: dict[str, Any]
    ) -> list[dict[str, Any]]:
        """Count the page; a full batch of events if there is one to report."""
        ids = [item["id"] for item in answer.get("items", [])]
        with self._lock:
            out = self.outcome
            out.late.append(done - turn.moment)
            out.moments.append(turn.moment)
            out.statuses[status] += 1
            out.empty += status == 200 and not ids
            out.degraded += bool(answer.get("degraded"))
            out.repeated += len(turn.seen & set(ids))
            self._turn_page(turn, done, answer.get("next_cursor"), ids)
            self._events += self._reactions(turn.reader, ids, answer.get("trace_id"))
            if len(self._events) < EVENTS_A_BATCH:
                return []
            batch, self._events = self._events, []
            return batch

    def _turn_page(self, turn: Turn, done: float, cursor: str | None, ids: Sequence[int]) -> None:
        if cursor is None or turn.page + 1 >= PAGES_A_VISIT:
            return
        moment = done + self._rng.uniform(*READING)
        after = Turn(moment, turn.reader, turn.page + 1, cursor, turn.seen | set(ids))
        heapq.heappush(self._turns, after)

    def _reactions(
        self, reader: int, ids: Sequence[int], trace: str | None
    ) -> list[dict[str, Any]]:
        kinds = [("impression", one) for one in ids]
        kinds += [("click", one) for one in ids if self._rng.random() < CLICK_SHARE]
        return [
            {
                "event_id": f"{trace}-{kind}-{one}",
                "kind": kind,
                "reader_id": f"r{reader}",
                "item_id": one,
                "trace_id": trace,
            }
            for kind, one in kinds
        ]

    def _report(self, wire: Wire, batch: list[dict[str, Any]]) -> None:
        if not batch:
            return
        status, body = wire.ask("POST", "/api/v1/events", json.dumps({"events": batch}))
        with self._lock:
            self.outcome.statuses[status] += status != 200
            self.outcome.events += json.loads(body).get("accepted", 0) if status == 200 else 0


class Wire:
    """One keep-alive connection. A server may close an idle one at any time (gunicorn after
    two seconds): it is opened again, once for a request, as every HTTP client does."""

    def __init__(self, plan: Plan) -> None:
        self._head = {"Authorization": f"Bearer {plan.key}", "Content-Type": "application/json"}
        self._connection = http.client.HTTPConnection("127.0.0.1", plan.port, timeout=60)
        self.reconnected = 0

    def ask(self, method: str, path: str, body: str | None = None) -> tuple[int, bytes]:
        try:
            return self._asked(method, path, body)
        except (http.client.RemoteDisconnected, ConnectionError):
            self.reconnected += 1
            self._connection.close()
            return self._asked(method, path, body)

    def _asked(self, method: str, path: str, body: str | None) -> tuple[int, bytes]:
        self._connection.request(method, path, body, self._head)
        answer = self._connection.getresponse()
        return answer.status, answer.read()


def crowd(plan: Plan, pipe: Any) -> None:
    """The process of the readers."""
    pipe.send(Crowd(plan).run())
    pipe.close()


def memory_mb(pids: Sequence[int]) -> float:
    """Proportional set size of the processes and their children."""
    total = 0
    for pid in pids:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                total += int(line.split()[1])
    return total / 1024


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
        )
    )
    fill(floor, items)
    build_services(floor).corpus.refresh()
    floor.db.dispose()


def with_processes(program: Program, count: int) -> Program:
    command = list(program.command)
    command[command.index("--workers") + 1] = str(count)
    return replace(program, command=command)


class SeveralWebs(Product):
    """The product with so many web processes."""

    def __init__(self, *arguments: Any, processes: int) -> None:
        super().__init__(*arguments)
        self._web = processes

    def launch(self, program: Program) -> None:
        super().launch(with_processes(program, self._web) if program.name == "web" else program)

    def web_pids(self) -> list[int]:
        return family(self._processes["web"].pid)


def measure(product: SeveralWebs, plan: Plan) -> tuple[Outcome, list[float]]:
    """Send the plan from a process of its own; memory of the web every few seconds."""
    here, there = multiprocessing.get_context("spawn").Pipe(duplex=False)
    process = multiprocessing.get_context("spawn").Process(target=crowd, args=(plan, there))
    process.start()
    there.close()
    memory = []
    while not here.poll(5.0):
        memory.append(memory_mb(product.web_pids()))
    outcome: Outcome = here.recv()
    process.join()
    return outcome, memory


def figures(outcome: Outcome, memory: Sequence[float], plan: Plan) -> dict[str, Any]:
    late = np.array(outcome.late) * 1e3
    settled = late[np.array(outcome.moments) >= WARM_SECONDS]
    counted = settled if len(settled) else late
    third = max(len(memory) // 3, 1)
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
        "idle_connections_reopened": outcome.reconnected,
        "events_recorded": outcome.events,
        "web_memory_mb": {
            "second_third": round(float(np.mean(memory[third : 2 * third])), 1) if memory else 0.0,
            "last_third": round(float(np.mean(memory[2 * third :])), 1) if memory else 0.0,
            "most": round(max(memory, default=0.0), 1),
        },
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
        product = SeveralWebs(folder, valkey.url, embedder.url, 0.0, processes=chosen.processes)
        try:
            valkey.start()
            embedder.start()
            prepare(product, folder, chosen.items, {"redis": valkey.url, "embedder": embedder.url})
            product.start()
            key = str(product.http.headers["Authorization"]).removeprefix("Bearer ")
            plan = Plan(product.ports.web, key, chosen.readers, chosen.rate, chosen.seconds)
            outcome, memory = measure(product, plan)
        finally:
            product.stop()
            embedder.kill()
            valkey.kill()
    print(json.dumps(figures(outcome, memory, plan), indent=1))
    return 0
