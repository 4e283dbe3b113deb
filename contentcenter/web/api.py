"""The JSON API: OpenAPI 3.1 from the marshmallow schemas, and its page, served from here."""

from __future__ import annotations

from importlib.resources import files
from typing import Any

from flask import Blueprint as FlaskBlueprint
from flask import Flask, Response, render_template, send_from_directory
from flask_smorest import Api
from marshmallow import Schema, fields

from contentcenter.web.errors import answer_http

API_PREFIX = "/api/v1"
SWAGGER_FILES = str(files("flask_swagger_ui") / "dist")


class ErrorDetailSchema(Schema):
    code = fields.String(required=True)
    message = fields.String(required=True)
    details = fields.Dict()


class ErrorShape(Schema):
    """What every failed call answers."""

    error = fields.Nested(ErrorDetailSchema, required=True)


class ContentCenterApi(Api):  # type: ignore[misc]
    """flask-smorest with our error shape (its own drops `Allow` from 405 answers)."""

    ERROR_SCHEMA = ErrorShape

    def handle_http_exception(self, error: Any) -> Any:
        return answer_http(error)


def init_app(app: Flask) -> ContentCenterApi:
    """Configure the API; rooms register their blueprints on the returned object."""
    app.config.update(
        API_TITLE="ContentCenter API",
        API_VERSION="v1",
        OPENAPI_VERSION="3.1.0",
        OPENAPI_URL_PREFIX=API_PREFIX,
        OPENAPI_JSON_PATH="openapi.json",
    )
    spec = {
        "components": {"securitySchemes": {"key": {"type": "http", "scheme": "bearer"}}},
        "security": [{"key": []}],
    }
    api = ContentCenterApi(app, spec_kwargs=spec)
    app.register_blueprint(_docs())
    return api


def _docs() -> FlaskBlueprint:
    """The documentation page at /api/docs, from files inside a wheel: nothing external."""
    docs = FlaskBlueprint("api_docs", __name__, template_folder="templates")

    @docs.get("/api/docs")
    def page() -> str:
        return render_template("web/api_docs.html", spec_url=f"{API_PREFIX}/openapi.json")

    @docs.get("/api/docs/assets/<path:name>")
    def assets(name: str) -> Response:
        return send_from_directory(SWAGGER_FILES, name, max_age=86400)

    @docs.get("/api/docs/start.js")
    def start() -> Response:
        script = render_template("web/api_docs.js", spec_url=f"{API_PREFIX}/openapi.json")
        return Response(script, mimetype="text/javascript")

    return docs
