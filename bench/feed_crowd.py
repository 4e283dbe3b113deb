"""Readers of a feed over HTTP: visits that begin at even distances, pages turned after some
seconds of reading, shown and clicked items reported in batches. An open loop: a page's time
counts from when it was due."""

from __future__ import annotations

import heapq
import http.client
import json
import queue
import random
import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

PAGES_A_VISIT = 3
# How long a reader looks at a page, evenly drawn, in seconds.
READING = (3.0, 12.0)
CONNECTIONS = 32
CLICK_SHARE = 0.06
EVENTS_A_BATCH = 500
# Pages that were due but not even asked for this long after the end are given up and counted.
GRACE_SECONDS = 10.0


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
    given_up: int = 0
    cpu_seconds: float = 0.0


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
        last = self._plan.seconds + GRACE_SECONDS
        while (turn := due.get()) is not None:
            if time.perf_counter() - start > last:
                self.outcome.given_up += 1
                continue
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
    outcome = Crowd(plan).run()
    outcome.cpu_seconds = time.process_time()
    pipe.send(outcome)
    pipe.close()
