"""The bare web application: settings, errors, API, health, headers. Rooms add the rest."""

from __future__ import annotations

import secrets
from datetime import timedelta
from pathlib import Path

from flask import Flask, Request, Response
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface

from contentcenter.accounts import AccountService
from contentcenter.floor import Floor
from contentcenter.settings import Settings
from contentcenter.web import api, auth, errors, health

FLOOR = "contentcenter.floor"
API = "contentcenter.api"

# Everything is served from here; `style-src 'unsafe-inline'` is for the API page's widgets.
POLICY = (
    "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; "
    "frame-ancestors 'none'; base-uri 'self'; form-action 'self'"
)


def create_app(floor: Floor) -> Flask:
    """An application with the floor's doors open and no room in it."""
    settings = floor.settings
    app = Flask("contentcenter.web", static_folder=None)
    app.session_interface = ConsoleSessions()
    app.config.update(
        SECRET_KEY=settings.secret_key or stored_secret(settings),
        MAX_CONTENT_LENGTH=settings.upload_max_mb * 1024 * 1024,
        MAX_FORM_MEMORY_SIZE=4 * 1024 * 1024,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=settings.public_url.startswith("https://"),
        PERMANENT_SESSION_LIFETIME=timedelta(hours=settings.session_hours),
    )
    app.json.ensure_ascii = False  # type: ignore[attr-defined]
    app.extensions[FLOOR] = floor
    app.extensions[auth.EXTENSION] = AccountService(floor.db, floor.clock)
    errors.init_app(app)
    app.extensions[API] = api.init_app(app)
    health.init_app(app, floor)
    app.after_request(_headers)
    return app


class ConsoleSessions(SecureCookieSessionInterface):
    """Sessions are the console's. A call of the API brings its key each time and must not be
    let in by a browser's cookie; reading none there also saves a tenth of its overhead."""

    def open_session(self, app: Flask, request: Request) -> SecureCookieSession | None:
        if request.path.startswith(f"{api.API_PREFIX}/"):
            return None
        return super().open_session(app, request)


def _headers(response: Response) -> Response:
    response.headers.setdefault("Content-Security-Policy", POLICY)
    response.headers.setdefault("X-Content-Type-Options", "nosniff")
    response.headers.setdefault("Referrer-Policy", "same-origin")
    return response


def stored_secret(settings: Settings) -> str:
    """The key that signs sessions, made once and readable by its owner only."""
    path: Path = settings.data_dir / "secret_key"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.write_text(secrets.token_hex(32), encoding="ascii")
    return path.read_text(encoding="ascii")
