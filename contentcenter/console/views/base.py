"""The shell's blueprint and the value behind it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from flask import Blueprint, current_app, g

from contentcenter.accounts import Account
from contentcenter.console.formats import Times
from contentcenter.console.sections import NavEntry, Panel
from contentcenter.domain.errors import NotAuthenticated
from contentcenter.floor import Floor

CONSOLE = "contentcenter.console"
blueprint = Blueprint("console", "contentcenter.console", template_folder="templates")


@dataclass(frozen=True)
class Console:
    floor: Floor
    times: Times
    entries: tuple[NavEntry, ...]
    panels: tuple[Callable[[], Panel], ...]


def console() -> Console:
    value: Console = current_app.extensions[CONSOLE]
    return value


def account() -> Account:
    """The signed-in person; views behind `signed_in` always have one."""
    found: Account | None = g.get("account")
    if found is None:
        raise NotAuthenticated("Sign in first")
    return found
