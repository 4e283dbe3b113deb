"""How the room is composed: services from the floor and recommend, doors, ticks."""

from __future__ import annotations

from flask import Flask, current_app

from contentcenter.floor import Floor
from contentcenter.jobs.names import JobName
from contentcenter.jobs.scheduler import Tick
from distribute.services import DistributeServices, build_services
from recommend.ext import get_recommend

EXTENSION = "distribute"


def init_app(app: Flask, floor: Floor) -> None:
    with app.app_context():
        matcher = get_recommend().matches
    app.extensions[EXTENSION] = build_services(floor, matcher=matcher)


def get_distribute() -> DistributeServices:
    services: DistributeServices = current_app.extensions[EXTENSION]
    return services


def ticks(app: Flask) -> list[Tick]:
    """What the scheduler does for this room. Ticks find ids and enqueue jobs."""
    services: DistributeServices = app.extensions[EXTENSION]
    delivery, follow = services.delivery, services.follow
    return [
        Tick("posts_due", 1.0, delivery.enqueue_due),
        Tick("probes_due", 5.0, lambda: follow.enqueue_looks(JobName.PROBE)),
        Tick("follow_ups_due", 2.0, lambda: follow.enqueue_looks(JobName.FOLLOW_UP)),
        Tick("sweep", 10.0, follow.enqueue_sweep),
    ]
