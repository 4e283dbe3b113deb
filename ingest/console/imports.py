"""Imports: drop a file, watch it go in, read what could not be taken and how to mend it."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator

from flask import Response as FlaskResponse
from flask import flash, jsonify, redirect, render_template, request, stream_with_context, url_for
from werkzeug.wrappers import Response

from contentcenter.console.labels import label
from contentcenter.console.language import t
from contentcenter.console.session import signed_in
from contentcenter.console.views.base import account
from contentcenter.domain.content import ItemKind
from contentcenter.domain.errors import ContentCenterError, InvalidInput
from contentcenter.domain.roles import Scope
from ingest.console.base import blueprint, reading
from ingest.ext import get_ingest

PAGE = 20
FAULTS_PAGE = 50
WORKING = frozenset({"uploaded", "running"})


@blueprint.get("/imports")
@signed_in(Scope.READ)
def imports() -> str:
    cursor = request.args.get("cursor") or None
    page = get_ingest().imports.list(PAGE, cursor)
    return render_template(
        "ingest/imports.html",
        imports=page.items,
        next_cursor=page.next_cursor,
        paged=cursor is not None,
        sources=reading().sources(),
        kinds=[(kind.value, label("item_kind", kind).text) for kind in ItemKind],
        working=any(one.state in WORKING for one in page.items),
    )


@blueprint.post("/imports")
@signed_in(Scope.CONTENT)
def upload() -> Response | tuple[Response, int]:
    """From the page's script: answers where to look. Without script: goes there."""
    by_script = request.headers.get("X-Requested-With") == "upload"
    try:
        import_id = _receive()
    except ContentCenterError as error:
        if by_script:
            return jsonify(message=error.message), error.http_status
        flash(error.message, "error")
        return redirect(url_for("ingest_console.imports"))
    address = url_for("ingest_console.import_page", import_id=import_id)
    return jsonify(url=address) if by_script else redirect(address)


def _receive() -> int:
    upload_file = request.files.get("file")
    source = request.form.get("source", "").strip()
    if upload_file is None or not upload_file.filename:
        raise InvalidInput(t("请选择一个文件"), field="file")
    if not source:
        raise InvalidInput(t("请填写来源，例如供应商名称"), field="source")
    kind = request.form.get("kind") or ItemKind.SUPPLIER
    return get_ingest().imports.receive(
        upload_file.stream, upload_file.filename, source, account().name, kind
    )


@blueprint.get("/imports/<int:import_id>")
@signed_in(Scope.READ)
def import_page(import_id: int) -> str:
    view = get_ingest().imports.get(import_id)
    if request.headers.get("HX-Request"):
        return render_template("ingest/import_progress.html", view=view, working=_works(view.state))
    cursor = request.args.get("cursor") or None
    page = get_ingest().imports.faults(import_id, FAULTS_PAGE, cursor)
    return render_template(
        "ingest/import.html",
        view=view,
        working=_works(view.state),
        faults=page.items,
        next_cursor=page.next_cursor,
        paged=cursor is not None,
        groups=reading().fault_groups(import_id) if cursor is None else (),
    )


def _works(state: str) -> bool:
    return state in WORKING


@blueprint.get("/imports/<int:import_id>/errors.csv")
@signed_in(Scope.READ)
def faults_csv(import_id: int) -> FlaskResponse:
    """The whole row report for the supplier; streamed, with a byte-order mark for Excel."""
    get_ingest().imports.get(import_id)
    answer = FlaskResponse(stream_with_context(_lines(import_id)), mimetype="text/csv")
    name = f"import-{import_id}-errors.csv"
    answer.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer


def _lines(import_id: int) -> Iterator[str]:
    yield "\ufeff" + _line(["行号", "字段", "值", "原因", "怎么改", "整行未导入"])
    for fault in get_ingest().imports.all_faults(import_id):
        values = [fault.row, fault.field, fault.value, fault.reason, fault.mend]
        yield _line([*values, "是" if fault.fatal else "否"])


def _line(values: list[object]) -> str:
    out = io.StringIO()
    csv.writer(out).writerow([_harmless(value) for value in values])
    return out.getvalue()


def _harmless(value: object) -> object:
    """A spreadsheet must not run what a supplier wrote into a cell."""
    risky = isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r"))
    return f"'{value}" if risky else value
