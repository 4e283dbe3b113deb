"""Health, readiness and metrics, outside the API and without a key.

/healthz: the process lives. /readyz: what it depends on answers, part by part; without the
search index it is degraded but ready, because pages are answered from the store.
/metrics: Prometheus text; queue lengths and row counts are read when asked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from flask import Blueprint, Flask, Response, jsonify
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from sqlalchemy import func, select

from contentcenter.domain.errors import ContentCenterError
from contentcenter.floor import Floor
from contentcenter.search.breaker import BreakerState
from contentcenter.search.guarded import breakers_of
from contentcenter.store import watch
from contentcenter.store.tables import EventRow, ItemRow, OutboxRow

# Parts whose absence costs quality, not answers.
SPARE = frozenset({"index"})


def readiness(floor: Floor) -> dict[str, str]:
    """`ok` or what is wrong, for each part. The embedder is asked last: it may be warming."""
    checks: dict[str, Callable[[], object]] = {
        "store": floor.db.ping,
        "queue": floor.queue.ping,
        "index": floor.index.stats,
        "embedder": floor.embedder.identity,
    }
    return {name: _state(check) for name, check in checks.items()}


def _state(check: Callable[[], object]) -> str:
    try:
        check()
    except ContentCenterError as error:
        return error.message
    return "ok"


class FloorCollector:
    """Read at scrape time: queues, items by state, facts waiting, events, the index."""

    def __init__(self, floor: Floor) -> None:
        self._floor = floor

    def collect(self) -> Iterator[Metric]:
        yield from self._queues()
        yield from self._rows()
        yield from self._breakers()

    def _queues(self) -> Iterator[GaugeMetricFamily]:
        gauge = GaugeMetricFamily(
            "contentcenter_jobs", "Jobs by queue and state", labels=["queue", "state"]
        )
        for name, counts in self._floor.queue.counts().items():
            for state in ("queued", "started", "failed", "scheduled"):
                gauge.add_metric([str(name), state], getattr(counts, state))
        yield gauge

    def _rows(self) -> Iterator[GaugeMetricFamily]:
        items = GaugeMetricFamily("contentcenter_items", "Items by state", labels=["state"])
        with self._floor.db.reading() as session:
            counted = select(ItemRow.state, func.count()).group_by(ItemRow.state)
            for state, count in session.execute(counted):
                items.add_metric([state], count)
            waiting = session.scalar(
                select(func.count()).select_from(OutboxRow).where(OutboxRow.relayed_at.is_(None))
            )
            events = session.scalar(select(func.count()).select_from(EventRow))
            behind = watch.out_of_step(session).count
        yield items
        yield GaugeMetricFamily("contentcenter_index_behind", "Items out of step", behind)
        yield GaugeMetricFamily("contentcenter_facts_waiting", "Facts not yet told", waiting)
        yield GaugeMetricFamily("contentcenter_events", "Reader events stored", events)

    def _breakers(self) -> Iterator[Metric]:
        state = GaugeMetricFamily(
            "contentcenter_breaker_state",
            "Circuit breaker of the search index: 0 closed, 1 half-open, 2 open",
            labels=["part"],
        )
        calls = CounterMetricFamily(
            "contentcenter_breaker_calls", "Calls failed or refused", labels=["part", "outcome"]
        )
        for one in breakers_of(self._floor.index):
            state.add_metric([one.name], list(BreakerState).index(one.state))
            calls.add_metric([one.name, "failed"], one.failures)
            calls.add_metric([one.name, "refused"], one.refused)
        yield state
        yield calls


def init_app(app: Flask, floor: Floor) -> None:
    health = Blueprint("health", __name__)

    @health.get("/healthz")
    def healthz() -> Response:
        return jsonify(status="ok")

    @health.get("/readyz")
    def readyz() -> tuple[Response, int]:
        parts = readiness(floor)
        away = {name for name, state in parts.items() if state != "ok"}
        if away - SPARE:
            return jsonify(status="not_ready", parts=parts), 503
        return jsonify(status="degraded" if away else "ok", parts=parts), 200

    @health.get("/metrics")
    def metrics() -> Response:
        registry = CollectorRegistry()
        registry.register(FloorCollector(floor))
        return Response(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)

    app.register_blueprint(health)
