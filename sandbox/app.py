"""The Flask application: two platforms, the administrator's door, the pages."""

from __future__ import annotations

from flask import Flask, Response, send_file

from sandbox.admin import admin_blueprint
from sandbox.media import CONTENT_TYPES
from sandbox.pages.views import pages_blueprint
from sandbox.twin import Twin

UPLOAD_BYTES = 32 * 1024 * 1024


def create_app(twin: Twin) -> Flask:
    app = Flask("sandbox", static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = UPLOAD_BYTES
    app.json.ensure_ascii = False  # type: ignore[attr-defined]
    app.register_blueprint(admin_blueprint(twin))
    app.register_blueprint(pages_blueprint(twin))
    methods = ["GET", "POST"]

    @app.route("/official-account/cgi-bin/<path:path>", methods=methods)
    def official(path: str) -> Response:
        return twin.gateway.handle(twin.official, path)

    @app.route("/wecom/cgi-bin/<path:path>", methods=methods)
    def wecom(path: str) -> Response:
        return twin.gateway.handle(twin.wecom, path)

    @app.get("/wecom/<path:path>")
    def wecom_unknown(**_path: str) -> Response:
        return Response(b"", 404)

    @app.get("/official-account/mmbiz/<name>")
    @app.get("/wecom/media/<name>")
    def picture(name: str) -> Response:
        media = twin.shelf.table.get(name.split(".", 1)[0])
        if media is None or not media.url:
            return Response(b"", 404)
        kind = CONTENT_TYPES.get(media.suffix, "application/octet-stream")
        return send_file(twin.shelf.file(media).resolve(), mimetype=kind, max_age=86400)

    return app
