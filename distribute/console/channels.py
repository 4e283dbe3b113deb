"""Channels: the accounts we send through, their state, pause and resume."""

from __future__ import annotations

from flask import flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from contentcenter.console.labels import label
from contentcenter.console.language import t
from contentcenter.console.session import signed_in
from contentcenter.console.views.base import account
from contentcenter.domain.channels import ChannelKind
from contentcenter.domain.errors import InvalidInput
from contentcenter.domain.roles import Scope
from distribute.console.base import blueprint, reading
from distribute.ext import get_distribute

# Keys of `credentials` an operator may type, per kind; the required ones first.
SECRETS = ("secret", "key", "token", "aes_key", "agentid")


@blueprint.get("/channels")
@signed_in(Scope.READ)
def channels() -> str:
    return render_template(
        "distribute/channels.html",
        channels=get_distribute().channels.list(),
        audiences=reading().audiences_by_channel(),
        kinds=[(kind.value, label("channel_kind", kind).text) for kind in ChannelKind],
        secrets=SECRETS,
    )


@blueprint.post("/channels")
@signed_in(Scope.DISTRIBUTE)
def create_channel() -> Response:
    form = request.form
    name, number = form.get("name", "").strip(), form.get("account", "").strip()
    if not name or not number:
        raise InvalidInput(t("请填写名称与账号"), field="name")
    kind = form.get("kind", "")
    settings = {"account_type": form.get("account_type", "SVC")}
    get_distribute().channels.create(
        account().name,
        kind=kind,
        name=name,
        account=number,
        credentials=_typed_secrets(),
        settings=settings if kind == ChannelKind.OFFICIAL_ACCOUNT else {},
    )
    flash(t("渠道已添加"), "ok")
    return redirect(url_for("distribute_console.channels"))


@blueprint.post("/channels/<int:channel_id>/secrets")
@signed_in(Scope.DISTRIBUTE)
def renew_secrets(channel_id: int) -> Response:
    """Only what was typed is replaced; nothing stored is ever shown."""
    get_distribute().channels.update(account().name, channel_id, credentials=_typed_secrets())
    flash(t("凭证已更新"), "ok")
    return redirect(url_for("distribute_console.channels"))


def _typed_secrets() -> dict[str, str]:
    typed = {name: request.form.get(name, "").strip() for name in SECRETS}
    return {name: value for name, value in typed.items() if value}


@blueprint.post("/channels/<int:channel_id>/pause")
@signed_in(Scope.DISTRIBUTE)
def pause_channel(channel_id: int) -> Response:
    reason = request.form.get("reason", "").strip()[:200]
    get_distribute().channels.pause(account().name, channel_id, reason)
    flash(t("渠道已暂停，未发的推文会等到恢复"), "ok")
    return redirect(url_for("distribute_console.channels"))


@blueprint.post("/channels/<int:channel_id>/resume")
@signed_in(Scope.DISTRIBUTE)
def resume_channel(channel_id: int) -> Response:
    get_distribute().channels.resume(account().name, channel_id)
    flash(t("渠道已恢复"), "ok")
    return redirect(url_for("distribute_console.channels"))
