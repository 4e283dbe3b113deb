"""Doors for platforms and readers' phones: callbacks and tracked links. No API key here: a
callback proves itself by its signature, a link is public."""

from __future__ import annotations

from flask import Blueprint, Response, redirect, render_template, request
from flask.typing import ResponseReturnValue

from contentcenter.domain.errors import ContentCenterError, EngineUnavailable
from distribute.ext import get_distribute
from distribute.link_service import Visitor

callbacks = Blueprint("distribute_callbacks", __name__, url_prefix="/callbacks")
links = Blueprint("distribute_links", __name__, url_prefix="/t", template_folder="templates")
MOST_ID = 80


@callbacks.get("/official-account/<int:channel_id>")
def official_echo(channel_id: int) -> ResponseReturnValue:
    """The platform checks the address."""
    return _plain(get_distribute().callbacks.echo_official(channel_id, request.args))


@callbacks.post("/official-account/<int:channel_id>")
def official_event(channel_id: int) -> ResponseReturnValue:
    """`success` ends the platform's repeats; so does it for what we cannot use."""
    body = request.get_data(as_text=True)
    get_distribute().callbacks.receive_official(channel_id, request.args, body)
    return _plain("success")


@callbacks.get("/wecom/<int:channel_id>")
def wecom_echo(channel_id: int) -> ResponseReturnValue:
    """The platform checks the address; it wants the bare text within a second."""
    return _plain(get_distribute().callbacks.echo_wecom(channel_id, request.args))


@callbacks.post("/wecom/<int:channel_id>")
def wecom_event(channel_id: int) -> ResponseReturnValue:
    """An empty answer ends the platform's repeats."""
    body = request.get_data(as_text=True)
    get_distribute().callbacks.receive_wecom(channel_id, request.args, body)
    return _plain("")


@callbacks.errorhandler(ContentCenterError)
def callback_refused(error: ContentCenterError) -> ResponseReturnValue:
    """Platforms read the status only: 5xx makes them repeat."""
    return _plain("", 503 if isinstance(error, EngineUnavailable) else error.http_status)


@links.get("/<code>")
def follow(code: str) -> ResponseReturnValue:
    """A reader follows a tracked link."""
    visitor = Visitor(
        openid=request.args.get("openid", "")[:MOST_ID],
        external_userid=request.args.get("external_userid", "")[:MOST_ID],
        address=request.remote_addr or "",
        browser=request.headers.get("User-Agent", "")[:200],
    )
    # A preview asks for the head only; nobody has read anything yet.
    service = get_distribute().links
    if request.method == "HEAD":
        return _plain("", 200 if service.lookup([code]) else 404)
    target = service.follow(code, visitor)
    if target is None:
        return render_template("distribute/link_unknown.html"), 404
    answer = redirect(target, 302)
    answer.headers["Cache-Control"] = "no-store"
    return answer


@links.get("/<code>/read")
def read(code: str) -> ResponseReturnValue:
    """Our own landing page, where the shop has no catalogue address."""
    item = get_distribute().links.page(code)
    if item is None:
        return render_template("distribute/link_unknown.html"), 404
    return render_template("distribute/landing.html", item=item)


def _plain(text: str, status: int = 200) -> Response:
    return Response(text, status, content_type="text/plain; charset=utf-8")


DOORS = (callbacks, links)
