"""Addresses across rooms. A room does not know whether another one is open in this process."""

from __future__ import annotations

from typing import Any

from flask import current_app, request, url_for


def url_if(endpoint: str, **values: Any) -> str:
    """The address of a view, or an empty text when its room is not there."""
    return url_for(endpoint, **values) if endpoint in current_app.view_functions else ""


def here_with(**changes: Any) -> str:
    """The current address with some query parameters changed; None or "" drops one."""
    values: dict[str, Any] = {**request.args.to_dict(), **(request.view_args or {}), **changes}
    kept = {name: value for name, value in values.items() if value not in {None, ""}}
    return url_for(request.endpoint or "console.home", **kept)
