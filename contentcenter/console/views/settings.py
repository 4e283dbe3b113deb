"""Own password for everyone; users and API keys for administrators."""

from __future__ import annotations

from flask import flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from contentcenter.console.language import t
from contentcenter.console.session import signed_in
from contentcenter.console.views.base import account, blueprint, console
from contentcenter.domain.errors import ContentCenterError, InvalidInput
from contentcenter.domain.roles import Role, Scope
from contentcenter.web.auth import accounts


@blueprint.get("/settings")
@signed_in(Scope.READ)
def settings() -> str:
    return _page()


def _page(new_key: str = "", new_key_name: str = "") -> str:
    admin = account().may(Scope.ADMIN)
    return render_template(
        "console/settings.html",
        account=account(),
        users=accounts().users() if admin else (),
        keys=accounts().keys() if admin else (),
        roles=tuple(Role),
        new_key=new_key,
        new_key_name=new_key_name,
        now=console().floor.clock.now(),
    )


@blueprint.post("/settings/users")
@signed_in(Scope.ADMIN)
def create_user() -> Response:
    form = request.form
    role = _role(form.get("role", ""))
    username = form.get("username", "").strip()
    accounts().create_user(username, form.get("password", ""), role, account().name)
    flash(t("用户 {name} 已创建", name=username), "ok")
    return redirect(url_for("console.settings"))


@blueprint.post("/settings/users/<username>/password")
@signed_in(Scope.ADMIN)
def reset_password(username: str) -> Response:
    accounts().set_password(username, request.form.get("password", ""), account().name)
    flash(t("{name} 的密码已重设，其登录已失效", name=username), "ok")
    return redirect(url_for("console.settings"))


@blueprint.post("/settings/keys")
@signed_in(Scope.ADMIN)
def create_key() -> str | Response:
    """The secret is on this one answer and nowhere else, so there is no redirect."""
    name = request.form.get("name", "").strip()
    try:
        scopes = _scopes(request.form.getlist("scopes"))
        if not name:
            raise InvalidInput(t("请给密钥起个名字"), field="name")
    except ContentCenterError as error:
        flash(error.message, "error")
        return redirect(url_for("console.settings"))
    return _page(accounts().create_key(name, scopes, account().name), name)


@blueprint.post("/settings/keys/<int:key_id>/revoke")
@signed_in(Scope.ADMIN)
def revoke_key(key_id: int) -> Response:
    accounts().revoke_key(key_id, account().name)
    flash(t("密钥已吊销，使用它的程序会立即被拒绝"), "ok")
    return redirect(url_for("console.settings"))


def _role(value: str) -> Role:
    try:
        return Role(value)
    except ValueError as error:
        raise InvalidInput(t("请选择角色"), field="role") from error


def _scopes(values: list[str]) -> list[Scope]:
    try:
        scopes = [Scope(value) for value in values]
    except ValueError as error:
        raise InvalidInput(t("请选择权限"), field="scopes") from error
    if not scopes:
        raise InvalidInput(t("请至少选择一项权限"), field="scopes")
    return scopes
