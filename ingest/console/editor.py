"""Writing and changing an article: Markdown on the left, what readers will see on the right."""

from __future__ import annotations

from dataclasses import dataclass

from flask import flash, jsonify, redirect, render_template, request, url_for
from markupsafe import Markup
from werkzeug.datastructures import FileStorage
from werkzeug.wrappers import Response

from contentcenter.console.labels import category, label
from contentcenter.console.language import t
from contentcenter.console.session import signed_in
from contentcenter.console.views.base import account
from contentcenter.domain.categories import CATEGORIES
from contentcenter.domain.content import ItemForm, ItemKind, TagOrigin
from contentcenter.domain.errors import ContentCenterError, InvalidInput
from contentcenter.domain.roles import Scope
from ingest.console.base import blueprint, reading, save_picture, split_names
from ingest.drafts import ItemChanges, ItemDraft
from ingest.ext import get_ingest
from ingest.markup import render

DESK = "编辑部"


@dataclass(frozen=True)
class EditorForm:
    """What the page holds; kept as typed when something was wrong with it."""

    title: str = ""
    summary: str = ""
    body: str = ""
    author: str = ""
    form: str = ItemForm.ARTICLE
    category: str = ""
    tags: str = ""
    books: str = ""
    cover: str = ""
    source: str = DESK
    version: int | None = None

    @classmethod
    def typed(cls) -> EditorForm:
        form = request.form
        names = (
            "title", "summary", "body", "author", "form", "category", "tags", "books", "cover",
        )  # fmt: skip
        values = {name: form.get(name, "").strip() for name in names}
        source = form.get("source", "").strip() or DESK
        return cls(**values, source=source, version=form.get("version", type=int))


@blueprint.get("/items/new")
@signed_in(Scope.CONTENT)
def write() -> str:
    return _page(EditorForm(author=""))


@blueprint.post("/items/new")
@signed_in(Scope.CONTENT)
def write_post() -> Response | tuple[str, int]:
    typed = EditorForm.typed()
    draft = ItemDraft(
        title=typed.title,
        body=typed.body,
        source=typed.source,
        kind=ItemKind.PGC,
        form=typed.form or ItemForm.ARTICLE,
        summary=typed.summary,
        author=typed.author,
        category=typed.category or None,
        tags=split_names(typed.tags),
        books=split_names(typed.books),
        cover=typed.cover,
        origin=TagOrigin.EDITOR,
    )
    try:
        receipt = get_ingest().items.create(draft, account().name)
    except ContentCenterError as error:
        return _page(typed, error), error.http_status
    if receipt.created:
        flash(t("已收到，正在查重、打标签、关联图书"), "ok")
    else:
        flash(t("同样的内容已经有了，这是它"), "ok")
    return redirect(url_for("ingest_console.item", item_id=receipt.item_id))


@blueprint.get("/items/<int:item_id>/edit")
@signed_in(Scope.CONTENT)
def edit(item_id: int) -> str:
    view = get_ingest().items.get(item_id)
    card = view.card
    books = [link.book.isbn for link in view.book_links if link.book.isbn]
    typed = EditorForm(
        title=card.title,
        summary=card.summary,
        body=view.body,
        author=card.author,
        form=card.form,
        category=card.category,
        tags="、".join(card.tag_names),
        books="、".join(books),
        cover=card.cover,
        source=card.source,
        version=card.version,
    )
    return _page(typed, item_id=item_id)


@blueprint.post("/items/<int:item_id>/edit")
@signed_in(Scope.CONTENT)
def edit_post(item_id: int) -> Response | tuple[str, int]:
    typed = EditorForm.typed()
    try:
        changes = _changes(item_id, typed)
        receipt = get_ingest().items.change(item_id, changes, account().name, typed.version)
    except ContentCenterError as error:
        return _page(typed, error, item_id), error.http_status
    if receipt.state == "received":
        flash(t("已保存；文字有变化，会重新检查并等待批准"), "ok")
    else:
        flash(t("已保存"), "ok")
    return redirect(url_for("ingest_console.item", item_id=item_id))


def _changes(item_id: int, typed: EditorForm) -> ItemChanges:
    """Only what differs: untouched tags and books keep the origin they had."""
    view = get_ingest().items.get(item_id)
    tags, books = split_names(typed.tags), split_names(typed.books)
    linked = tuple(link.book.isbn for link in view.book_links if link.book.isbn)
    return ItemChanges(
        title=typed.title,
        summary=typed.summary,
        body=typed.body,
        author=typed.author,
        form=typed.form or None,
        category=typed.category if typed.category != view.card.category else None,
        tags=tags if tags != view.card.tag_names else None,
        books=books if books != linked else None,
        cover=typed.cover,
    )


@blueprint.post("/items/preview")
@signed_in(Scope.CONTENT)
def preview() -> str:
    """The body as readers will see it, by the same cleaner the pipeline uses."""
    rendered = render(request.form.get("body", ""))
    return render_template(
        "ingest/preview.html",
        html=Markup(rendered.html),  # noqa: S704 - cleaned by ingest.markup's allow list
        notes=rendered.notes,
        characters=len("".join(rendered.text.split())),
    )


@blueprint.post("/items/pictures")
@signed_in(Scope.CONTENT)
def picture() -> Response | tuple[Response, int]:
    """Take one picture in and answer its address; asked by the page's script."""
    upload = request.files.get("file")
    try:
        stored = _stored(upload)
    except ContentCenterError as error:
        return jsonify(message=error.message), error.http_status
    return jsonify(url=stored)


def _stored(upload: FileStorage | None) -> str:
    if upload is None or not upload.filename:
        raise InvalidInput(t("没有收到图片"), field="file")
    return save_picture(upload.read(), upload.filename)


def _page(
    typed: EditorForm, problem: ContentCenterError | None = None, item_id: int | None = None
) -> str:
    fields = problem.details.get("fields") if problem else None
    return render_template(
        "ingest/editor.html",
        form=typed,
        item_id=item_id,
        problem=problem.message if problem else "",
        faults=fields if isinstance(fields, dict) else {},
        forms=[(form.value, label("item_form", form).text) for form in ItemForm],
        categories=[(code, category(code)) for code in CATEGORIES],
        sources=reading().sources(),
        desk=DESK,
    )
