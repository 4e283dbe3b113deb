"""The ingest room as one value, and its place in a Flask application."""

from __future__ import annotations

from dataclasses import dataclass

from flask import Flask, current_app

from contentcenter.floor import Floor
from contentcenter.jobs.scheduler import Tick
from contentcenter.web.app import API
from ingest.catching_up import TICK_SECONDS as CATCH_UP_SECONDS
from ingest.catching_up import CatchUp
from ingest.imports import ImportService
from ingest.index_health import IndexHealthService
from ingest.indexing import Indexer
from ingest.items import ItemService
from ingest.media import PictureService
from ingest.pipeline import Pipeline
from ingest.rebuilding import TICK_SECONDS as REBUILD_SECONDS
from ingest.rebuilding import RebuildService
from ingest.source_service import SourceService
from ingest.sweeping import Sweeper

NAME = "ingest"


@dataclass(frozen=True)
class IngestServices:
    """What doors, jobs and tests call."""

    items: ItemService
    sources: SourceService
    imports: ImportService
    pictures: PictureService
    pipeline: Pipeline
    indexer: Indexer
    catch_up: CatchUp
    rebuilds: RebuildService
    index_health: IndexHealthService
    sweeper: Sweeper


def build_services(floor: Floor) -> IngestServices:
    """The room's services on a floor, without Flask."""
    indexer = Indexer(floor.db, floor.clock, floor.index, floor.embedder, floor.analyser)
    catch_up = CatchUp(floor.db, floor.clock, floor.index, indexer, floor.queue)
    rebuilds = RebuildService(floor.db, floor.clock, indexer, floor.queue)
    return IngestServices(
        items=ItemService(floor.db, floor.clock),
        sources=SourceService(floor.db, floor.clock),
        imports=ImportService(floor.db, floor.clock, floor.settings),
        pictures=PictureService(floor.db, floor.clock, floor.settings.media_dir),
        pipeline=Pipeline(floor.db, floor.clock, floor.index, floor.embedder, floor.analyser),
        indexer=indexer,
        catch_up=catch_up,
        rebuilds=rebuilds,
        index_health=IndexHealthService(floor, catch_up, rebuilds),
        sweeper=Sweeper(floor.db, floor.clock, floor.queue, rebuilds.start_if_lost),
    )


def init_app(app: Flask, floor: Floor) -> None:
    """Build the services once and open the room's doors."""
    from ingest.api import BLUEPRINTS
    from ingest.commands import COMMANDS
    from ingest.index_api import index
    from ingest.pictures import picture_pages

    app.extensions[NAME] = build_services(floor)
    for blueprint in (*BLUEPRINTS, index):
        app.extensions[API].register_blueprint(blueprint)
    app.register_blueprint(picture_pages(floor.settings.media_dir))
    for command in COMMANDS:
        app.cli.add_command(command)


def get_ingest() -> IngestServices:
    """The services of the current application."""
    services: IngestServices = current_app.extensions[NAME]
    return services


def ticks(app: Flask) -> list[Tick]:
    """Whatever fell between a commit and its job is found again; waiting work is begun."""
    services: IngestServices = app.extensions[NAME]
    return [
        Tick("ingest_sweep", 30.0, services.sweeper.sweep),
        Tick("index_catch_up", CATCH_UP_SECONDS, services.catch_up.look),
        Tick("index_rebuild", REBUILD_SECONDS, services.rebuilds.look),
    ]
