"""Who is asking, and may they. `require(Scope.X)` on every API view; a house test looks."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from flask import current_app, g, request

from contentcenter.accounts import Account, AccountService
from contentcenter.domain.errors import NotAllowed, NotAuthenticated
from contentcenter.domain.roles import Scope

EXTENSION = "contentcenter.accounts"
SCOPE_MARK = "__required_scope__"

P = ParamSpec("P")
R = TypeVar("R")


def accounts() -> AccountService:
    service: AccountService = current_app.extensions[EXTENSION]
    return service


def require(scope: Scope) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Let only accounts with this scope in. Sets `g.account` and `g.actor` (a name for logs)."""

    def decorate(view: Callable[P, R]) -> Callable[P, R]:
        @wraps(view)
        def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
            account = _key_account()
            if not account.may(scope):
                raise NotAllowed(f"This key lacks the scope `{scope}`", scope=str(scope))
            g.account, g.actor = account, account.name
            return view(*args, **kwargs)

        setattr(guarded, SCOPE_MARK, scope)
        return guarded

    return decorate


def _key_account() -> Account:
    header = request.headers.get("Authorization", "")
    kind, _, secret = header.partition(" ")
    if kind.lower() != "bearer" or not secret.strip():
        raise NotAuthenticated("Send your API key as `Authorization: Bearer KEY`")
    return accounts().find_key(secret.strip())
