"""How the room is composed: services from the floor and recommend, doors, ticks."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import partial

from flask import Flask, current_app

from contentcenter.floor import Floor
from contentcenter.jobs.names import JobName
from contentcenter.jobs.scheduler import Tick
from contentcenter.settings import Settings
from contentcenter.web.app import API, FLOOR
from distribute.experiments.variants import WeightedMatches
from distribute.reader_events import RecommendEvents, post_lookup
from distribute.services import DistributeServices, build_services
from distribute.timing import zone
from recommend.ext import get_recommend

EXTENSION = "distribute"
NIGHTLY_HOUR = 3  # local time: after the day's events are learnt, before anybody is awake


def init_app(app: Flask, floor: Floor) -> None:
    """Build the services on recommend's, register API, doors and commands."""
    from distribute.api import BLUEPRINTS
    from distribute.commands import COMMANDS
    from distribute.doors import DOORS
    from distribute.experiments.api import BLUEPRINTS as EXPERIMENTS

    with app.app_context():
        recommend = get_recommend()
    services = build_services(
        floor,
        matcher=recommend.matches,
        events=RecommendEvents(recommend.events),
        variants=partial(WeightedMatches, recommend.matches),
    )
    recommend.events.post_lookup = post_lookup(services.links.lookup)
    app.extensions[EXTENSION] = services
    for blueprint in (*BLUEPRINTS, *EXPERIMENTS):
        app.extensions[API].register_blueprint(blueprint)
    for door in DOORS:
        app.register_blueprint(door)
    for command in COMMANDS:
        app.cli.add_command(command)


def get_distribute() -> DistributeServices:
    services: DistributeServices = current_app.extensions[EXTENSION]
    return services


def ticks(app: Flask) -> list[Tick]:
    """What the scheduler does for this room."""
    services: DistributeServices = app.extensions[EXTENSION]
    floor: Floor = app.extensions[FLOOR]
    return [
        *delivery_ticks(services),
        Tick("nightly_plan", 300.0, _nightly(services, floor)),
        Tick("experiments", 3600.0, services.experiments.enqueue_review),
    ]


def delivery_ticks(services: DistributeServices) -> list[Tick]:
    """Short ticks that find due posts and enqueue jobs."""
    delivery, follow = services.delivery, services.follow
    return [
        Tick("posts_due", 1.0, delivery.enqueue_due),
        Tick("probes_due", 5.0, lambda: follow.enqueue_looks(JobName.PROBE)),
        Tick("follow_ups_due", 2.0, lambda: follow.enqueue_looks(JobName.FOLLOW_UP)),
        Tick("sweep", 10.0, follow.enqueue_sweep),
    ]


def _nightly(services: DistributeServices, floor: Floor) -> Callable[[], None]:
    def run() -> None:
        if is_planning_hour(floor.clock.now(), floor.settings):
            services.plans.request_nightly(floor.settings.plan_days)

    return run


def is_planning_hour(now: datetime, settings: Settings) -> bool:
    return now.astimezone(zone(settings.timezone)).hour == NIGHTLY_HOUR
