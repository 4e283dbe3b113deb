"""The floor's commands: database, users, keys, worker, scheduler."""

from __future__ import annotations

import json

import click
from flask import Flask, current_app
from flask.cli import AppGroup, with_appcontext

from contentcenter.accounts import AccountService
from contentcenter.domain.errors import ContentCenterError
from contentcenter.domain.roles import Role, Scope
from contentcenter.floor import Floor
from contentcenter.jobs import worker
from contentcenter.jobs.names import QueueName
from contentcenter.jobs.scheduler import Scheduler, Tick
from contentcenter.web.app import FLOOR
from contentcenter.web.auth import accounts

TICKS = "contentcenter.ticks"

db_commands = AppGroup("db", help="The database schema.")
user_commands = AppGroup("user", help="Console users.")
key_commands = AppGroup("key", help="API keys.")
# The rooms add what they can measure.
evaluate = AppGroup("evaluate", help="Measure the product on files of judged answers.")


def _floor() -> Floor:
    floor: Floor = current_app.extensions[FLOOR]
    return floor


class Stop(click.ClickException):
    """A domain error on the command line: its message and details, exit code 1."""

    def __init__(self, error: ContentCenterError) -> None:
        details = json.dumps(dict(error.details), ensure_ascii=False, default=str)
        super().__init__(f"{error.message} {details if error.details else ''}".strip())


@db_commands.command("upgrade")
def db_upgrade() -> None:
    """Bring the database to the current schema."""
    from contentcenter.store import migrate

    migrate.upgrade(_floor().db)
    click.echo("database is up to date")


@db_commands.command("revision")
@click.argument("message")
def db_revision(message: str) -> None:
    """Write a migration from the difference between code and database."""
    from contentcenter.store import migrate

    migrate.make_revision(_floor().db, message)


@user_commands.command("create")
@click.argument("username")
@click.option("--role", type=click.Choice([str(role) for role in Role]), default="editor")
@click.password_option()
def user_create(username: str, role: str, password: str) -> None:
    """Create a console user."""
    service: AccountService = accounts()
    try:
        service.create_user(username, password, Role(role), actor="command line")
    except ContentCenterError as error:
        raise Stop(error) from error
    click.echo(f"user {username} ({role}) created")


@user_commands.command("password")
@click.argument("username")
@click.password_option()
def user_password(username: str, password: str) -> None:
    """Set a new password and end the user's sessions."""
    try:
        accounts().set_password(username, password, actor="command line")
    except ContentCenterError as error:
        raise Stop(error) from error
    click.echo(f"password of {username} changed")


@key_commands.command("create")
@click.argument("name")
@click.option("--scope", "scopes", multiple=True, type=click.Choice([str(s) for s in Scope]))
def key_create(name: str, scopes: tuple[str, ...]) -> None:
    """Create an API key and print it once. Without --scope it may do everything."""
    chosen = [Scope(scope) for scope in scopes] or list(Scope)
    click.echo(accounts().create_key(name, chosen, actor="command line"))


@click.command("worker")
@click.option("--queue", "queues", multiple=True, type=click.Choice([str(q) for q in QueueName]))
@click.option("--burst", is_flag=True, help="Stop when the queues are empty.")
@with_appcontext
def run_worker(queues: tuple[str, ...], burst: bool) -> None:
    """Run jobs until stopped. Without --queue: all queues."""
    chosen = [QueueName(name) for name in queues] or list(QueueName.all())
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]
    worker.work(app, _floor().settings.redis_url, chosen, burst=burst)


@click.command("scheduler")
@with_appcontext
def run_scheduler() -> None:
    """Run the periodic ticks until stopped. Several may run; one leads."""
    ticks: list[Tick] = current_app.extensions[TICKS]
    Scheduler(_floor().redis, ticks).run()


def init_app(app: Flask) -> None:
    for command in (db_commands, user_commands, key_commands, evaluate, run_worker, run_scheduler):
        app.cli.add_command(command)
