"""Sign in, sign out, language, own password."""

from __future__ import annotations

from flask import flash, g, redirect, render_template, request, session, url_for
from werkzeug.wrappers import Response

from contentcenter.console.language import LANGUAGES, SESSION_KEY, t
from contentcenter.console.session import back, forget, remember, safe_next, signed_in
from contentcenter.console.views.base import account, blueprint
from contentcenter.domain.errors import ContentCenterError, NotAuthenticated
from contentcenter.domain.roles import Scope
from contentcenter.web.auth import accounts


@blueprint.get("/login")
def sign_in() -> str | Response:
    target = request.args.get("next", "")
    if g.account is not None:
        return redirect(safe_next(target))
    return render_template("console/sign_in.html", next=target, username="", problem="")


@blueprint.post("/login")
def sign_in_post() -> str | Response | tuple[str, int]:
    form = request.form
    username, target = form.get("username", "").strip(), form.get("next", "")
    try:
        found = accounts().sign_in(username, form.get("password", ""))
    except NotAuthenticated as error:
        page = render_template(
            "console/sign_in.html", next=target, username=username, problem=_problem(error)
        )
        return page, 401
    remember(found)
    return redirect(safe_next(target))


def _problem(error: NotAuthenticated) -> str:
    seconds = error.details.get("after_seconds")
    if seconds is not None:
        return t("尝试次数过多，请 {seconds} 秒后再试。", seconds=seconds)
    return t("用户名或密码不正确。忘记密码请联系管理员重设。")


@blueprint.post("/logout")
def sign_out() -> Response:
    forget()
    flash(t("已退出登录"), "ok")
    return redirect(url_for("console.sign_in"))


@blueprint.post("/language")
def switch_language() -> Response:
    language = request.form.get("language", "")
    if language in LANGUAGES:
        session[SESSION_KEY] = language
        if g.account is not None:
            accounts().set_language(g.account.id, language)
    return back("console.home")


@blueprint.post("/settings/password")
@signed_in(Scope.READ)
def change_password() -> Response:
    """The old password is asked for: an open screen is not a right to change it."""
    form = request.form
    try:
        accounts().sign_in(account().name, form.get("current", ""))
        accounts().set_password(account().name, form.get("password", ""), account().name)
    except ContentCenterError as error:
        flash(error.message, "error")
        return redirect(url_for("console.settings"))
    renewed = accounts().user(account().id)
    if renewed is not None:
        remember(renewed)
    flash(t("密码已更换，其他设备上的登录已失效"), "ok")
    return redirect(url_for("console.settings"))
