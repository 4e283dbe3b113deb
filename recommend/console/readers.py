"""Readers: found by any id, with what was joined on what evidence; joined and parted here."""

from __future__ import annotations

from flask import flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from contentcenter.console.labels import Label, add_labels
from contentcenter.console.language import t
from contentcenter.console.session import signed_in
from contentcenter.console.views.base import account
from contentcenter.domain.errors import Conflict, InvalidInput, NotFound
from contentcenter.domain.roles import Scope
from recommend.console.base import blueprint
from recommend.ext import get_recommend
from recommend.identity.views import ReaderView

PAGE = "recommend_console.readers"
TOP = 8

add_labels(
    "reader_id_kind",
    {
        "app_id": Label("应用账号", "gray"),
        "openid": Label("公众号 openid", "green"),
        "external_userid": Label("企业微信客户", "blue"),
        "unionid": Label("unionid", "brand"),
    },
)
add_labels(
    "join_state",
    {
        "joined": Label("已合并", "green"),
        "parted": Label("已拆开", "gray"),
        "conflict": Label("有矛盾", "seal"),
        "settled": Label("已处理", "gray"),
    },
)
add_labels(
    "join_why", {"reference": Label("编号同时出现", "blue"), "person": Label("人工", "brand")}
)
add_labels(
    "attribution",
    {
        "direct": Label("直接", "green"),
        "look_back": Label("回溯", "blue"),
        "order": Label("随订单", "gray"),
    },
)
add_labels(
    "action",
    {
        "reader_joined": Label("合并了读者"),
        "reader_parted": Label("拆开了读者"),
        "reader_id_learned": Label("得知新的编号"),
        "reader_conflict_dismissed": Label("忽略了矛盾"),
    },
)


@blueprint.get("/readers")
@signed_in(Scope.READ)
def readers() -> str:
    """One reader, when asked for; and the evidence that waits for a person."""
    question = request.args.get("q", "").strip()
    view, fault = _found(question)
    persona = {one.name: one for one in view.persona} if view else {}
    return render_template(
        "recommend/readers.html",
        question=question,
        view=view,
        fault=fault,
        persona=persona,
        categories=_strongest(persona["categories"].value) if view else [],
        tags=_strongest(persona["tags"].value) if view else [],
        conflicts=get_recommend().identity.conflicts(),
    )


def _found(question: str) -> tuple[ReaderView | None, str]:
    if not question:
        return None, ""
    try:
        return get_recommend().identity.look(question), ""
    except NotFound:
        return None, t("没有这个编号的读者")
    except Conflict as error:
        ids = "、".join(f"id:{one}" for one in error.details["reader_ids"])  # type: ignore[attr-defined]
        return None, t("有几个读者用过这个编号，请指明：{ids}", ids=ids)
    except InvalidInput:
        return None, t("编号写法不对，例如 openid:oA1… 或 id:12")


def _strongest(table: dict[str, float]) -> list[tuple[str, float]]:
    return sorted(table.items(), key=lambda pair: -pair[1])[:TOP]


@blueprint.post("/readers/join")
@signed_in(Scope.DISTRIBUTE)
def join_readers() -> Response:
    form = request.form
    despite = form.get("despite") == "1"
    view = get_recommend().identity.join(
        form.get("reader", ""),
        form.get("other", ""),
        account().name,
        form.get("note", ""),
        despite=despite,
    )
    flash(t("已合并；画像和归因在后台重新计算"), "ok")
    return redirect(url_for(PAGE, q=f"id:{view.id}"))


@blueprint.post("/readers/<int:reader_id>/part")
@signed_in(Scope.DISTRIBUTE)
def part_reader(reader_id: int) -> Response:
    identity = get_recommend().identity
    left, _ = identity.part(reader_id, account().name, request.form.get("note", ""))
    flash(t("已拆开；合并以后记录的行为留在原来的读者名下"), "ok")
    return redirect(url_for(PAGE, q=f"id:{left.id}"))


@blueprint.post("/readers/conflicts/<int:conflict_id>/dismiss")
@signed_in(Scope.DISTRIBUTE)
def dismiss_conflict(conflict_id: int) -> Response:
    get_recommend().identity.dismiss(conflict_id, account().name, request.form.get("note", ""))
    flash(t("已忽略，同样的证据不会再列出"), "ok")
    return redirect(url_for(PAGE))
