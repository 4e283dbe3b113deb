"""The one JSON error shape: {"error": {"code", "message", "details"}}."""

from __future__ import annotations

import math
from typing import Any

import structlog
from flask import Flask, Response, jsonify
from werkzeug.exceptions import HTTPException

from contentcenter.domain.errors import ContentCenterError, InvalidInput, RetryLater

log = structlog.get_logger()


def error_body(code: str, message: str, details: Any = None) -> dict[str, Any]:
    return {"error": {"code": code, "message": message, "details": details or {}}}


def answer(error: ContentCenterError) -> Response:
    """A domain error as an HTTP answer; a wait is told in `Retry-After` too."""
    response = jsonify(error_body(error.code, error.message, dict(error.details)))
    response.status_code = error.http_status
    if isinstance(error, RetryLater):
        response.headers["Retry-After"] = str(math.ceil(error.after_seconds))
    return response


def answer_http(error: HTTPException) -> Response:
    """Werkzeug's and webargs' errors in our shape, headers such as `Allow` kept."""
    messages = getattr(error, "data", {}).get("messages") if hasattr(error, "data") else None
    if messages is not None:
        return answer(InvalidInput("Some fields are wrong; see details", **_flatten(messages)))
    status = error.code or 500
    response = jsonify(error_body(_code(error), error.description or error.name))
    response.status_code = status
    for name, value in error.get_headers():
        if name.lower() not in {"content-type", "content-length"}:
            response.headers[name] = value
    return response


def _code(error: HTTPException) -> str:
    return error.name.lower().replace(" ", "_")


def _flatten(messages: Any) -> dict[str, Any]:
    """webargs says {"json": {"field": [...]}}; clients care about fields, not places."""
    fields: dict[str, Any] = {}
    for place, value in messages.items():
        fields.update(value if isinstance(value, dict) else {place: value})
    return {"fields": fields}


def answer_unexpected(error: Exception) -> Response:
    log.exception("request_failed", error=str(error))
    response = jsonify(
        error_body("internal_error", "Something broke here; it has been logged. Try again later.")
    )
    response.status_code = 500
    return response


def init_app(app: Flask) -> None:
    """Errors outside a blueprint with handlers of its own answer as JSON."""
    app.register_error_handler(ContentCenterError, answer)
    app.register_error_handler(HTTPException, answer_http)
    app.register_error_handler(Exception, answer_unexpected)
