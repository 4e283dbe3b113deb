"""The room's door to the application."""

from __future__ import annotations

from typing import cast

from flask import Flask, current_app

from contentcenter.floor import Floor
from contentcenter.jobs.scheduler import Tick
from contentcenter.web.app import API, FLOOR
from recommend.beside import beside_pages
from recommend.services import RecommendServices, build_services
from recommend.ticks import ticks as service_ticks

EXTENSION = "recommend"


def init_app(app: Flask, floor: Floor) -> None:
    """Build the services, register API and commands."""
    from recommend.api import BLUEPRINTS
    from recommend.commands import COMMANDS
    from recommend.readers_api import BLUEPRINTS as READERS
    from recommend.words_api import BLUEPRINTS as WORDS

    app.extensions[EXTENSION] = build_services(floor, beside_pages)
    for blueprint in (*BLUEPRINTS, *READERS, *WORDS):
        app.extensions[API].register_blueprint(blueprint)
    for command in COMMANDS:
        app.cli.add_command(command)


def ticks(app: Flask) -> list[Tick]:
    """This room's periodic work, for the scheduler."""
    return service_ticks(app.extensions[EXTENSION], app.extensions[FLOOR].queue)


def get_recommend() -> RecommendServices:
    return cast("RecommendServices", current_app.extensions[EXTENSION])
