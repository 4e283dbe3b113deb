"""Bringing a database to the current schema with Alembic.

The rooms' tables join the metadata when the rooms are imported, so run this through the
application (`flask --app wsgi db upgrade`), never with the bare alembic command.
"""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext

import contentcenter.store.tables  # noqa: F401 - the floor's tables join the metadata
from contentcenter.store.base import Table
from contentcenter.store.database import Database

LOCATION = Path(__file__).parent / "migrations"


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(LOCATION))
    return config


def upgrade(db: Database, revision: str = "head") -> None:
    """Apply every missing migration in one transaction."""
    config = _config()
    with db.engine.connect() as connection:
        writing = connection.execution_options(writes=True)
        with writing.begin():
            config.attributes["connection"] = writing
            command.upgrade(config, revision)


def make_revision(db: Database, message: str) -> None:
    """Write a new migration from the difference between tables in code and in `db`."""
    config = _config()
    with db.engine.connect() as connection:
        config.attributes["connection"] = connection
        command.revision(config, message=message, autogenerate=True)


def differences(db: Database) -> list[object]:
    """What the code's tables have that the database lacks, or the other way round."""
    with db.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        return list(compare_metadata(context, Table.metadata))
