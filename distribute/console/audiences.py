"""Audiences: whom we reach, when, under which limits, and what came of it."""

from __future__ import annotations

from typing import Any

from flask import flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from contentcenter.console.labels import category, label
from contentcenter.console.language import t
from contentcenter.console.session import signed_in
from contentcenter.console.views.base import account, console
from contentcenter.domain.categories import CATEGORIES
from contentcenter.domain.channels import AUDIENCE_KINDS, ChannelKind
from contentcenter.domain.errors import InvalidInput
from contentcenter.domain.roles import Scope
from contentcenter.store import audit
from distribute.audience_service import SlotView
from distribute.console.base import blueprint, reading
from distribute.console.forms import audience_fields, slots_from
from distribute.console.words import reason_text
from distribute.ext import get_distribute
from distribute.posts_view import PostFilter
from distribute.reading import Deeds

PAGE = 24
EMPTY_SLOTS = 3


@blueprint.get("/audiences")
@signed_in(Scope.READ)
def audiences() -> str:
    channel_id = request.args.get("channel", type=int)
    after = request.args.get("after", default=0, type=int)
    found = get_distribute().audiences.list(channel_id=channel_id, after=after, limit=PAGE + 1)
    shown = found[:PAGE]
    return render_template(
        "distribute/audiences.html",
        audiences=shown,
        more=shown[-1].card.id if len(found) > PAGE else None,
        after=after,
        channel_id=channel_id,
        channels=[(one.id, one.name) for one in get_distribute().channels.list()],
        counts=reading().audience_counts(),
        deeds=reading().deeds_of_audiences([one.card.id for one in shown]),
        nothing=Deeds(),
    )


@blueprint.get("/audiences/new")
@signed_in(Scope.DISTRIBUTE)
def new_audience() -> str:
    channels = [one for one in get_distribute().channels.list() if AUDIENCE_KINDS[_kind(one.kind)]]
    kinds = {
        one.id: [(kind.value, label("audience_kind", kind).text) for kind in _kinds(one.kind)]
        for one in channels
    }
    return render_template(
        "distribute/audience_new.html",
        channels=channels,
        kinds=kinds,
        categories=[(code, category(code)) for code in CATEGORIES],
    )


def _kind(text: str) -> ChannelKind:
    return ChannelKind(text)


def _kinds(channel_kind: str) -> list[Any]:
    return sorted(AUDIENCE_KINDS[ChannelKind(channel_kind)])


@blueprint.post("/audiences/new")
@signed_in(Scope.DISTRIBUTE)
def create_audience() -> Response:
    form = request.form
    channel, _, kind = form.get("channel_kind", "").partition(":")
    if not channel.isdigit():
        raise InvalidInput(t("请选择渠道"), field="channel_kind")
    view = get_distribute().audiences.create(
        account().name,
        channel_id=int(channel),
        kind=kind,
        platform_ref=form.get("platform_ref", "").strip(),
        slots=(SlotView(tuple(range(7)), form.get("first_slot") or "20:30"),),
        **audience_fields(form),
    )
    flash(t("已添加，画像会在几秒内算出"), "ok")
    return redirect(url_for("distribute_console.audience", audience_id=view.card.id))


@blueprint.get("/audiences/<int:audience_id>")
@signed_in(Scope.READ)
def audience(audience_id: int) -> str:
    view = get_distribute().audiences.get(audience_id)
    posts = get_distribute().posts.recent(PostFilter(audience_id=audience_id), limit=12)
    read = reading()
    with console().floor.db.reading() as session:
        trail = audit.trail(session, "audience", audience_id)
    return render_template(
        "distribute/audience.html",
        view=view,
        card=view.card,
        posts=posts,
        deeds=read.deeds_of_posts([post.id for post in posts]),
        total=read.deeds_of_audiences([audience_id]).get(audience_id, Deeds()),
        nothing=Deeds(),
        categories=[(code, category(code)) for code in CATEGORIES],
        slots=[*view.slots, *([SlotView((), "")] * EMPTY_SLOTS)],
        trail=trail[-20:],
        reason_text=reason_text,
    )


@blueprint.post("/audiences/<int:audience_id>")
@signed_in(Scope.DISTRIBUTE)
def update_audience(audience_id: int) -> Response:
    fields = audience_fields(request.form)
    get_distribute().audiences.update(account().name, audience_id, **fields)
    flash(t("已保存，画像会随之更新"), "ok")
    return _to(audience_id)


@blueprint.post("/audiences/<int:audience_id>/slots")
@signed_in(Scope.DISTRIBUTE)
def update_slots(audience_id: int) -> Response:
    slots = slots_from(request.form)
    get_distribute().audiences.update(account().name, audience_id, slots=slots)
    flash(t("档期已保存；已排好的推文不受影响"), "ok")
    return _to(audience_id)


@blueprint.post("/audiences/<int:audience_id>/<any(pause, resume):step>")
@signed_in(Scope.DISTRIBUTE)
def switch_audience(audience_id: int, step: str) -> Response:
    service = get_distribute().audiences
    if step == "pause":
        service.pause(account().name, audience_id)
        flash(t("已暂停，之后的排期会跳过它"), "ok")
    else:
        service.resume(account().name, audience_id)
        flash(t("已恢复"), "ok")
    return _to(audience_id)


def _to(audience_id: int) -> Response:
    return redirect(url_for("distribute_console.audience", audience_id=audience_id))
