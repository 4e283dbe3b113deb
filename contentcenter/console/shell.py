"""Puts the console together: assets, protection, pages of the shell, sections of the rooms."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from flask import Flask, current_app, g, request
from flask_wtf.csrf import CSRFProtect

from contentcenter.console import assets, charts, errors, labels, language, links, session
from contentcenter.console.formats import Times, filters
from contentcenter.console.sections import NavEntry, Place, Section
from contentcenter.console.views import base
from contentcenter.console.views.base import CONSOLE, Console
from contentcenter.domain.categories import CATEGORIES
from contentcenter.domain.roles import Scope
from contentcenter.floor import Floor

SHELL_ENTRIES = (
    NavEntry("首页", "console.home", "house", Place.HOME, thumb=True),
    NavEntry("健康", "console.health", "heart-pulse", Place.HEALTH),
    NavEntry("设置", "console.settings", "gear", Place.SETTINGS, marks=("console.settings",)),
)


def init_app(app: Flask, floor: Floor, sections: Sequence[Section]) -> None:
    """Open the console on `/` with the rooms' sections.

    Call after `contentcenter.web.app.create_app`: error pages take over from the JSON
    answers outside the machine paths.
    """
    times = Times(floor.clock, floor.settings.timezone)
    entries = (*SHELL_ENTRIES, *(entry for section in sections for entry in section.entries))
    app.extensions[CONSOLE] = Console(
        floor=floor,
        times=times,
        entries=tuple(sorted(entries, key=lambda entry: entry.place)),
        panels=tuple(panel for section in sections for panel in section.panels),
    )
    app.register_blueprint(assets.blueprint)
    protected = [base.blueprint, *(section.blueprint for section in sections)]
    for blueprint in protected:
        app.register_blueprint(blueprint)
    _protect(app, frozenset(blueprint.name for blueprint in protected))
    errors.init_app(app)
    _templates(app, times)


def _protect(app: Flask, names: frozenset[str]) -> None:
    """Sessions and form tokens on the console's blueprints only; the API knows keys alone."""
    app.config.update(WTF_CSRF_CHECK_DEFAULT=False, WTF_CSRF_TIME_LIMIT=None)
    csrf = CSRFProtect(app)

    @app.before_request
    def guard() -> None:
        if request.blueprint in names or request.blueprint is None:
            session.load_account()
        if request.blueprint in names:
            csrf.protect()


def _templates(app: Flask, times: Times) -> None:
    app.jinja_env.filters.update({**filters(times), "told": labels.told})
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.jinja_env.globals.update(
        t=language.t,
        language=language.current_language,
        languages=language.LANGUAGES,
        may=session.may,
        asset_url=assets.asset_url,
        icon=assets.icon,
        label=labels.label,
        label_groups=labels.GROUPS,
        category=labels.category,
        category_codes=tuple(CATEGORIES),
        charts=charts,
        url_if=links.url_if,
        here_with=links.here_with,
        navigation=_navigation,
        local=times.local,
        scopes=tuple(Scope),
        today=times.today,
    )
    app.add_template_test(lambda value: isinstance(value, datetime), "datetime")


def _navigation() -> list[tuple[NavEntry, bool]]:
    """The entries this person may open, each with whether it is the current one."""
    console: Console = current_app.extensions[CONSOLE]
    account_now = g.get("account")
    if account_now is None:
        return []
    return [
        (entry, _is_current(entry)) for entry in console.entries if account_now.may(entry.scope)
    ]


def _is_current(entry: NavEntry) -> bool:
    here = request.endpoint or ""
    return here == entry.endpoint or any(here.startswith(mark) for mark in entry.marks)
