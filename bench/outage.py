"""Elasticsearch stops answering in mid-traffic, dies, and comes back.

    python -m bench outage [--items 300] [--readers 4] [--seconds 10]

The product's real processes, a real node. Phases: well; hung (the node is stopped with
SIGSTOP: it takes connections and does not answer); dead (SIGKILL); returning; back. Readers ask all
doors that use the index all the time; items are added, changed and withdrawn while it is
away. Prints statuses and times by phase, how soon answers are whole again, and what is lost.
"""

from __future__ import annotations

import argparse
import json
import random
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import requests

from contentcenter.clock import SystemClock
from contentcenter.store.database import Database
from ingest.source_service import SourceService
from tests.elasticsearch.node import ElasticNode
from tests.fixtures.embedding import EmbeddingProcess
from tests.fixtures.product import Product
from tests.fixtures.twin import wait_for
from tests.fixtures.valkey import ValkeyServer, free_port

SOURCE = "外电"
# Nothing may wait longer than this for the product to recover.
PATIENCE = 180.0
PHASES = ("well", "hung", "dead", "returning", "back")
WORDS = "山水风月灯火江湖春秋雨雪梅竹书信茶酒城门桥河船马星云旧梦归途远方孩童长街".strip()


@dataclass(frozen=True)
class Answer:
    phase: str
    door: str
    status: int
    seconds: float
    degraded: bool | None


@dataclass
class Doors:
    """What readers and planners ask."""

    product: Product
    audience: int
    items: Sequence[int]

    def paths(self, rng: random.Random) -> dict[str, str]:
        item = rng.choice(list(self.items))
        word = "".join(rng.sample(WORDS, 2))
        return {
            "search": f"/search?q={word}&facets=category",
            "similar": f"/items/{item}/similar",
            "suggest": f"/suggest?q={word[0]}",
            "feed": f"/feed?reader_id=r{rng.randrange(50)}",
            "audience items": f"/audiences/{self.audience}/items",
            "item audiences": f"/items/{item}/audiences",
        }


@dataclass
class Traffic:
    """Readers that never stop asking."""

    doors: Doors
    readers: int
    phase: str = "well"
    answers: list[Answer] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=self._read, args=(seed,)) for seed in range(self.readers)
        ]

    def __enter__(self) -> Traffic:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def enter(self, phase: str, seconds: float, least: int) -> None:
        """Stay in a phase until every door was answered some times in it."""
        self.phase = phase
        until = time.monotonic() + seconds
        wait_for(
            lambda: time.monotonic() >= until and self._least(phase) >= least,
            seconds + PATIENCE,
            f"too few answers while {phase}: {self._least(phase)}",
        )

    def of(self, phase: str) -> list[Answer]:
        return [one for one in list(self.answers) if one.phase == phase]

    def _least(self, phase: str) -> int:
        counts = Counter(one.door for one in self.of(phase))
        doors = self.doors.paths(random.Random(0))
        return min(counts[door] for door in doors)

    def _read(self, seed: int) -> None:
        rng = random.Random(seed)
        with requests.Session() as session:
            session.headers.update(self.doors.product.http.headers)
            while not self._stop.is_set():
                for door, path in self.doors.paths(rng).items():
                    self.answers.append(self._ask(session, door, path))

    def _ask(self, session: requests.Session, door: str, path: str) -> Answer:
        phase, began = self.phase, time.perf_counter()
        answer = session.get(f"{self.doors.product.url}/api/v1{path}", timeout=120)
        seconds = time.perf_counter() - began
        degraded = answer.json().get("degraded") if answer.ok else None
        # An answer on the border of two phases belongs to neither.
        return Answer(
            phase if phase == self.phase else "", door, answer.status_code, seconds, degraded
        )


def new_item(product: Product, number: int) -> int:
    rng = random.Random(number)
    body = "，".join("".join(rng.sample(WORDS, 6)) for _ in range(12))
    title = "".join(rng.sample(WORDS, 5)) + str(number)
    fields = {"title": title, "body": f"{body}。", "source": SOURCE, "tags": ["旧标签"]}
    return int(product.call("POST", "/items", 202, json=fields)["id"])


def index_health(product: Product) -> dict[str, Any]:
    health: dict[str, Any] = product.get("/index")
    return health


def in_step(product: Product) -> bool:
    health = index_health(product)
    waiting = product.get("/items", state="received", size=1)["items"]
    return (
        not waiting
        and not health["behind"]
        and health["waiting"] is None
        and health["documents"] == health["expected"] > 0
    )


def make_audience(product: Product) -> int:
    channel = product.post(
        "/channels",
        {"kind": "wecom_groups", "name": "书店", "account": "ww1", "credentials": {"secret": "s"}},
        201,
    )
    body = {
        "channel_id": channel["id"], "kind": "group", "name": "读书群", "platform_ref": "wr1",
        "owner_userid": "zhang", "size": 100, "tags": ["旧标签"], "slots": [],
    }  # fmt: skip
    return int(product.post("/audiences", body, 201)["id"])


@dataclass
class Changes:
    """What editors do while the engine is away, and what has to be found afterwards."""

    added: list[int] = field(default_factory=list)
    changed: list[int] = field(default_factory=list)
    withdrawn: list[int] = field(default_factory=list)

    def make(self, product: Product, items: Sequence[int], count: int) -> None:
        start = 3 * count * (len(self.added) // count)
        for offset in range(count):
            changed, withdrawn = items[start + 2 * offset], items[start + 2 * offset + 1]
            version = product.get(f"/items/{changed}")["version"]
            body = {"tags": ["新标签"], "version": version}
            product.call("PATCH", f"/items/{changed}", 202, json=body)
            product.call("DELETE", f"/items/{withdrawn}")
            self.changed.append(changed)
            self.withdrawn.append(withdrawn)
            self.added.append(new_item(product, 1_000_000 + len(self.added)))

    def lost(self, product: Product) -> int:
        """How many of them the index does not know."""
        found: set[int] = set()
        cursor = None
        while True:
            page = product.get(
                "/search", tag="新标签", size=50, **({"cursor": cursor} if cursor else {})
            )
            assert not page["degraded"]
            found |= {item["id"] for item in page["items"]}
            cursor = page["next_cursor"]
            if cursor is None:
                break
        similar = {one for one in self.added if product.get(f"/items/{one}/similar")["items"]}
        return len(set(self.changed) - found) + len(set(self.added) - similar)


def run(
    product: Product, node: ElasticNode, *, items: int, readers: int, seconds: float, least: int
) -> dict[str, Any]:
    """The whole story on running processes; returns the figures."""
    db = Database(product.database)
    SourceService(db, SystemClock()).trust(SOURCE, "pgc", True, "bench")
    db.dispose()
    ids = [new_item(product, number) for number in range(items)]
    wait_for(lambda: in_step(product), PATIENCE, "the first items did not reach the index")
    doors = Doors(product, make_audience(product), ids[2 * items // 3 :])
    changes = Changes()
    with Traffic(doors, readers) as traffic:
        traffic.enter("well", seconds, least)
        node.pause()
        traffic.enter("hung", seconds, least)
        changes.make(product, ids, 3)
        node.kill()
        traffic.enter("dead", seconds, least)
        changes.make(product, ids, 3)
        wait_for(lambda: index_health(product)["waiting"], PATIENCE, "nobody noticed")
        traffic.phase = "returning"
        node.start()
        returned = time.monotonic()
        wait_for(lambda: _whole(product), PATIENCE, "answers stay degraded")
        whole = time.monotonic() - returned
        wait_for(lambda: in_step(product), PATIENCE, f"not in step: {index_health(product)}")
        caught_up = time.monotonic() - returned
        traffic.enter("back", seconds, least)
    return {
        "server": node.version,
        **{phase: figures(traffic.of(phase)) for phase in PHASES},
        "not_200": sum(one.status != 200 for one in traffic.answers),
        "whole_again_s": round(whole, 2),
        "in_step_again_s": round(caught_up, 2),
        "changed_while_away": len(changes.added + changes.changed + changes.withdrawn),
        "lost": changes.lost(product),
        "failed_jobs": len(index_health(product)["failed_jobs"]),
    }


def _whole(product: Product) -> bool:
    return product.get("/search", q="山水")["degraded"] is False


def figures(answers: Sequence[Answer]) -> dict[str, Any]:
    out: dict[str, Any] = {
        "answers": len(answers),
        "within_300_ms": round(float(np.mean([one.seconds <= 0.3 for one in answers])), 4),
        **_times([one.seconds for one in answers]),
    }
    for door in sorted({one.door for one in answers}):
        own = [one for one in answers if one.door == door]
        degraded = round(float(np.mean([bool(one.degraded) for one in own])), 3)
        out[door] = {"degraded": degraded, **_times([one.seconds for one in own])}
    return out


def _times(seconds: Sequence[float]) -> dict[str, float]:
    if not seconds:
        return {}
    values = np.array(seconds) * 1e3
    p50, p95, p99 = np.percentile(values, [50, 95, 99]).round(1).tolist()
    return {"p50_ms": p50, "p95_ms": p95, "p99_ms": p99, "max_ms": round(float(values.max()), 1)}


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench outage", description=__doc__)
    parser.add_argument("--items", type=int, default=300)
    parser.add_argument("--readers", type=int, default=4)
    parser.add_argument("--seconds", type=float, default=10.0, help="of each phase")
    chosen = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        node, valkey = ElasticNode(folder / "node"), ValkeyServer(folder / "valkey", free_port())
        embedder = EmbeddingProcess(Path("var/cache"))
        node.start()
        product = product_on(folder, node, valkey, embedder)
        try:
            valkey.start()
            embedder.start()
            product.start()
            found = run(
                product, node,
                items=chosen.items, readers=chosen.readers, seconds=chosen.seconds, least=10,
            )  # fmt: skip
        finally:
            product.stop()
            embedder.kill()
            valkey.kill()
            node.kill()
    print(json.dumps(found, ensure_ascii=False, indent=1))
    return 0


def product_on(
    folder: Path, node: ElasticNode, valkey: ValkeyServer, embedder: EmbeddingProcess
) -> Product:
    settings = {"CONTENTCENTER_SEARCH_ENGINE": "elastic", "CONTENTCENTER_SEARCH_URL": node.url}
    return Product(folder, valkey.url, embedder.url, 0.0, settings=settings)
