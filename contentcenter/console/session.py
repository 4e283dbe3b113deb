"""Who looks at the console. The cookie names a user and an epoch; both are checked on every
request, so that a new password or a removed user ends all sessions at once."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec, TypeVar
from urllib.parse import urlsplit

from flask import g, make_response, redirect, request, session, url_for
from werkzeug.wrappers import Response

from contentcenter.accounts import Account
from contentcenter.console.language import SESSION_KEY, t
from contentcenter.domain.errors import NotAllowed
from contentcenter.domain.roles import Scope
from contentcenter.web.auth import accounts

USER = "user_id"
EPOCH = "epoch"
CONSOLE_MARK = "__console_scope__"

P = ParamSpec("P")
R = TypeVar("R")


def load_account() -> None:
    """Put the signed-in account, or None, on `g.account`. Runs before every console view."""
    g.account = None
    user_id = session.get(USER)
    if user_id is None:
        return
    account = accounts().user(int(user_id))
    if account is None or account.session_epoch != session.get(EPOCH):
        forget()
        return
    g.account, g.actor = account, account.name


def remember(account: Account) -> None:
    """Start a session. What an earlier visitor left in the cookie is dropped."""
    session.clear()
    session.permanent = True
    session[USER], session[EPOCH] = account.id, account.session_epoch
    session[SESSION_KEY] = account.language


def forget() -> None:
    language = session.get(SESSION_KEY)
    session.clear()
    if language:
        session[SESSION_KEY] = language


def signed_in(scope: Scope) -> Callable[[Callable[P, R]], Callable[P, R | Response]]:
    """Let only people with this right see a view; others sign in first or are refused."""

    def decorate(view: Callable[P, R]) -> Callable[P, R | Response]:
        @wraps(view)
        def guarded(*args: P.args, **kwargs: P.kwargs) -> R | Response:
            account: Account | None = g.get("account")
            if account is None:
                return to_sign_in()
            if not account.may(scope):
                raise NotAllowed(t("你的角色没有这项权限，请联系管理员"), scope=str(scope))
            return view(*args, **kwargs)

        setattr(guarded, CONSOLE_MARK, scope)
        return guarded

    return decorate


def may(scope: str) -> bool:
    """For templates: whether the person may do this."""
    account: Account | None = g.get("account")
    return account is not None and account.may(Scope(scope))


def to_sign_in() -> Response:
    """To the sign-in page; a fragment request is told to move the whole page there."""
    here = request.full_path.rstrip("?") if request.method == "GET" else ""
    if request.headers.get("HX-Request"):
        response: Response = make_response("", 401)
        response.headers["HX-Redirect"] = url_for("console.sign_in")
        return response
    return redirect(url_for("console.sign_in", next=here or None))


def safe_next(target: str | None) -> str:
    """A path of this site to go on to. Anything that could leave the site becomes home."""
    home = url_for("console.home")
    if not target or not target.startswith("/") or "\\" in target:
        return home
    parts = urlsplit(target)
    if parts.scheme or parts.netloc or target.startswith("//"):
        return home
    return target


def back(default: str, **values: Any) -> Response:
    """Redirect to the page the person came from when it is ours, else to an endpoint."""
    origin = urlsplit(request.referrer or "")
    if origin.netloc == request.host and origin.path != request.path:
        return redirect(safe_next(origin.path + (f"?{origin.query}" if origin.query else "")))
    return redirect(url_for(default, **values))
