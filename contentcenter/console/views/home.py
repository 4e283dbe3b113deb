"""The home page: one panel a room, what waits first."""

from __future__ import annotations

from collections.abc import Callable

import structlog
from flask import render_template

from contentcenter.console.language import t
from contentcenter.console.sections import Panel
from contentcenter.console.session import signed_in
from contentcenter.console.views.base import account, blueprint, console
from contentcenter.domain.errors import ContentCenterError
from contentcenter.domain.roles import Scope
from contentcenter.store import watch

log = structlog.get_logger()


@blueprint.get("/")
@signed_in(Scope.READ)
def home() -> str:
    panels = [panel for make in console().panels if (panel := _made(make)) is not None]
    with console().floor.db.reading() as session:
        notices = watch.open_notices(session)
    return render_template(
        "console/home.html",
        panels=sorted(
            (panel for panel in panels if account().may(panel.scope)), key=lambda one: one.place
        ),
        notices=notices,
        now=console().times.local(console().floor.clock.now()),
    )


def _made(make: Callable[[], Panel]) -> Panel | None:
    """A panel, or one that says that its numbers cannot be read now."""
    try:
        return make()
    except ContentCenterError as error:
        log.warning("panel_failed", panel=make.__name__, error=error.message)
        return Panel(title=t("暂时读不到"), href="", empty=error.message)
