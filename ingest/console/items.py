"""Lists of items, one item, and what editors do with it."""

from __future__ import annotations

from flask import flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from contentcenter.console.diff import compare
from contentcenter.console.labels import category, label
from contentcenter.console.language import t
from contentcenter.console.session import signed_in
from contentcenter.console.views.base import account
from contentcenter.domain.categories import CATEGORIES
from contentcenter.domain.content import ItemKind
from contentcenter.domain.errors import ContentCenterError, NotFound
from contentcenter.domain.roles import Scope
from ingest.console.base import blueprint, reading, split_names, state_counts
from ingest.drafts import ItemChanges
from ingest.ext import get_ingest
from ingest.views import ItemFilter, ItemView

PAGE = 25


@blueprint.get("/items")
@signed_in(Scope.READ)
def items() -> str:
    wanted = ItemFilter(
        state=_given("state"),
        kind=_given("kind"),
        source=_given("source"),
        category=_given("category"),
        tag=_given("tag"),
        text=_given("q"),
    )
    page = get_ingest().items.list(wanted, PAGE, _given("cursor"))
    return render_template(
        "ingest/items.html",
        items=page.items,
        next_cursor=page.next_cursor,
        paged=_given("cursor") is not None,
        filtered=any(_given(name) for name in ("state", "kind", "source", "category", "tag", "q")),
        wanted=wanted,
        query=wanted.text or "",
        counts=state_counts(),
        kinds=[(kind.value, label("item_kind", kind).text) for kind in ItemKind],
        categories=[(code, category(code)) for code in CATEGORIES],
        sources=[(name, name) for name in reading().sources()],
    )


def _given(name: str) -> str | None:
    return request.args.get(name, "").strip() or None


@blueprint.get("/items/<int:item_id>")
@signed_in(Scope.READ)
def item(item_id: int) -> str:
    view = get_ingest().items.get(item_id)
    return render_template("ingest/item.html", view=view)


@blueprint.get("/items/<int:item_id>/state")
@signed_in(Scope.READ)
def item_state(item_id: int) -> Response | str:
    """Asked every two seconds while the pipeline works; the page reloads when it is done."""
    view = get_ingest().items.get(item_id)
    if view.card.state == "received":
        return Response(status=204)
    response = Response(status=200)
    response.headers["HX-Refresh"] = "true"
    return response


@blueprint.get("/items/<int:item_id>/revisions/<int:number>")
@signed_in(Scope.READ)
def revision(item_id: int, number: int) -> str:
    view = get_ingest().items.get(item_id)
    old, new = _texts(view, number)
    names = ("标题", "摘要", "正文")
    parts = [
        (name, compare(before, after))
        for name, before, after in zip(names, old, new, strict=True)
        if before != after
    ]
    return render_template("ingest/revision.html", view=view, number=number, parts=parts)


def _texts(view: ItemView, number: int) -> tuple[tuple[str, str, str], tuple[str, str, str]]:
    """A revision's texts and those of the next one; the last is compared with the item."""
    by_number = {one.number: (one.title, one.summary, one.body) for one in view.revisions}
    if number not in by_number:
        raise NotFound(t("没有这一稿"), number=number)
    now = (view.card.title, view.card.summary, view.body)
    return by_number[number], by_number.get(number + 1, now)


@blueprint.post("/items/<int:item_id>/approve")
@signed_in(Scope.APPROVE)
def approve(item_id: int) -> Response:
    get_ingest().items.approve(item_id, account().name, _version())
    flash(t("已批准发布，几秒后出现在搜索与信息流里"), "ok")
    following = reading().next_ready(item_id) if request.form.get("next") else None
    return _to_item(following or item_id)


@blueprint.post("/items/approve")
@signed_in(Scope.APPROVE)
def approve_many() -> Response:
    """Each for itself: one that cannot be approved does not keep the others back."""
    done, failed = 0, []
    for item_id in request.form.getlist("ids", type=int):
        try:
            get_ingest().items.approve(item_id, account().name)
            done += 1
        except ContentCenterError as error:
            failed.append(f"#{item_id} {error.message}")
    if done:
        flash(t("已批准 {count} 篇", count=done), "ok")
    for message in failed:
        flash(message, "error")
    if not done and not failed:
        flash(t("请先勾选要批准的内容"), "error")
    return redirect(url_for("ingest_console.items", state="ready"))


@blueprint.post("/items/<int:item_id>/reject")
@signed_in(Scope.APPROVE)
def reject(item_id: int) -> Response:
    reason = request.form.get("reason", "")
    get_ingest().items.reject(item_id, reason, account().name, _version())
    flash(t("已退回，理由会告诉作者"), "ok")
    return _to_item(item_id)


@blueprint.post("/items/<int:item_id>/withdraw")
@signed_in(Scope.CONTENT)
def withdraw(item_id: int) -> Response:
    get_ingest().items.withdraw(item_id, account().name, _version())
    flash(t("已撤下"), "ok")
    return _to_item(item_id)


@blueprint.post("/items/<int:item_id>/again")
@signed_in(Scope.CONTENT)
def again(item_id: int) -> Response:
    get_ingest().items.process_again(item_id, account().name)
    flash(t("已重新排队处理"), "ok")
    return _to_item(item_id)


@blueprint.post("/items/<int:item_id>/classify")
@signed_in(Scope.CONTENT)
def classify(item_id: int) -> Response:
    """Tags and category by hand; they keep the origin `editor` and are not suggested over."""
    changes = ItemChanges(
        tags=split_names(request.form.get("tags", "")),
        category=request.form.get("category") or None,
    )
    get_ingest().items.change(item_id, changes, account().name, _version())
    flash(t("标签与分类已保存"), "ok")
    return _to_item(item_id)


def _version() -> int | None:
    """The version the person saw: a change by somebody else in between is not overwritten."""
    return request.form.get("version", type=int)


def _to_item(item_id: int) -> Response:
    return redirect(url_for("ingest_console.item", item_id=item_id))
